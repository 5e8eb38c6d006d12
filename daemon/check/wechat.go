package check

import (
	"context"
	"errors"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechat"
)

// ask draws a token from the stable endpoint, also for a classic credential:
// it returns the token that lives already, and nothing of it touches the
// classic channel. So the check kills no live token. It returns the token, ""
// if there was none.
func (p *probe) ask(ctx context.Context, c config.Credential) secret.Token {
	subject := "wechat " + c.Key
	appSecret, err := c.ReadSecret(ctx)
	if err != nil {
		p.report.skip(subject, "the AppSecret cannot be read")
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.WeChat.Timeout)
	defer cancel()
	start := time.Now()
	grant, err := p.wechat.StableToken(ctx, c.AppID, appSecret, false)
	took := time.Since(start)
	if err != nil {
		saw, cure := refused(p.config.WeChat, err)
		p.report.fail(subject, cure, "%s", saw)
		return ""
	}
	p.report.ok(subject, "answered in %s for %s: %v for another %v (asked the stable endpoint without force_refresh, which ends no live token; api is %s)",
		round(took), c.AppID, grant.Token, grant.ExpiresIn.Round(time.Second), c.API)
	p.clocks.wechat(p.report, grant.ServerTime, start, took)
	return grant.Token
}

// verify asks WeChat once, as the daemon does every verify_every, whether it
// accepts the token. An account may lack the right to ask, and a relay may pass
// the path of tokens alone: the daemon goes on without, so somebody has to say it.
func (p *probe) verify(ctx context.Context, c config.Credential, token secret.Token) {
	subject := "verification " + c.Key
	ctx, cancel := context.WithTimeout(ctx, p.config.WeChat.Timeout)
	defer cancel()
	err := p.wechat.Verify(ctx, token)
	var failure *wechat.Error
	switch {
	case err == nil:
		p.report.ok(subject, "WeChat accepts %v (asked get_api_domain_ip once)", token)
	case errors.As(err, &failure) && failure.Refused():
		p.report.warn(subject, "find out who else draws tokens for this appid; a running daemon draws a new one "+
			"when it has asked twice", "WeChat refuses %v: errcode %d", token, failure.Code)
	default:
		saw, cure := refused(p.config.WeChat, err)
		p.report.warn(subject, cure, "nobody would notice a token that somebody killed, as WeChat does not answer "+
			"get_api_domain_ip: %s", saw)
	}
}
