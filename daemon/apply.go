package daemon

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
)

// reconfigure makes a new configuration's credentials and consumers the
// daemon's. They have to fit the times and the addresses of this process, which stay.
func (d *Daemon) reconfigure(ctx context.Context, c config.Config) (Changes, error) {
	running := d.options.Config
	least := max(running.WeChat.Timeout+2*running.Redis.Timeout, running.Refresh.Poll)
	for _, one := range c.Credentials {
		if one.Lease < least {
			return Changes{}, fmt.Errorf("key %s: lease %v is shorter than the %v that the running wechat.timeout, "+
				"redis.timeout and refresh.poll ask for, and these need a restart", one.Key, one.Lease, least)
		}
	}
	if err := d.mayServe(c); err != nil {
		return Changes{}, err
	}
	done, err := d.apply(ctx, c.Credentials)
	if err == nil {
		d.useConsumers(c)
	}
	d.heart.tickSoon()
	return done, err
}

// apply makes these the credentials, whatever is under way. With an error nothing
// has happened. Files may be read for it, so nobody waits for it meanwhile.
func (d *Daemon) apply(ctx context.Context, wanted []config.Credential) (Changes, error) {
	config.Adopt(wanted)
	made := map[string]*entry{}
	for _, c := range d.registry.missing(wanted) {
		e, err := d.open(ctx, c, len(wanted))
		if err != nil {
			return Changes{}, fmt.Errorf("key %s: %w", c.Key, err)
		}
		made[c.Key] = e
	}
	for _, e := range made {
		d.metrics.Credential(e.key(), e.Spec().Name, e.Spec().Kind, e.Spec().API, e.Spec().Mint)
		d.metrics.DailyLimit(e.key(), e.Spec().DailyLimit)
	}
	return d.registry.apply(wanted, made), nil
}

// open makes a keeper for one credential among n. Nothing looks at it yet.
func (d *Daemon) open(ctx context.Context, c config.Credential, n int) (*entry, error) {
	spec, err := d.spec(ctx, c, n)
	if err != nil {
		return nil, err
	}
	kind, err := d.platform.Kind(spec.Kind, spec.API)
	if err != nil {
		return nil, err
	}
	e := &entry{config: c}
	options := keeper.Options{
		Spec: spec, Kind: kind, Parent: d.parent(c), Store: d.store, Herald: d.herald, Causes: d.causes,
		Metrics: d.metrics, Log: d.options.Log,
		LookSoon: func() { d.lookSoon(e) }, Many: n > 1,
		Passing: d.options.Passing, Jitter: d.options.Jitter,
		RedisTimeout: d.options.Config.Redis.Timeout, CallTimeout: d.options.Config.WeChat.Timeout,
	}
	if d.options.tamper != nil {
		d.options.tamper(&options)
	}
	e.Keeper = keeper.New(options)
	return e, nil
}

// spec is what the configuration means for one credential among n.
func (d *Daemon) spec(ctx context.Context, c config.Credential, n int) (credential.Spec, error) {
	keys, err := store.NewKeys(c.Key)
	if err != nil {
		return credential.Spec{}, err
	}
	rotation, err := credential.NewRotation(c.Rotate)
	if err != nil {
		return credential.Spec{}, fmt.Errorf("rotate: %w", err)
	}
	traits, name := c.Traits(), c.Account().Name()
	targets, err := c.AllPlaces(ctx)
	if err != nil {
		return credential.Spec{}, err
	}
	target := layout.Target{Format: layout.Format(c.Format), UTCOffset: c.UTCOffset}
	return credential.Spec{
		Slot: store.Slot{
			Keys: keys, Account: credential.Owner(c.Kind, name), API: c.API,
			Issuer:   credential.Issuer(d.options.Config.WeChat.AddressFor(c)),
			Replaces: traits.Replaces, Encode: target.Encode,
			Lease: c.Lease, Overlap: traits.Overlap, VerifyEvery: c.VerifyEvery,
			Poll: paceOf(n, d.options.Config.Refresh.Poll).round,
		},
		Name: name, Kind: c.Kind, Traits: traits, Targets: targets, Secret: c.ReadSecret, Mint: c.Mint,
		Ahead:    c.Ahead + spread(c.Ahead, traits.RenewWindow, c.Key, n),
		Rotation: rotation, DailyLimit: c.DailyLimit, BackoffMin: c.BackoffMin, BackoffMax: c.BackoffMax,
	}, nil
}

// spread is how much earlier than its ahead a credential among n becomes due,
// so that tokens drawn in the same second part with each refresh. It comes from
// the key alone, so that replicas agree, and is nothing where there are few: a
// twentieth of the ahead at most, and for the stable endpoint at most half of
// what is left of the time in which it renews.
func spread(ahead, renewWindow time.Duration, key string, n int) time.Duration {
	if n <= batch {
		return 0
	}
	most := ahead / 20
	if renewWindow > 0 {
		most = min(most, max(0, renewWindow-ahead)/2)
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(key))
	return time.Duration(hash.Sum32()%1000) * most / 1000
}
