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
		check(w, "appid", o.State.AppID, w.c.AppID)
		check(w, "issuer", o.State.Issuer, w.c.Issuer)
		check(w, "api", o.State.API, w.c.API)
		check(w, "secret", o.State.Secret, "5ec2e7")
		check(w, "generation", o.State.Generation, 1)
		check(w, "settled", o.State.Settled, 0)
		check(w, "outstanding", o.State.Outstanding(), true)
		check(w, "failures", o.State.Failures, 1)
		check(w, "begun at", o.State.BegunAt, answer.T0)
		check(w, "next attempt", o.State.NextAttemptAt, answer.T0.Add(90*time.Second))
		check(w, "wait", o.State.Wait, 90*time.Second)
		check(w, "day", o.State.Day, day)
		check(w, "calls", o.State.Calls, 1)
		check(w, "lease", o.Lease, "a1")
		if o.LeaseTTL > w.c.Lease || o.LeaseTTL < w.c.Lease-5*time.Second {
			w.Errorf("the lease has %v left", o.LeaseTTL)
		}
		check(w, "value present", o.Value.Present, false)
		check(w, "lease key", w.content()[w.c.Keys.Lease], "a1:1:1:30000")
	})
}

func TestBeginRemembersWhetherTheLeaseIsClean(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.do("del", w.c.Keys.Lease)
		w.mustBegin(attempt("a2"), pastBackoff)
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
		check(w, "another attempt", w.begin(attempt("a2"), pastBackoff, urgent).Status, store.Leased)
		w.stays(before)
	})
}

func TestBeginB3ImpossibleLeaseIsNobodys(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"without an end": 0, "with hours left": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.do("set", w.c.Keys.Lease, "ee:7:1:30000")
				if ttl > 0 {
					w.do("pexpire", w.c.Keys.Lease, ttl.Milliseconds())
				}
				check(w, "lease", w.observe().Lease, "")
				w.mustBegin()
				check(w, "lease", w.observe().Lease, "a1")
			})
		})
	}
}

// B4: a failure is waited for by the whole fleet, not only by its process.
func TestBeginB4Backoff(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin(func(b *store.Begin) { b.Wait = time.Minute })
		w.do("del", w.c.Keys.Lease) // the process died
		before := w.content()
		check(w, "within the wait", w.begin(attempt("a2"), urgent).Status, store.Backoff)
		w.stays(before)
		check(w, "with another secret", w.begin(attempt("a2"), pastBackoff).Status, store.Begun)
	})
}

// B4: replicas with different wrong secrets, all in a crash loop, know nothing
// of each other's failures.
func TestBeginB4SecretsThatAlternate(t *testing.T) {
	everywhere(t, func(w *world) {
		again := func(hoursAgo, calls int64) store.Status {
			w.do("del", w.c.Keys.Lease) // each dies in its mint
			now := w.now()
			w.plant("next_attempt_at", now.Add(time.Minute), "wait", time.Minute.Milliseconds(),
				"secrets_hour", now.Unix()/3600-hoursAgo, "secrets", calls)
			return w.begin(attempt("a2"), pastBackoff).Status
		}
		w.mint("a1", token(1))
		check(w, "the sixth in an hour", again(0, 5), store.Begun)
		check(w, "counted", w.content()[w.c.Keys.State+".secrets"], "6")
		check(w, "one more", again(0, 6), store.Backoff)
		check(w, "an hour later", again(1, 6), store.Begun)
		check(w, "counted", w.content()[w.c.Keys.State+".secrets"], "1")
		w.do("del", w.c.Keys.Lease)
		w.plant("next_attempt_at", 0)
		check(w, "nothing to wait for", w.begin(attempt("a3"), pastBackoff).Status, store.Begun)
		check(w, "nothing counted", w.content()[w.c.Keys.State+".secrets"], "1")
	})
}

// B4: WeChat processes the lost request after the second one, and the stored
// token is the one before last.
func TestBeginB4UnknownOutcomeIsWaitedFor(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"))
		w.abort(store.Abort{Attempt: "a2", Unknown: true})
		before := w.content()
		check(w, "readers have a token", w.begin(attempt("a3"), pastBackoff).Status, store.Backoff)
		w.stays(before)
		check(w, "readers have none", w.begin(attempt("a3"), urgent).Status, store.Begun)
	})
}

// B5: observe, somebody else's whole refresh, begin: two mints in one lifetime.
func TestBeginB5TheWorldHasChanged(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"generation":    func(w *world) { w.plant("generation", 9) },
		"settled":       func(w *world) { w.plant("settled", 0) },
		"token":         func(w *world) { w.plant("token", token(2).Reveal()) },
		"value":         func(w *world) { w.do("set", w.c.Keys.Value, "another") },
		"value gone":    func(w *world) { w.do("del", w.c.Keys.Value) },
		"value emptied": func(w *world) { w.do("set", w.c.Keys.Value, "") },
		"state gone":    func(w *world) { w.do("del", w.c.Keys.State) },
		"a rival's":     func(w *world) { w.plant("appid", "wxffffffffffffffff") },
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

// B6: the daily limit counts calls before they are made, whoever makes them.
func TestBeginB6DailyLimit(t *testing.T) {
	limit := func(b *store.Begin) { b.Limit = 3 }
	everywhere(t, func(w *world) {
		for _, id := range []string{"a1", "a2", "a3"} {
			w.mustBegin(attempt(id), limit, pastBackoff)
			w.do("del", w.c.Keys.Lease)
		}
		before := w.content()
		check(w, "fourth call", w.begin(attempt("a4"), limit, pastBackoff, urgent).Status, store.Quota)
		w.stays(before)
		// The next day starts from nothing.
		w.mustBegin(attempt("a5"), limit, pastBackoff, func(b *store.Begin) { b.Day++ })
		check(w, "calls", w.observe().State.Calls, 1)
	})
}

// B6: after a FLUSHALL the process still knows how often it called.
func TestBeginB6Floor(t *testing.T) {
	everywhere(t, func(w *world) {
		floor := func(b *store.Begin) { b.CallsFloor, b.Limit = 41, 42 }
		w.mustBegin(floor)
		check(w, "calls", w.observe().State.Calls, 42)
		w.do("del", w.c.Keys.Lease)
		check(w, "one more", w.begin(attempt("a2"), floor, pastBackoff).Status, store.Quota)
		// A floor below the count changes nothing.
		w.mustBegin(attempt("a3"), pastBackoff, func(b *store.Begin) { b.CallsFloor = 7 })
		check(w, "calls", w.observe().State.Calls, 43)
	})
}

// B7: two calls never follow each other in one breath.
func TestBeginB7Spacing(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		before := w.content()
		check(w, "at once", w.begin(attempt("a2"), func(b *store.Begin) { b.Spacing = time.Minute }).Status, store.Spacing)
		w.stays(before)
		w.plant("begun_at", w.now().Add(-61*time.Second))
		check(w, "a minute later", w.begin(attempt("a2"), func(b *store.Begin) { b.Spacing = time.Minute }).Status, store.Begun)
	})
}

// B7: a rival who draws tokens is answered once an overlap, or two services
// would burn the quota between them.
func TestBeginB7RivalOncePerOverlap(t *testing.T) {
	rival := func(b *store.Begin) { b.Rival = true }
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("rival_at", w.now().Add(-4*time.Minute))
		before := w.content()
		check(w, "within the overlap", w.begin(attempt("a2"), rival).Status, store.Spacing)
		w.stays(before)
		w.plant("rival_at", w.now().Add(-5*time.Minute-time.Second))
		check(w, "after the overlap", w.begin(attempt("a2"), rival).Status, store.Begun)
	})
}

// B7: with the stable endpoint an answer kills nothing of the rival's.
func TestBeginB7RivalOfTheStableEndpoint(t *testing.T) {
	everywhere(t, func(w *world) {
		w.c.API = "stable"
		w.mint("a1", token(1))
		w.plant("rival_at", w.now())
		w.mustBegin(attempt("a2"), func(b *store.Begin) { b.Rival = true })
	})
}

func TestBeginB7RivalDoesNotHoldUpOthers(t *testing.T) {
	everywhere(t, func(w *world) {
		w.plant("appid", w.c.AppID, "issuer", w.c.Issuer, "rival_at", w.now())
		w.mustBegin()
	})
}

// B8: with no token to lose, the mint does not wait for an unknown one; but
// its commit must not settle what may still happen.
func TestBeginB8UnknownStaysOutstanding(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.abort(store.Abort{Attempt: "a1", Unknown: true})
		answer := w.mustBegin(attempt("a2"), urgent)
		o := w.observe()
		check(w, "generation", o.State.Generation, 3) // begin, mark of the unknown one, begin
		check(w, "lease", w.content()[w.c.Keys.Lease], "a2:2:0:30000")
		check(w, "failures", answer.Failures, 2)
		status, _ := w.commit(store.Commit{Attempt: "a2", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
		check(w, "commit", status, store.Committed)
		check(w, "outstanding", w.observe().State.Outstanding(), true)
	})
}
