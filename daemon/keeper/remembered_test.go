package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// TestRemembered says which observations become the memory.
func TestRemembered(t *testing.T) {
	rows := []struct {
		name string
		next func(w *witness) store.Observation
		want secret.Token // restored a poll later, from an empty Redis
	}{
		{"a newer token in state and key", func(w *witness) store.Observation { return w.stored("token-c", w.redis) },
			"token-c"},
		{"a newer token that no reader saw", func(w *witness) store.Observation {
			return under("token-x",
				w.stored("token-c", w.redis))
		}, ""},
		{"a newer token that has expired", func(w *witness) store.Observation {
			o := w.stored("token-c", w.redis)
			o.State.ExpiresAt = w.redis
			return o
		}, ""},
		{"nothing", func(*witness) store.Observation { return empty }, "token-b"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWitness()
			w.saw()
			w.pass(memoryPoll)
			w.see(0, row.next(w))
			got := w.see(memoryPoll, empty)
			if row.want == "" && got != nil || row.want != "" && (got == nil || got.Token != row.want) {
				t.Errorf("restores %+v, want %v", got, row.want)
			}
		})
	}
}

// TestNothingIsRestoredWithoutToken: an empty value would be worse for
// readers than no key.
func TestNothingIsRestoredWithoutToken(t *testing.T) {
	w := newWitness()
	w.see(0, store.Observation{State: store.State{Refused: "0123abcd"}})
	w.fill(store.State{ExpiresAt: w.redis.Add(time.Hour), Life: time.Hour}, w.redis, w.local)
	if got := w.see(memoryPoll, empty); got != nil {
		t.Errorf("restores %+v", got)
	}
}

// TestCommittedIsRemembered: the process that minted need not see its token in
// Redis to put it back.
func TestCommittedIsRemembered(t *testing.T) {
	r := &Keeper{barred: time.Now().Add(time.Hour)}
	begun := time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	order := t0.Add(time.Millisecond)
	r.memory.tick(begun, 3*memoryPoll)
	r.remember(&attempt{begun: begun, commit: &store.Commit{Token: "token-b", ExpiresIn: 2 * time.Hour, T0: t0,
		Order: order}})
	r.memory.tick(begun.Add(memoryPoll), 3*memoryPoll)
	got := r.memory.observe(store.Observation{Now: t0.Add(memoryPoll)}, begun.Add(memoryPoll))
	want := store.Memory{Token: "token-b", ExpiresIn: 2 * time.Hour, Life: 2 * time.Hour, MintedAt: order,
		ExpiresAt: t0.Add(2 * time.Hour)}
	if got == nil || *got != want {
		t.Errorf("restores %+v, want %+v", got, want)
	}
	if !r.barred.IsZero() {
		t.Error("a success does not end this process' own wait")
	}
}
