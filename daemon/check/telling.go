package check

import (
	"context"

	"wxtokend/daemon/config"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
)

// telling tries whether the daemon may tell readers of a new token. There is no
// way to try that in silence, so they are told once more what they know. The
// daemon works without, so nothing of it is FAIL.
func (p *probe) telling(ctx context.Context, c config.Credential, o store.Observation) {
	subject := "telling " + c.Key
	switch {
	case !c.Mint:
		return
	case !o.State.Live(o.Now):
		p.skip(subject, "tried when there is a token to tell readers of")
		return
	}
	slot := store.Slot{Keys: keysOf(c)}
	err := store.New(p.redis, p.config.Redis.Timeout, layout.Decode).Tell(ctx, slot, o.State.Token, o.State.ExpiresAt)
	if err != nil {
		t := store.ExplainFor(store.TellingRights(slot.Keys), err)
		p.warn(subject, t.Cure, "readers that listen on the channel %s are not told of new tokens: %s",
			slot.Keys.Channel(), t.What)
		return
	}
	p.ok(subject, "readers may listen on the channel %s (told them of the stored token once more)", slot.Keys.Channel())
}
