package keeper

import (
	"context"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// mirror writes the token to the targets in Redis that lack it. What lies there
// was looked at first, and the token after it: so whoever wrote there had none
// that is newer, and who does meanwhile is not overwritten.
func (k *Keeper) mirror(ctx context.Context, _ Errand) (more bool) {
	now := k.store.Observe(ctx, []store.Slot{k.policy.Slot})[0]
	k.metrics.RedisOperation(metrics.OpObserve, now.Err)
	if now.Err != nil {
		return false
	}
	wrong, writes := k.mirrorWrites(now.Observation)
	if len(writes) == 0 {
		return false
	}
	k.passing(Mirroring, "")
	results := k.store.Mirror(ctx, writes, k.policy.Lease)
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, t := range wrong {
		switch r := results[i]; {
		case r.Err != nil:
			k.written(t, metrics.WriteFailed)
			k.targetFailed(t, "could not write the target", r.Err)
		case r.Status == store.Written:
			k.written(t, metrics.WriteDone)
		default:
			// Another replica does it, or the next look decides anew.
			k.written(t, metrics.WriteOvertaken)
		}
	}
	k.tellTargets()
	return false
}

// mirrorWrites are what to write, now that this is the token.
func (k *Keeper) mirrorWrites(o store.Observation) (wrong []*target, writes []store.MirrorWrite) {
	k.mu.Lock()
	defer k.mu.Unlock()
	local := time.Now()
	v := look{Observation: o, left: k.memory.left(o.State, local)}
	if !v.shown() || k.memory.lost(o, local) || k.leaving {
		return nil, nil
	}
	k.targets.remember(o.State.Token)
	for _, t := range k.targets.keys {
		entry := t.entry(o.State)
		if !t.wrong || entry.TTL <= 0 {
			continue
		}
		switch entry.Judge(t.lies, k.targets.recent...) {
		case layout.Ours:
			continue
		case layout.Foreign:
			if t.settled {
				k.tellForeign(t, t.glance.Name)
			}
		case layout.Missing:
			if t.settled && t.foreign == "" {
				k.log.Info("a target was deleted, and is written again", "target", t.String())
			}
		}
		t.wrong = false
		write := store.MirrorWrite{Key: t.Key.Reveal(), Seen: t.glance, TTL: entry.TTL}
		write.Value, write.Fields = entry.Reveal()
		wrong, writes = append(wrong, t), append(writes, write)
	}
	return wrong, writes
}
