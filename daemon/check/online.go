package check

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// probe asks Redis and WeChat.
type probe struct {
	*report
	config   config.Config
	redis    redis.UniversalClient
	platform *credential.Platform
	// What was drawn of each credential, for those that are drawn with it, by its key.
	drawn map[string]secret.Token
	// How far WeChat's clock is ahead of this host's, nil until it has answered.
	ahead *time.Duration
}

// online looks at all that the configuration names. A Redis that is away does
// not keep it from WeChat.
func online(ctx context.Context, r *report, c config.Config, o Options) (err error) {
	p := &probe{report: r, config: c, drawn: map[string]secret.Token{}}
	p.platform, err = credential.NewPlatform(credential.Options{
		BaseURL: c.WeChat.BaseURL, WeComURL: c.WeChat.WeComBaseURL, Proxy: c.WeChat.Proxy.Reveal(), DialContext: o.DialWeChat,
		Clock: func(ahead time.Duration) { p.ahead = &ahead },
	})
	if err != nil {
		return err
	}
	options, err := c.Redis.Options(ctx)
	if err != nil {
		return err
	}
	options.Dial = o.DialRedis
	if p.redis, err = store.Connect(options); err != nil {
		return err
	}
	defer p.redis.Close()
	answers := p.servers(ctx)
	for _, one := range parentsFirst(c.Credentials) {
		if ctx.Err() == nil {
			p.credential(ctx, one, answers)
		}
	}
	if p.ahead != nil {
		// Its Date header counts whole seconds, and the call takes a while.
		r.clock("WeChat", *p.ahead, time.Second)
	}
	return nil
}

// parentsFirst puts those that others are drawn with before them.
func parentsFirst(all []config.Credential) []config.Credential {
	var parents, others []config.Credential
	for _, c := range all {
		if c.Form().Parent == "" {
			parents = append(parents, c)
		} else {
			others = append(others, c)
		}
	}
	return append(parents, others...)
}

// credential follows one credential through Redis and WeChat.
func (p *probe) credential(ctx context.Context, c config.Credential, redisAnswers bool) {
	var token secret.Token
	if redisAnswers {
		token = p.stored(ctx, c)
	} else {
		p.skip("rights "+c.Key, "what is wrong with Redis comes first")
		p.skip("token "+c.Key, "what is wrong with Redis comes first")
	}
	if !c.Mint {
		p.skip("wechat "+c.Key, "mint: false never asks WeChat for a token")
		return
	}
	drawn := p.ask(ctx, c)
	p.drawn[c.Key] = drawn
	if token == "" {
		token = drawn
	}
	if drawn != "" && c.Traits().Verifiable {
		p.verify(ctx, c, token)
	}
}

// stored looks at what readers get, and returns the token if it can be used.
// What the user of Redis may not observe is not judged: there is nothing to
// judge by.
func (p *probe) stored(ctx context.Context, c config.Credential) secret.Token {
	target := layout.Target{Format: layout.Format(c.Format), UTCOffset: c.UTCOffset}
	slot := store.Slot{
		Keys: keysOf(c), Account: credential.Owner(c.Kind, c.Account().Name()),
		Issuer: credential.Issuer(p.config.WeChat.AddressFor(c)), Encode: target.Encode,
	}
	result := store.New(p.redis, p.config.Redis.Timeout, layout.Decode).Observe(ctx, slot)
	if p.rights(ctx, c, result.Err); result.Err == nil {
		p.token(c, result.Observation)
		p.exits(c, result.Observation.State.Exits.List())
		p.telling(ctx, c, result.Observation)
		p.targets(ctx, c, slot)
	}
	if o := result.Observation; o.State.Live(o.Now) {
		return o.State.Token
	}
	return ""
}

// keysOf derives what config.Load has checked.
func keysOf(c config.Credential) store.Keys {
	keys, _ := store.NewKeys(c.Key)
	return keys
}
