package check

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
)

// probe asks Redis and WeChat.
type probe struct {
	report *report
	config config.Config
	slots  []store.Slot // in the order of the credentials

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
	var err error
	p.wechat, err = wechat.New(wechat.Options{BaseURL: c.WeChat.BaseURL, Proxy: c.WeChat.Proxy.Reveal(), DialContext: o.DialWeChat})
	if err != nil {
		return fmt.Errorf("wechat: %w", err)
	}
	for _, credential := range c.Credentials {
		keys, err := store.NewKeys(credential.Key)
		if err != nil {
			return fmt.Errorf("key %s: %w", credential.Key, err)
		}
		p.slots = append(p.slots, store.Slot{Keys: keys, Account: credential.AppID, Issuer: wechat.Issuer(c.WeChat.BaseURL),
			Encode: layout.Target{Format: layout.Format(credential.Format), UTCOffset: credential.UTCOffset}.Encode})
	}
	return nil
}

// look asks each server of Redis, and says whether all of them answer.
func (p *probe) look(ctx context.Context) bool {
	servers, err := p.servers(ctx)
	if err != nil {
		t := p.explain(err)
		p.report.fail("redis", t.Cure, "%s: %s", address(p.config.Redis), t.What)
		return false
	}
	answers := true
	for _, s := range servers {
		answers = p.server(ctx, s) && answers
	}
	return answers
}

// explain says in words what went wrong with Redis.
func (p *probe) explain(err error) store.Trouble {
	keys := make([]store.Keys, len(p.slots))
	for i, slot := range p.slots {
		keys[i] = slot.Keys
	}
	return store.Explain(err, keys...)
}

// credential follows one credential through Redis and WeChat. What the user of
// Redis may not observe is not judged: there is nothing to judge by.
func (p *probe) credential(ctx context.Context, i int, redisAnswers bool) {
	c := p.config.Credentials[i]
	var token secret.Token
	if redisAnswers {
		result := store.New(p.redis, p.config.Redis.Timeout, layout.Decode).Observe(ctx, p.slots[i:i+1])[0]
		if p.rights(ctx, p.slots[i], result.Err); result.Err == nil {
			stored(p.report, c, result.Observation)
		}
		if o := result.Observation; o.State.Live(o.Now) {
			token = o.State.Token
		}
	} else {
		p.report.skip("rights "+c.Key, "what is wrong with Redis comes first")
		p.report.skip("token "+c.Key, "what is wrong with Redis comes first")
	}
	if !c.Mint {
		p.report.skip("wechat "+c.Key, "mint: false never asks WeChat for a token")
		return
	}
	drawn := p.ask(ctx, c)
	if token == "" {
		token = drawn
	}
	if drawn != "" {
		p.verify(ctx, c, token)
	}
}
