package daemon

import (
	"context"
	"errors"
	"slices"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/store"
	"wxtokend/daemon/tokenapi"
)

// lender is what the token API sees of the daemon.
type lender struct{ *Daemon }

// Find implements tokenapi.Tokens.
func (l lender) Find(key string) (tokenapi.Token, bool) {
	e := l.registry.find(key)
	if e == nil {
		return tokenapi.Token{}, false
	}
	token, until := e.Lend()
	refused, forced := e.Ended()
	return tokenapi.Token{
		Identity: identity(e.config), Value: token, Until: until, Refused: refused, Forced: forced,
	}, token != ""
}

// Report implements tokenapi.Tokens.
func (l lender) Report(ctx context.Context, key, fingerprint string) error {
	e := l.registry.find(key)
	if e == nil {
		return nil
	}
	status, _, err := e.Wish(ctx, keeper.Wish{Fingerprint: fingerprint})
	if status == store.Accepted {
		l.lookSoon(e)
	}
	return err
}

// identity is what apps call the credential.
func identity(c config.Credential) tokenapi.Identity {
	return tokenapi.Identity{Kind: c.Kind, Account: c.Account().ID, From: c.From}
}

// mayServe refuses consumers where others could read what they get: at the
// address and with the TLS that this process has, and not those that c asks for.
func (d *Daemon) mayServe(c config.Config) error {
	if len(c.HTTP.Consumers) > 0 && !d.options.Config.HTTP.Private(d.options.Lock) {
		return errors.New("http.consumers: the running http.listen is no loopback address and has no TLS, " +
			"and to change that needs a restart")
	}
	return nil
}

// useConsumers makes those of c the consumers.
func (d *Daemon) useConsumers(c config.Config) {
	known := map[string]tokenapi.Credential{}
	for _, one := range c.Credentials {
		known[one.Key] = tokenapi.Credential{Key: one.Key, Identity: identity(one)}
	}
	var all []tokenapi.Consumer
	var names []string
	for _, one := range c.HTTP.Consumers {
		consumer := tokenapi.Consumer{Name: one.Name, Sum: one.Sum(), Origins: slices.Clone(one.JSSDKOrigins)}
		for _, key := range one.Keys {
			consumer.Keys = append(consumer.Keys, known[key])
		}
		all, names = append(all, consumer), append(names, one.Name)
	}
	d.metrics.Consumers(names)
	d.api.Use(all)
}
