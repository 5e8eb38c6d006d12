package keeper

import (
	"time"

	"wxtokend/daemon/secret"
)

// Lend returns the token that readers of the key get, and until when they may
// use it, by this host's monotonic clock; "" where they get none that WeChat
// accepts, as far as the last good look tells. It waits for nobody.
func (k *Keeper) Lend() (token secret.Token, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	local := time.Now()
	if state := k.state(local); state != Fresh && state != Due {
		return "", time.Time{}
	}
	s := k.readable(local)
	left := min(s.ExpiresAt.Sub(k.now(local)), k.memory.left(s, local))
	if k.policy.Replaces {
		// Some replica may draw the next one as soon as this is due, and this process
		// may not know of it for a lease.
		ends := max(0, left-k.policy.effectiveAhead(s.Life)) + max(0, k.policy.Overlap-k.policy.Lease)
		left = min(left, ends)
	}
	if left <= 0 {
		return "", time.Time{}
	}
	return s.Token, local.Add(left)
}

// Ended says what nobody is to accept any more: the token of that fingerprint, which
// WeChat refuses, and, if forced, the one before that which readers get now: it leaked.
func (k *Keeper) Ended() (refused string, forced bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.readable(time.Now())
	// A rotation forces too, and nobody asked for that: the token before it lives on.
	forced = !s.ForcedAt.IsZero() && !s.ForcedAt.Before(s.MintedAt) && s.MintedAt.Sub(s.AskedAt) < answersFor
	return s.Refused, forced
}

// answersFor is how long after a person's request a forced draw is an answer to it.
const answersFor = time.Hour
