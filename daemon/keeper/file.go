package keeper

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// hangs is how long a file that did not answer in time is left alone: whoever
// waits for a dead file system takes the place of others.
const hangs = 30 * time.Second

// toFile is what looking after the files needs. Called with mu held.
func (k *Keeper) toFile() Errand {
	now := time.Now()
	for _, t := range k.targets.files {
		if !k.leaving && !k.seen.local.IsZero() && now.After(t.hung) {
			return ToFile
		}
	}
	return 0
}

// assertFiles makes the files say what the key says.
func (k *Keeper) assertFiles(ctx context.Context, _ Errand) (more bool) {
	for _, t := range k.targets.files {
		k.mu.Lock()
		local := time.Now()
		v, hung := k.seen.look, t.hung
		late := passed(k.seen.local, local) > 3*k.policy.Poll+k.redisTimeout
		v.Now, v.left = k.now(local), k.memory.left(v.State, local)
		k.mu.Unlock()
		if local.Before(hung) || v.State.Token == "" {
			continue
		}
		asserting, cancel := context.WithTimeout(ctx, k.redisTimeout)
		k.assertFile(asserting, t, v, late)
		cancel()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tellTargets()
	return false
}

// assertFile writes one file if it is not as it should be. A file has no time to
// live, so it is removed when its token has expired. late says that Redis has not
// answered for a while: who shares the file may know more.
func (k *Keeper) assertFile(ctx context.Context, t *target, v look, late bool) {
	entry := t.Entry(v.State.Token, v.State.ExpiresIn, v.State.ExpiresAt, v.Now)
	value, _ := entry.Reveal()
	there, mode, err := secret.ReadWithMode(ctx, t.File, store.LongestValue)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		k.filed(t, err, metrics.WriteFailed)
		return
	}
	verdict := entry.Judge(layout.Found{Value: secret.Secret(there)}, k.recent()...)
	switch expired := !v.Now.Before(v.State.ExpiresAt) || v.left <= 0; {
	case expired && verdict == layout.Ours:
		removed, err := secret.Remove(ctx, t.File)
		if removed {
			k.log.Info("removed the file of a token that has expired", "target", t.File)
		}
		k.filed(t, err, "")
	case verdict == layout.Ours && (mode == t.Mode || mode == t.stays):
		k.mu.Lock()
		t.settled, t.foreign, t.stays = true, "", mode
		k.works(t)
		k.mu.Unlock()
	case expired, !v.shown(), late && !missing:
	default:
		if verdict == layout.Foreign && t.settled {
			k.mu.Lock()
			k.tellForeign(t, store.NameOf(string(there), nil))
			k.mu.Unlock()
		}
		err := secret.Write(ctx, t.File, secret.Secret(value), t.Mode)
		result := metrics.WriteDone
		if err != nil {
			result = metrics.WriteFailed
		} else if !missing {
			t.stays = mode
		}
		k.filed(t, err, result)
	}
}

// filed takes in what became of a file, "" if nothing was written.
func (k *Keeper) filed(t *target, err error, result metrics.Write) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if result != "" {
		k.written(t, result)
	}
	if err == nil {
		return
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.hung = time.Now().Add(hangs)
	}
	k.targetFailed(t, "could not write the file", err)
}

func (k *Keeper) recent() []secret.Token {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.targets.recent
}
