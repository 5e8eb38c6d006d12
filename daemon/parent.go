package daemon

import (
	"context"
	"fmt"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// parent is the credential of that key, whoever keeps it now: a changed
// configuration gives it another keeper.
type parent struct {
	registry *registry
	key      string
}

// parent is that of c, nil if c needs none.
func (d *Daemon) parent(c config.Credential) keeper.Parent {
	if c.From == "" {
		return nil
	}
	return parent{d.registry, c.From}
}

// Lend implements keeper.Parent.
func (p parent) Lend() (token secret.Token, until time.Time) {
	if e := p.registry.find(p.key); e != nil {
		return e.Lend()
	}
	return "", time.Time{}
}

// Wish implements keeper.Parent.
func (p parent) Wish(ctx context.Context, wish keeper.Wish) (store.Status, string, error) {
	e := p.registry.find(p.key)
	if e == nil {
		return "", "", fmt.Errorf("key %s: no credential has it any more", p.key)
	}
	return e.Wish(ctx, wish)
}
