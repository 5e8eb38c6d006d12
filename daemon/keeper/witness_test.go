package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

const memoryPoll = 2 * time.Second

// witness is one process that watches a Redis, with a clock for each.
type witness struct {
	memory
	redis, local time.Time
}

func newWitness() *witness {
	return &witness{
		redis: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		local: time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC), // nobody compares the two
	}
}

// pass lets time go by without a tick.
func (w *witness) pass(d time.Duration) { w.redis, w.local = w.redis.Add(d), w.local.Add(d) }

// fail is a tick that did not reach Redis, a poll after the last one.
func (w *witness) fail(times int) {
	for range times {
		w.pass(memoryPoll)
		w.memory.tick(w.local, 3*memoryPoll)
	}
}

// see is a tick that reached Redis, after d.
func (w *witness) see(after time.Duration, o store.Observation) *store.Memory {
	w.pass(after)
	w.memory.tick(w.local, 3*memoryPoll)
	o.Now = w.redis
	return w.observe(o, w.local)
}

// stored is a credential whose token lives for two hours from its mint on,
// as state and key hold it at the time of the witness.
func (w *witness) stored(token secret.Token, minted time.Time) store.Observation {
	return store.Observation{
		State: store.State{
			AppID: testAppID, Token: token, ExpiresIn: 2 * time.Hour, Life: 2 * time.Hour, MintedAt: minted,
			ExpiresAt: minted.Add(2 * time.Hour),
		},
		Value: store.Value{Present: true, Token: token, TTL: 2 * time.Hour},
	}
}

// saw is where every row begins: token-b is stored, minted this instant.
func (w *witness) saw() { w.see(0, w.stored("token-b", w.redis)) }

// TestClockOfRedisGoesBack: the process' own clock says when the token ends.
func TestClockOfRedisGoesBack(t *testing.T) {
	w := newWitness()
	w.saw()
	w.pass(memoryPoll)
	w.redis = w.redis.Add(-time.Hour)
	o := w.stored("token-b", w.redis.Add(time.Hour-memoryPoll))
	w.see(0, o)
	if left := w.left(o.State, w.local); left != 2*time.Hour-memoryPoll {
		t.Errorf("%v left", left)
	}
	o.State.ExpiresAt = o.State.ExpiresAt.Add(time.Second) // WeChat said something new about it
	if left := w.left(o.State, w.local); left < 24*time.Hour {
		t.Errorf("%v left of what this process does not know", left)
	}
	w.see(memoryPoll, o)
	if left := w.left(o.State, w.local); left != o.State.ExpiresAt.Sub(w.redis) {
		t.Errorf("%v left", left)
	}
}
