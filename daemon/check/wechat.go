package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
)

// ask draws a token in the way that replaces none: that of a classic credential
// from the stable endpoint, where nothing touches the classic channel. So the check
// kills no live token. It returns the token, "" if there was none.
func (p *probe) ask(ctx context.Context, c config.Credential) secret.Token {
	subject := "wechat " + c.Key
	appSecret, err := c.ReadSecret(ctx)
	if err != nil {
		p.skip(subject, "the AppSecret cannot be read")
		return ""
	}
	in := credential.Inputs{Account: c.Account().Name(), Secret: appSecret, Parent: p.drawn[c.From]}
	if c.Traits().Parent != "" && in.Parent == "" {
		p.skip(subject, "there is no token of %s to draw it with", c.From)
		return ""
	}
	kind, err := p.platform.Kind(c.Kind, credential.Harmless(c.Kind))
	if err != nil {
		p.skip(subject, "%v", err)
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.WeChat.Timeout)
	defer cancel()
	grant, err := kind.Draw(ctx, in)
	if err != nil {
		saw, cure := p.refused(c, err)
		p.fail(subject, cure, "%s", saw)
		return ""
	}
	how := "a draw gives the same one while it lives, and ends none"
	if c.API != "" {
		how = "asked the stable endpoint without force_refresh, which ends no live token; api is " + c.API
	}
	p.ok(subject, "it answers for %s: %v for another %v (%s)", in.Account, grant.Token,
		grant.ExpiresIn.Round(time.Second), how)
	return grant.Token
}

// verify asks WeChat once, as the daemon does every verify_every, whether it
// accepts the token. An account may lack the right to ask, and a relay may pass
// the path of tokens alone: the daemon goes on without, so somebody has to say it.
// WeCom takes a draw from everywhere, and says here that it does not trust this host.
func (p *probe) verify(ctx context.Context, c config.Credential, token secret.Token) {
	subject := "verification " + c.Key
	kind, err := p.platform.Kind(c.Kind, c.API)
	if err != nil {
		p.skip(subject, "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.WeChat.Timeout)
	defer cancel()
	err = kind.Verify(ctx, token)
	failure, failed := errors.AsType[*credential.Error](err)
	switch {
	case !failed:
		p.ok(subject, "WeChat accepts %v (asked get_api_domain_ip once)", token)
	case failure.Refused():
		p.warn(subject, "find out who else draws tokens for this appid; a running daemon draws a new one "+
			"when it has asked twice", "WeChat refuses %v: errcode %d", token, failure.Code)
	default:
		saw, cure := p.refused(c, err)
		p.warn(subject, cure, "nobody would notice a token that somebody killed, as WeChat does not answer "+
			"get_api_domain_ip: %s", saw)
	}
}

// refused explains a failed call of WeChat, in English and in Chinese where
// WeChat gave a code: the cure is often found in its Chinese console.
func (p *probe) refused(c config.Credential, err error) (saw, cure string) {
	failure, _ := errors.AsType[*credential.Error](err)
	if failure.Code == 0 {
		return fmt.Sprintf("%s: %s", failure.Class, failure.Message), unanswered(p.config.WeChat,
			p.config.WeChat.AddressFor(c))
	}
	entry := failure.Meaning()
	return fmt.Sprintf("errcode %d (%s): %s（%s） (WeChat says %q)",
		failure.Code, failure.Class, entry.English, entry.Chinese, failure.Message), entry.Cure + "\n" + entry.CureChinese
}

// unanswered is the cure for a call without an errcode. The failure's own words
// say what broke; here is from where to try, as behind a proxy that is not this host.
func unanswered(c config.WeChat, address string) string {
	// The daemon obeys its own options alone; curl obeys the environment as well, unless told otherwise.
	from, try := "this host", "curl -v --noproxy '*' "+address
	if c.Proxy != "" {
		from, try = "wechat.proxy", "curl -v --noproxy '' --proxy (the value of wechat.proxy) "+address
	}
	return fmt.Sprintf("%s must reach %s: check DNS, firewall, CA certificates and wechat.proxy, and look whether "+
		"a proxy or a login page answers in WeChat's place, on this host with: %s", from, address, try)
}
