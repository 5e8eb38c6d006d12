package keeper

import (
	"math"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// memory is the token that this process saw last under the key. When Redis
// loses it, the process puts it back instead of drawing a new one.
type memory struct {
	store.Memory
	// By this host's monotonic clock.
	expiry time.Time
	// By the same clock, never too late.
	minted time.Time
	// Every tick since then failed to reach Redis.
	unbroken bool
	lastTick time.Time
	// Fingerprint of the token that WeChat refused. It is kept even if Redis loses it,
	// so that this token is not restored.
	refused string
}

// fill remembers what is known to be stored for readers. Of one expiry, and of
// one token's age, the earliest view stays: a clock of Redis that goes back
// makes no token younger.
func (m *memory) fill(s store.State, redisNow, local time.Time) {
	minted := local.Add(min(0, s.MintedAt.Sub(redisNow)))
	if m.Token == s.Token && m.minted.Before(minted) {
		minted = m.minted
	}
	expiry := local.Add(s.ExpiresAt.Sub(redisNow))
	if m.Token == s.Token && m.ExpiresAt.Equal(s.ExpiresAt) && m.expiry.Before(expiry) {
		expiry = m.expiry
	}
	m.Memory = store.Memory{
		Token: s.Token, ExpiresIn: s.ExpiresIn, Life: s.Life, ExpiresAt: s.ExpiresAt, MintedAt: s.MintedAt,
	}
	m.expiry, m.minted, m.unbroken = expiry, minted, true
}

// left is what is left until the state's expiry by this host's clock; more than
// any token has where the process does not know it.
func (m *memory) left(s store.State, local time.Time) time.Duration {
	if !m.ExpiresAt.Equal(s.ExpiresAt) {
		return math.MaxInt64
	}
	return m.expiry.Sub(local)
}

// passed is how long it is from one time of this host to another. Its monotonic
// clock stands still while it is suspended, and its wall clock can be set: the
// longer one counts, until the next look.
func passed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// tick notes that a tick happened. A pause longer than any tick takes breaks
// the chain: while this host was suspended anything may have come and gone.
func (m *memory) tick(local time.Time, longest time.Duration) {
	if passed(m.lastTick, local) > longest {
		m.unbroken = false
	}
	m.lastTick = local
}

// observe takes in a good observation and returns the token to restore, nil if
// there is none.
func (m *memory) observe(o store.Observation, local time.Time) *store.Memory {
	if o.State.Refused != "" {
		m.refused = o.State.Refused
	}
	if o.State.Live(o.Now) && o.State.Token.Is(m.refused) {
		// WeChat was wrong, and has said so.
		m.refused = ""
	}
	if again := m.restorable(o, local); again != nil {
		// The restore may fail on its way, or wait for a mint that comes to nothing.
		// While Redis has no token at all, nothing newer can be buried by it.
		m.unbroken = o.State.Token == "" || m.unbroken && o.Lease == ""
		return again
	}
	m.unbroken = false
	// A broken key is no reason to forget: it will be written back.
	if o.Value.Token == o.State.Token || o.Value.Token == "" {
		m.fill(o.State, o.Now, local)
	}
	return nil
}

// restorable is the remembered token with what is left of its life, by the
// more cautious of two clocks.
func (m *memory) restorable(o store.Observation, local time.Time) *store.Memory {
	if !m.unbroken || !m.lost(o, local) {
		return nil
	}
	remaining := min(m.ExpiresAt.Sub(o.Now), m.expiry.Sub(local))
	if remaining <= 0 {
		return nil
	}
	again := m.Memory
	again.ExpiresAt = o.Now.Add(remaining)
	return &again
}

// lost says that the remembered token is newer than all that Redis has, and
// that writing it would bury nobody else's.
func (m *memory) lost(o store.Observation, local time.Time) bool {
	if m.Token == "" || o.Other.AppID != "" || m.Token.Is(m.refused) {
		return false
	}
	if o.State.Token != "" && (o.State.Token == m.Token || !o.State.MintedAt.Before(m.MintedAt)) {
		return false
	}
	// A clock of Redis that went back since then turns the order around, not the ages.
	if o.State.Token != "" && o.Now.Sub(o.State.MintedAt) <= local.Sub(m.minted) {
		return false
	}
	known := map[secret.Token]bool{"": true, m.Token: true, o.State.Token: true}
	return known[o.Value.Token]
}
