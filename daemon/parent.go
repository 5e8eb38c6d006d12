package daemon

import (
	"context"
	"fmt"

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

// Current implements keeper.Parent.
func (p parent) Current() secret.Token {
	if e := p.registry.find(p.key); e != nil {
		return e.Current()
	}
	return ""
}

// Wish implements keeper.Parent.
func (p parent) Wish(ctx context.Context, wish keeper.Wish) (store.Status, string, error) {
	e := p.registry.find(p.key)
	if e == nil {
		return "", "", fmt.Errorf("key %s: no credential has it any more", p.key)
	}
	return e.Wish(ctx, wish)
}
