package check

import (
	"context"
	_ "embed"

	"wxtokend/daemon/config"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

//go:embed target.lua
var targetTrial string

// targets looks at the targets of one credential in Redis: whether its user may
// write them, and what readers find there.
func (p *probe) targets(ctx context.Context, c config.Credential, slot store.Slot) {
	places, err := c.AllPlaces(ctx)
	if err != nil {
		p.fail("targets "+c.Key, "", "%v", err)
		return
	}
	var mirrors []layout.Mirror
	for _, place := range places {
		if place.File == "" {
			mirrors = append(mirrors, place.Mirror)
			slot.Mirrors = append(slot.Mirrors, store.Mirror{Key: place.Key.Reveal()})
		}
	}
	seen := store.New(p.redis, p.config.Redis.Timeout, layout.Decode).Observe(ctx, slot)
	for i, m := range mirrors {
		p.target(ctx, c, m, seen.Observation, seen.Mirrors[i])
	}
}

func (p *probe) target(ctx context.Context, c config.Credential, m layout.Mirror, o store.Observation, g store.Glance) {
	subject := "target " + m.String()
	ctx, cancel := context.WithTimeout(ctx, p.config.Redis.Timeout)
	defer cancel()
	err := g.Err
	if err == nil {
		err = p.redis.Eval(ctx, targetTrial, []string{m.Key.Reveal()}).Err()
	}
	if err != nil && (c.Mint || !store.Forbidden(err)) {
		t := store.ExplainFor(store.WithMirrors(needed(c), m.String()), err)
		p.fail(subject, t.Cure, "it cannot be written: %s", t.What)
		return
	}
	entry := m.Entry(o.State.Token, o.State.ExpiresIn, o.State.ExpiresAt, o.Now)
	found := layout.Found{
		Value: g.Value, Fields: g.Fields, TTL: g.TTL, Other: g.Name != "" && g.Value == "" && g.Fields == nil,
	}
	verdict := layout.Missing
	if g.Name != "" {
		verdict = entry.Judge(found, secret.Token(""))
	}
	switch {
	case err != nil:
		p.ok(subject, "its user may not write it: left to a replica that may")
	case o.State.Token == "" && verdict == layout.Missing:
		p.ok(subject, "nothing yet: the daemon writes it with the token")
	case verdict == layout.Ours:
		p.ok(subject, "readers find the token there")
	default:
		p.warn(subject, "nothing to do if no daemon runs yet; a running one writes it within a poll, and its log says "+
			"what keeps it from that", "%s: readers do not find the token there", verdict)
	}
}
