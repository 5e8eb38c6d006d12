package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

var empty store.Observation // as after FLUSHALL

func under(key secret.Token, o store.Observation) store.Observation {
	o.Value = store.Value{Present: true, Token: key}
	return o
}

// TestRestorable says for each way of losing a token whether the process that
// remembers it may write it back, and for how long.
func TestRestorable(t *testing.T) {
	const life = 2 * time.Hour
	rows := []struct {
		name string
		lose func(w *witness) *store.Memory
		left time.Duration // 0: not restorable
	}{
		{"the next tick", func(w *witness) *store.Memory { w.saw(); return w.see(memoryPoll, empty) }, life - memoryPoll},
		{"never seen", func(w *witness) *store.Memory { return w.see(0, empty) }, 0},

		// The chain.
		{"an hour of failed ticks", func(w *witness) *store.Memory {
			w.saw()
			w.fail(1800)
			return w.see(memoryPoll, empty)
		}, life - time.Hour - memoryPoll},
		{"a pause of three polls in the chain", func(w *witness) *store.Memory {
			w.saw()
			w.fail(10)
			w.pass(2 * memoryPoll)
			w.fail(10)
			return w.see(memoryPoll, empty)
		}, life - 23*memoryPoll},
		{"a pause of more than three polls in the chain", func(w *witness) *store.Memory {
			w.saw()
			w.fail(10)
			w.pass(2*memoryPoll + time.Millisecond)
			w.fail(10)
			return w.see(memoryPoll, empty)
		}, 0},
		{"a pause before the tick that finds it empty", func(w *witness) *store.Memory {
			w.saw()
			return w.see(3*memoryPoll+time.Millisecond, empty)
		}, 0},

		{"an hour in which somebody deletes the key again and again", func(w *witness) *store.Memory {
			minted := w.redis
			w.saw()
			for range 1800 {
				o := w.stored("token-b", minted)
				o.Value = store.Value{}
				w.see(memoryPoll, o)
			}
			return w.see(memoryPoll, empty)
		}, life - time.Hour - memoryPoll},

		// Broken by an observation that worked and showed something else.
		{"another token under the key a poll ago", func(w *witness) *store.Memory {
			w.saw()
			w.see(memoryPoll, under("token-x", empty))
			return w.see(memoryPoll, empty)
		}, 0},
		{"failures do not mend a broken chain", func(w *witness) *store.Memory {
			w.saw()
			w.see(memoryPoll, under("token-x", empty))
			w.fail(3)
			return w.see(memoryPoll, empty)
		}, 0},
		{"a new sight mends it", func(w *witness) *store.Memory {
			minted := w.redis
			w.saw()
			w.see(memoryPoll, under("token-x", empty))
			w.see(memoryPoll, w.stored("token-b", minted))
			w.fail(10)
			return w.see(memoryPoll, empty)
		}, life - 13*memoryPoll},

		// The clocks.
		{"Redis' clock jumped back, the chain is whole", func(w *witness) *store.Memory {
			w.saw()
			w.redis = w.redis.Add(-time.Hour)
			return w.see(memoryPoll, empty)
		}, life - memoryPoll},
		{"Redis' clock jumped back, the chain is broken", func(w *witness) *store.Memory {
			w.saw()
			w.see(memoryPoll, under("token-x", empty))
			w.redis = w.redis.Add(-time.Hour)
			return w.see(memoryPoll, empty)
		}, 0},
		{"Redis' clock jumped ahead", func(w *witness) *store.Memory {
			w.saw()
			w.redis = w.redis.Add(time.Hour)
			return w.see(memoryPoll, empty)
		}, life - time.Hour - memoryPoll},
		{"this host's clock runs ahead", func(w *witness) *store.Memory {
			w.saw()
			for range 1000 {
				w.local = w.local.Add(time.Second)
				w.fail(1)
			}
			return w.see(memoryPoll, empty)
		}, life - 3002*time.Second},
		{"expired by Redis' clock", func(w *witness) *store.Memory {
			w.saw()
			w.redis = w.redis.Add(life - memoryPoll)
			return w.see(memoryPoll, empty)
		}, 0},
		{"expired by this host's clock", func(w *witness) *store.Memory {
			w.saw()
			w.fail(3600 - 1)
			w.redis = w.redis.Add(-time.Hour)
			return w.see(memoryPoll, empty)
		}, 0},
		{"a millisecond left", func(w *witness) *store.Memory {
			w.saw()
			w.redis = w.redis.Add(life - memoryPoll - time.Millisecond)
			return w.see(memoryPoll, empty)
		}, time.Millisecond},

		// What Redis has instead.
		{"a failover to an older state", func(w *witness) *store.Memory {
			w.saw()
			return w.see(memoryPoll, w.stored("token-a", w.redis.Add(-time.Hour)))
		}, life - memoryPoll},
		{"an older state, its key deleted", func(w *witness) *store.Memory {
			w.saw()
			older := w.stored("token-a", w.redis.Add(-time.Hour))
			older.Value = store.Value{}
			return w.see(memoryPoll, older)
		}, life - memoryPoll},
		{"a newer state", func(w *witness) *store.Memory {
			w.saw()
			newer := w.stored("token-c", w.redis.Add(time.Second))
			newer.Value = store.Value{}
			return w.see(memoryPoll, newer)
		}, 0},
		{"a newer state, and Redis' clock jumped ahead", func(w *witness) *store.Memory {
			w.saw()
			w.fail(10)
			newer := w.stored("token-c", w.redis)
			newer.Value = store.Value{}
			w.redis = w.redis.Add(time.Hour)
			return w.see(memoryPoll, newer)
		}, 0},
		{"a newer state, and Redis' clock jumped back before its mint", func(w *witness) *store.Memory {
			w.saw()
			w.see(memoryPoll, w.stored("token-b", w.redis))
			w.redis = w.redis.Add(-10 * time.Minute)
			newer := w.stored("token-c", w.redis)
			newer.Value = store.Value{}
			return w.see(memoryPoll, newer)
		}, 0},
		{"a newer state, Redis' clock jumped back, and the token looked younger", func(w *witness) *store.Memory {
			minted := w.redis
			w.saw()
			w.redis = w.redis.Add(-10 * time.Minute)
			w.see(memoryPoll, w.stored("token-b", minted))
			newer := w.stored("token-c", w.redis.Add(-time.Second))
			newer.Value = store.Value{}
			return w.see(memoryPoll, newer)
		}, 0},
		{"a newer state, and the token's order was ahead of the clock", func(w *witness) *store.Memory {
			w.see(0, w.stored("token-b", w.redis.Add(10*time.Minute)))
			newer := w.stored("token-c", w.redis)
			newer.Value = store.Value{}
			return w.see(memoryPoll, newer)
		}, 0},
		{"another token of the same instant", func(w *witness) *store.Memory {
			w.saw()
			twin := w.stored("token-c", w.redis)
			twin.Value = store.Value{}
			return w.see(memoryPoll, twin)
		}, 0},
		{"the same token, asked for earlier", func(w *witness) *store.Memory {
			w.saw()
			earlier := w.stored("token-b", w.redis.Add(-time.Minute))
			earlier.Value = store.Value{}
			return w.see(memoryPoll, earlier)
		}, 0},
		{"a state without a token: somebody began and died", func(w *witness) *store.Memory {
			w.saw()
			return w.see(memoryPoll, store.Observation{State: store.State{AppID: testAppID, Generation: 1,
				MintedAt: w.redis.Add(time.Hour)}})
		}, life - memoryPoll},
		{"the state alone is gone", func(w *witness) *store.Memory {
			w.saw()
			return w.see(memoryPoll, under("token-b", empty))
		}, life - memoryPoll},
		{"a plausible foreign token under the key", func(w *witness) *store.Memory {
			w.saw()
			return w.see(memoryPoll, under("token-x", empty))
		}, 0},
		{"garbage under the key", func(w *witness) *store.Memory {
			w.saw()
			return w.see(memoryPoll, under("", empty))
		}, life - memoryPoll},
		{"another appid's state", func(w *witness) *store.Memory {
			w.saw()
			return w.see(memoryPoll, store.Observation{Other: store.Other{AppID: "wxffffffffffffffff"}})
		}, 0},
		{"another appid's state came and went", func(w *witness) *store.Memory {
			w.saw()
			w.see(memoryPoll, store.Observation{Other: store.Other{AppID: "wxffffffffffffffff"}})
			return w.see(memoryPoll, empty)
		}, 0},

		// Refused tokens.
		{"refused, and Redis still knows", func(w *witness) *store.Memory {
			w.saw()
			older := w.stored("token-a", w.redis.Add(-time.Hour))
			older.State.Refused = secret.Token("token-b").Fingerprint()
			return w.see(memoryPoll, older)
		}, 0},
		{"refused, and Redis forgot", func(w *witness) *store.Memory {
			w.saw()
			refused := w.stored("token-b", w.redis)
			refused.State.Refused = secret.Token("token-b").Fingerprint()
			w.see(memoryPoll, refused)
			return w.see(memoryPoll, empty)
		}, 0},
		{"another token was refused", func(w *witness) *store.Memory {
			w.saw()
			refused := w.stored("token-b", w.redis)
			refused.State.Refused = secret.Token("token-a").Fingerprint()
			w.see(memoryPoll, refused)
			return w.see(memoryPoll, empty)
		}, life - 2*memoryPoll},

		// A mint in flight.
		{"leased: seen, though due waits for the mint", func(w *witness) *store.Memory {
			w.saw()
			return w.see(memoryPoll, store.Observation{Lease: "aa"})
		}, life - memoryPoll},
		{"a mint over an older token went on for more than three polls", func(w *witness) *store.Memory {
			w.saw()
			older := w.stored("token-a", w.redis.Add(-time.Hour))
			older.Lease = "aa"
			for range 4 {
				w.see(memoryPoll, older)
			}
			older.Lease = ""
			return w.see(memoryPoll, older)
		}, 0},
		{"a mint that came to nothing went on for more than three polls", func(w *witness) *store.Memory {
			w.saw()
			for range 4 {
				w.see(memoryPoll, store.Observation{Lease: "aa"})
			}
			return w.see(memoryPoll, empty)
		}, life - 5*memoryPoll},
		{"a restore failed on its way for an hour", func(w *witness) *store.Memory {
			w.saw()
			for range 1800 {
				w.see(memoryPoll, empty)
			}
			return w.see(memoryPoll, empty)
		}, life - time.Hour - memoryPoll},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWitness()
			start := w.redis
			got := row.lose(w)
			if row.left == 0 {
				if got != nil {
					t.Fatalf("restores %v for %v", got.Token, got.ExpiresAt.Sub(w.redis))
				}
				return
			}
			if got == nil {
				t.Fatal("not restorable")
			}
			want := store.Memory{Token: "token-b", ExpiresIn: life, Life: life, MintedAt: start,
				ExpiresAt: w.redis.Add(row.left)}
			if *got != want {
				t.Errorf("got %+v, %v left\nwant %+v, %v left", *got, got.ExpiresAt.Sub(w.redis), want, row.left)
			}
		})
	}
}
