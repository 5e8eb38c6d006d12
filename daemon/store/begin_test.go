package store_test

import (
	"testing"
	"time"

	"wxtokend/daemon/store"
)

func TestBeginWritesTheFailureDownBeforehand(t *testing.T) {
	everywhere(t, func(w *world) {
		from := w.now()
		day := store.Day(from)
		answer := w.mustBegin(func(b *store.Begin) { b.Wait = 90 * time.Second })
		w.during("T0", answer.T0, from)
		check(w, "failures", answer.Failures, 1)

		o := w.observe()
		check(w, "schema", o.State.Schema, store.Schema)
		check(w, "appid", o.State.AppID, w.c.Account)
		check(w, "issuer", o.State.Issuer, w.c.Issuer)
		check(w, "api", o.State.API, w.c.API)
		check(w, "secret", o.State.Secret, "5ec2e7ff")
		check(w, "generation", o.State.Generation, 1)
		check(w, "settled", o.State.Settled, 0)
		check(w, "outstanding", o.State.Outstanding(), true)
		check(w, "failures", o.State.Failures, 1)
		check(w, "begun at", o.State.BegunAt, answer.T0)
		check(w, "next attempt", o.State.NextAttemptAt, answer.T0.Add(90*time.Second))
		check(w, "day", o.State.Day, day)
		check(w, "calls", o.State.Calls, 1)
		check(w, "lease", o.Lease, "a1")
		if left := w.pttl(w.c.Keys.Lease); left > w.c.Lease || left < w.c.Lease-5*time.Second {
			w.Errorf("the lease has %v left", left)
		}
		check(w, "value present", o.Value.Present, false)
		check(w, "lease key", w.content()[w.c.Keys.Lease], "a1:1:1:30000")
	})
}

func TestBeginRemembersWhetherTheLeaseIsClean(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.do("del", w.c.Keys.Lease)
		w.mustBegin(attempt("a2"))
		check(w, "lease", w.content()[w.c.Keys.Lease], "a2:2:0:30000")
	})
}

// The order of tokens is the order of their begins, also when two of them fall
// into one millisecond or the clock went back a little.
func TestBeginOrderIsLaterThanTheStoredToken(t *testing.T) {
	everywhere(t, func(w *world) {
		minted := w.now().Add(700 * time.Millisecond)
		w.mint("a1", token(1))
		w.plant("minted_at", minted)
		answer := w.mustBegin(attempt("a2"))
		check(w, "order", answer.Order, minted.Add(time.Millisecond))
		check(w, "order, asked again", w.mustBegin(attempt("a2")).Order, minted.Add(time.Millisecond))
		if !answer.T0.Before(minted) {
			w.Errorf("T0 = %v: the token's life must count from now, not from %v", answer.T0, minted)
		}
	})
}

// However far: a replica that remembers the token of the other clock restores
// it over each new one that comes before it.
func TestBeginOrderIsLaterThanAnotherClocks(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		minted := w.now().Add(10 * 365 * 24 * time.Hour)
		w.plant("minted_at", minted)
		check(w, "order", w.mustBegin(attempt("a2")).Order, minted.Add(time.Millisecond))
		check(w, "order, asked again", w.mustBegin(attempt("a2")).Order, minted.Add(time.Millisecond))
	})
}

// B2: begin was applied, its reply was lost. Counted twice, or refused, it
// would cost a call or the refresh.
func TestBeginB2SameAttemptSameAnswer(t *testing.T) {
	everywhere(t, func(w *world) {
		o := w.observe()
		first := w.beginOn(o)
		before := w.content()
		w.do("pexpire", w.c.Keys.Lease, 5000)
		check(w, "second answer", w.beginOn(o), first)
		w.stays(before)
		if left := w.pttl(w.c.Keys.Lease); left < 25*time.Second {
			w.Errorf("the lease was not extended: %v left", left)
		}
	})
}

// B3: endless mints otherwise, and all of them at the same time.
func TestBeginB3OneMintAtATime(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		before := w.content()
		check(w, "another attempt", w.begin(attempt("a2")).Status, store.Leased)
		w.stays(before)
	})
}

func TestBeginB3ImpossibleLeaseIsNobodys(t *testing.T) {
	for name, c := range map[string]struct {
		lease string
		ttl   time.Duration
	}{
		"without an end":            {"ee:7:1:30000", 0},
		"with hours left":           {"ee:7:1:30000", 3 * time.Hour},
		"with hours, and saying so": {"ee:7:1:36000000", 3 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.do("set", w.c.Keys.Lease, c.lease)
				if c.ttl > 0 {
					w.do("pexpire", w.c.Keys.Lease, c.ttl.Milliseconds())
				}
				check(w, "lease", w.observe().Lease, "")
				w.mustBegin()
				check(w, "lease", w.observe().Lease, "a1")
			})
		})
	}
}

// B5: observe, somebody else's whole refresh, begin: two mints in one lifetime.
func TestBeginB5TheWorldHasChanged(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"any save":      func(w *world) { w.claim(w.observe()) },
		"a failed mint": func(w *world) { w.mustBegin(attempt("b1")); w.abort(store.Abort{Attempt: "b1"}) },
		"value":         func(w *world) { w.do("set", w.c.Keys.Value, "another") },
		"value gone":    func(w *world) { w.do("del", w.c.Keys.Value) },
		"value emptied": func(w *world) { w.do("set", w.c.Keys.Value, "") },
		"state gone":    func(w *world) { w.do("del", w.c.Keys.State) },
		"a cohabitant's": func(w *world) {
			w.asCohabitant(cohabitants(w.c)["another appid"], func() { w.mustBegin(attempt("b1")) })
			w.do("del", w.c.Keys.Lease)
		},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.mint("a1", token(1))
				o := w.observe()
				change(w)
				before := w.content()
				check(w, "status", w.beginOn(o, attempt("a2")).Status, store.Changed)
				w.stays(before)
			})
		})
	}
}

func TestBeginB5MissingIsNotEmpty(t *testing.T) {
	everywhere(t, func(w *world) {
		o := w.observe()
		w.do("set", w.c.Keys.Value, "")
		check(w, "status", w.beginOn(o).Status, store.Changed)
	})
}

// B8: with no token to lose, the mint does not wait for an unknown one; but
// its commit must not settle what may still happen.
func TestBeginB8UnknownStaysOutstanding(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.abort(store.Abort{Attempt: "a1", Unknown: true, UnknownWait: w.c.Lease})
		answer := w.mustBegin(attempt("a2"))
		o := w.observe()
		check(w, "generation", o.State.Generation, 3) // begin, mark of the unknown one, begin
		check(w, "lease", w.content()[w.c.Keys.Lease], "a2:2:0:30000")
		check(w, "failures", answer.Failures, 2)
		status, _ := w.commit(store.Commit{Attempt: "a2", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0,
			Order: answer.Order})
		check(w, "commit", status, store.Committed)
		check(w, "outstanding", w.observe().State.Outstanding(), true)
	})
}

// B8: what WeChat cannot process any more is no mint in doubt.
func TestBeginB8UnknownIsOver(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("unknown_until", w.now().Add(-time.Millisecond))
		w.mustBegin(attempt("a2"))
		check(w, "generation", w.observe().State.Generation, 2)
	})
}

// B6: what the next day in UTC+8 begins with is its own first call.
func TestBeginB6CountsByTheDay(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		today := store.Day(w.now())
		w.plant("day", today-1, "calls", 99)
		w.mustBegin(attempt("a2"))
		s := w.observe().State
		check(w, "calls", s.Calls, 1)
		check(w, "day", s.Day, today)
	})
}

// B10: whichever right is missing, no lease is left that holds up the next begin.
func TestBeginB10LeavesNoLease(t *testing.T) {
	w := socketWorld(t)
	o := w.observe()
	for _, right := range []string{"-hset", "-set", "-pexpire"} {
		setUser(t, w.admin, append(aclRules(t), right)...)
		_, err := w.store.Begin(t.Context(), w.c, o, newBegin(o))
		check(t, right+" is missed", store.Forbidden(err), true)
		if lease, held := w.content()[w.c.Keys.Lease]; held && right != "-pexpire" {
			t.Errorf("without %s the lease %s stays", right, lease)
		}
	}
}
