package check

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
)

// probe asks Redis and WeChat.
type probe struct {
	report *report
	config config.Config
	slots  []store.Credential // in the order of the credentials

	redis  redis.UniversalClient
	wechat *wechat.Client
	clocks clocks
}

// online looks at all that the configuration names. A Redis that is away does
// not keep it from WeChat.
func online(ctx context.Context, r *report, c config.Config, o Options) {
	p := &probe{report: r, config: c}
	if err := p.prepare(o); err != nil {
		r.fail("configuration", "correct it, then check again", "%v", err)
		return
	}
	answers := false
	if client, stop, err := connect(c.Redis, o.DialRedis); err != nil {
		r.fail("redis", "correct the section redis of the configuration", "%v", err)
	} else {
		defer stop()
		defer client.Close()
		p.redis = client
		answers = p.look(ctx)
	}
	for i := 0; i < len(c.Credentials) && ctx.Err() == nil; i++ {
		p.credential(ctx, i, answers)
	}
}

// prepare repeats what config.Load has checked: its errors are for those who
// made a configuration by hand.
func (p *probe) prepare(o Options) error {
	c := p.config
	base, err := url.Parse(c.WeChat.BaseURL)
	if err == nil {
		p.wechat, err = wechat.New(wechat.Options{BaseURL: c.WeChat.BaseURL, Proxy: c.WeChat.Proxy.Reveal(), DialContext: o.DialWeChat})
	}
	if err != nil {
		return fmt.Errorf("wechat: %w", err)
	}
	for _, credential := range c.Credentials {
		keys, err := store.NewKeys(credential.Key)
		if err != nil {
			return fmt.Errorf("key %s: %w", credential.Key, err)
		}
		p.slots = append(p.slots, store.Credential{Keys: keys, AppID: credential.AppID, Issuer: base.Host})
	}
	return nil
}

// look asks each server of Redis, and says whether all of them answer.
func (p *probe) look(ctx context.Context) bool {
	servers, err := p.servers(ctx)
	if err != nil {
		saw, cure := p.explain(err)
		p.report.fail("redis", cure, "%s: %s", address(p.config.Redis), saw)
		return false
	}
	answers := true
	for _, s := range servers {
		answers = p.server(ctx, s) && answers
	}
	return answers
}

// credential follows one credential through Redis and WeChat. What the user of
// Redis may not observe is not judged: there is nothing to judge by.
func (p *probe) credential(ctx context.Context, i int, redisAnswers bool) {
	c := p.config.Credentials[i]
	if redisAnswers {
		result := store.New(p.redis, p.config.Redis.Timeout).Observe(ctx, p.slots[i:i+1])[0]
		if p.rights(ctx, p.slots[i], result.Err); result.Err == nil {
			stored(p.report, c, result.Observation)
		}
	} else {
		p.report.skip("rights "+c.Key, "Redis has to answer first")
		p.report.skip("token "+c.Key, "Redis has to answer first")
	}
	if !c.Mint {
		p.report.skip("wechat "+c.Key, "mint: false never asks WeChat for a token")
		return
	}
	p.ask(ctx, c)
}

// ask draws a token from the stable endpoint, also for a classic credential:
// it returns the token that lives already, and nothing of it touches the
// classic channel. So the check kills no live token.
func (p *probe) ask(ctx context.Context, c config.Credential) {
	subject := "wechat " + c.Key
	ctx, cancel := context.WithTimeout(ctx, p.config.WeChat.Timeout)
	defer cancel()
	appSecret, err := c.ReadSecret(ctx)
	if err != nil {
		p.report.skip(subject, "the AppSecret cannot be read")
		return
	}
	start := time.Now()
	grant, err := p.wechat.Mint(ctx, wechat.Request{API: wechat.Stable, AppID: c.AppID, Secret: appSecret})
	took := time.Since(start)
	if err != nil {
		p.report.refused(subject, p.config.WeChat, err)
		return
	}
	p.report.ok(subject, "answered in %s for %s: %v for another %v (asked the stable endpoint without force_refresh, which ends no live token; api is %s)",
		round(took), c.AppID, grant.Token, grant.ExpiresIn.Round(time.Second), c.API)
	p.clocks.wechat(p.report, grant.ServerTime, start, took)
}
