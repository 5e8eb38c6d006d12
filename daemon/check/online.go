package check

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
)

// probe asks Redis and WeChat.
type probe struct {
	*report
	config config.Config
	redis  redis.UniversalClient
	wechat *wechat.Client
	// How far WeChat's clock is ahead of this host's, nil until it has answered.
	ahead *time.Duration
}

// online looks at all that the configuration names. A Redis that is away does
// not keep it from WeChat.
func online(ctx context.Context, r *report, c config.Config, o Options) (err error) {
	p := &probe{report: r, config: c}
	p.wechat, err = wechat.New(wechat.Options{
		BaseURL: c.WeChat.BaseURL, Proxy: c.WeChat.Proxy.Reveal(), DialContext: o.DialWeChat,
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
	for i := 0; i < len(c.Credentials) && ctx.Err() == nil; i++ {
		p.credential(ctx, c.Credentials[i], answers)
	}
	if p.ahead != nil {
		// Its Date header counts whole seconds, and the call takes a while.
		r.clock("WeChat", *p.ahead, time.Second)
	}
	return nil
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
	if token == "" {
		token = drawn
	}
	if drawn != "" {
		p.verify(ctx, c, token)
	}
}

// stored looks at what readers get, and returns the token if it can be used.
// What the user of Redis may not observe is not judged: there is nothing to
// judge by.
func (p *probe) stored(ctx context.Context, c config.Credential) secret.Token {
	target := layout.Target{Format: layout.Format(c.Format), UTCOffset: c.UTCOffset}
	slot := store.Slot{
		Keys: keysOf(c), Account: c.AppID, Issuer: wechat.Issuer(p.config.WeChat.BaseURL), Encode: target.Encode,
	}
	result := store.New(p.redis, p.config.Redis.Timeout, layout.Decode).Observe(ctx, []store.Slot{slot})[0]
	if p.rights(ctx, c, result.Err); result.Err == nil {
		p.token(c, result.Observation)
		p.telling(ctx, c, result.Observation)
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
