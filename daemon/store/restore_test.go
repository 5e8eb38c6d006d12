package store_test

import (
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// remembered is a token that a replica saw an hour ago.
func (w *world) remembered(t secret.Token) store.Memory {
	w.Helper()
	minted := w.now().Add(-time.Hour)
	return store.Memory{
		Token: t, ExpiresIn: 110 * time.Minute, Life: 2 * time.Hour,
		ExpiresAt: minted.Add(110 * time.Minute), MintedAt: minted,
	}
}

func (w *world) restore(o store.Observation, m store.Memory) store.Status {
	w.Helper()
	_, status, err := w.store.Restore(w.Context(), w.c, o, m)
	if err != nil {
		w.Fatal(err)
	}
	return status
}

func (w *world) reassert(o store.Observation) store.Status {
	w.Helper()
	_, status, err := w.store.Reassert(w.Context(), w.c, o)
	if err != nil {
		w.Fatal(err)
	}
	return status
}

func TestRestoreWrites(t *testing.T) {
	everywhere(t, func(w *world) {
		from, m := w.now(), w.remembered(token(1))
		check(w, "status", w.restore(w.observe(), m), store.Restored)
		o := w.observe()
		check(w, "value", w.content()[w.c.Keys.Value], w.c.Encode(m.Token, m.ExpiresIn, m.ExpiresAt))
		w.endsAt(m.ExpiresAt)
		check(w, "token", o.State.Token, m.Token)
		check(w, "api", o.State.API, w.c.API)
		check(w, "expires in", o.State.ExpiresIn, m.ExpiresIn)
		check(w, "life", o.State.Life, m.Life)
		check(w, "expires at", o.State.ExpiresAt, m.ExpiresAt)
		check(w, "minted at", o.State.MintedAt, m.MintedAt)
		// R8: nothing was there, so nothing is in doubt but the token itself.
		check(w, "outstanding", o.State.Outstanding(), false)
		w.during("verify at", o.State.VerifyAt, from)
		w.watched(from)
	})
}

func TestRestoreNeverDuringAMint(t *testing.T) {
	everywhere(t, func(w *world) {
		o := w.observe()
		w.mustBegin()
		before := w.content()
		check(w, "status", w.restore(o, w.remembered(token(1))), store.Changed)
		w.stays(before)
	})
}

func TestRestoreChanged(t *testing.T) {
	everywhere(t, func(w *world) {
		o := w.observe()
		w.mint("a1", token(2))
		before := w.content()
		check(w, "status", w.restore(o, w.remembered(token(1))), store.Changed)
		w.stays(before)
	})
}

func TestRestoreExpired(t *testing.T) {
	everywhere(t, func(w *world) {
		m := w.remembered(token(1))
		m.ExpiresAt = w.now()
		check(w, "status", w.restore(w.observe(), m), store.Expired)
		w.stays(map[string]string{})
	})
}

// R8: the order of begins is not the order in which WeChat issued.
func TestRestoreR8Marks(t *testing.T) {
	t.Run("over another token", func(t *testing.T) {
		everywhere(t, func(w *world) {
			w.mint("a1", token(2))
			check(w, "status", w.restore(w.observe(), w.remembered(token(1))), store.Restored)
			o := w.observe()
			check(w, "outstanding", o.State.Outstanding(), true)
			check(w, "token", o.State.Token, token(1))
			check(w, "value", o.Value.Token, token(1))
		})
	})
	t.Run("over an outstanding mint", func(t *testing.T) {
		everywhere(t, func(w *world) {
			w.mustBegin()
			w.do("del", w.c.Keys.Lease)
			check(w, "status", w.restore(w.observe(), w.remembered(token(1))), store.Restored)
			check(w, "generation", w.observe().State.Generation, 2)
		})
	})
}

// V1: a refusal of the token that was there is none of the restored one.
func TestRestoredTokenIsNotSuspected(t *testing.T) {
	for name, refusals := range map[string]int{"suspected": 1, "refused": 2} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(w *world) {
				w.mint("a1", token(2))
				for range refusals {
					w.verdict(w.observe(), true)
					time.Sleep(w.c.Poll)
				}
				w.restore(w.observe(), w.remembered(token(1)))
				check(w, "its first refusal", w.verdict(w.observe(), true), store.Suspected)
			})
		})
	}
}

func TestRestoreR9Watches(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(2))
		w.plant("verify_at", w.now().Add(4*time.Minute))
		from := w.now()
		w.restore(w.observe(), w.remembered(token(1)))
		w.during("verify at", w.observe().State.VerifyAt, from)
		w.watched(from)
	})
}

// Whatever happened to the key, the state knows the token and no mint is needed.
func TestReassertWrites(t *testing.T) {
	for name, harm := range map[string]func(w *world){
		"deleted":         func(w *world) { w.do("del", w.c.Keys.Value) },
		"overwritten":     func(w *world) { w.do("set", w.c.Keys.Value, token(9).Reveal()) },
		"garbage":         func(w *world) { w.do("set", w.c.Keys.Value, "garbage") },
		"emptied":         func(w *world) { w.do("set", w.c.Keys.Value, "") },
		"another type":    func(w *world) { w.do("del", w.c.Keys.Value); w.do("rpush", w.c.Keys.Value, "x") },
		"made to stay":    func(w *world) { w.do("persist", w.c.Keys.Value) },
		"made to outlive": func(w *world) { w.do("pexpire", w.c.Keys.Value, 24*3600*1000) },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.mint("a1", token(1))
				intact := w.content()
				harm(w)
				check(w, "status", w.reassert(w.observe()), store.Restored)
				w.differs(intact, "verify_at", "watch_until", "saved_at")
				w.endsAt(w.observe().State.ExpiresAt)
			})
		})
	}
}

func TestReassertChanged(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"another token":       func(w *world) { w.mint("a2", token(2)) },
		"repaired meanwhile":  func(w *world) { w.reassert(w.observe()) },
		"a mint is under way": func(w *world) { w.mustBegin(attempt("a2")) },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.mint("a1", token(1))
				w.do("del", w.c.Keys.Value)
				o := w.observe()
				change(w)
				before := w.content()
				check(w, "status", w.reassert(o), store.Changed)
				w.stays(before)
			})
		})
	}
}

func TestReassertS2Expired(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.do("del", w.c.Keys.Value)
		w.plant("expires_at", w.now())
		before := w.content()
		check(w, "status", w.reassert(w.observe()), store.Expired)
		w.stays(before)
	})
}

func TestReassertS5OutstandingStays(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"))
		w.abort(store.Abort{Attempt: "a2", Unknown: true})
		w.do("hdel", w.c.Keys.State, "watch_until")
		w.do("del", w.c.Keys.Value)
		before, from := w.content(), w.now()
		check(w, "status", w.reassert(w.observe()), store.Restored)
		w.differs(before, w.c.Keys.Value, "verify_at", "watch_until", "saved_at")
		check(w, "outstanding", w.observe().State.Outstanding(), true)
		w.during("verify at", w.observe().State.VerifyAt, from)
		w.watched(from)
	})
}

// B1, R1, S1: a newer version has taken the credential over since the observation.
func TestNewerSchemaSinceTheObservation(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.do("del", w.c.Keys.Value)
		o := w.observe()
		w.plant("schema", store.Schema+1, "saved_at", w.now().Add(500*time.Millisecond))
		before := w.content()
		check(w, "begin", w.beginOn(o, attempt("a2")).Status, store.Changed)
		check(w, "re-assert", w.reassert(o), store.Changed)
		check(w, "restore", w.restore(o, w.remembered(token(2))), store.Changed)
		status, err := w.store.Request(w.Context(), w.c, 0)
		if err != nil {
			t.Fatal(err)
		}
		check(w, "request", status, store.Changed)
		check(w, "claim", w.claim(o), store.Changed)
		check(w, "verdict", w.verdict(o, true), store.Changed)
		w.stays(before)
	})
}
