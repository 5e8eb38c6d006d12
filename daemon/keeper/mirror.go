package keeper

import (
	"context"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// mirror writes the token to the targets in Redis that lack it. The look saw what
// lies there first, and then the token: so whoever wrote there had none that is
// newer, and who does meanwhile is not overwritten.
func (k *Keeper) mirror(ctx context.Context, _ Errand) (more bool) {
	wrong, writes := k.mirrorWrites()
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

// mirrorWrites are what the last look calls for.
func (k *Keeper) mirrorWrites() (wrong []*target, writes []store.MirrorWrite) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.targets.keys {
		if !t.wrong || k.leaving {
			continue
		}
		switch t.verdict {
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
		write := store.MirrorWrite{Key: t.Key.Reveal(), Seen: t.glance, TTL: t.known.TTL}
		write.Value, write.Fields = t.known.Reveal()
		wrong, writes = append(wrong, t), append(writes, write)
	}
	return wrong, writes
}
