package store_test

import (
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// C1: SIGSTOP over the end of the lease, another one commits, CONT: an old
// token over a new one.
func TestCommitC1LostLeaseWritesNoToken(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"ended":                func(w *world) { w.do("del", w.c.Keys.Lease) },
		"taken by somebody":    func(w *world) { w.do("set", w.c.Keys.Lease, "bb:2:1:30000", "px", 30000) },
		"impossibly long":      func(w *world) { w.do("pexpire", w.c.Keys.Lease, 3*3600*1000) },
		"without an end":       func(w *world) { w.do("persist", w.c.Keys.Lease) },
		"emptied with all":     func(w *world) { w.do("flushdb") },
		"of an unknown layout": func(w *world) { w.do("set", w.c.Keys.Lease, "a1", "px", 30000) },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				answer := w.mustBegin()
				w.do("set", w.c.Keys.Value, "the winner's")
				lose(w)
				before := w.content()
				status, _ := w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0,
					Order: answer.Order})
				check(w, "status", status, store.Lost)
				after := w.content()
				check(w, "value", after[w.c.Keys.Value], before[w.c.Keys.Value])
				check(w, "lease", after[w.c.Keys.Lease], before[w.c.Keys.Lease])
				check(w, "token", w.observe().State.Token, "")
			})
		})
	}
}

// C2: the answer took longer than the token lives.
func TestCommitC2TokenIsOver(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		answer := w.mustBegin(attempt("a2"))
		before := w.content()
		m := store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Second, T0: answer.T0.Add(-time.Minute)}
		status, _ := w.commit(m)
		check(w, "status", status, store.Expired)
		w.differs(before, w.c.Keys.Lease)
		check(w, "outstanding", w.observe().State.Outstanding(), true)
	})
}

// C3: a mark made during our mint belongs to a request that WeChat may process
// after ours.
func TestCommitC3MarksStay(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin() // and pauses before it sends
		w.do("del", w.c.Keys.Lease)
		answer := w.mustBegin(attempt("a2"))
		lost, _ := w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0,
			Order: answer.Order})
		check(w, "first", lost, store.Lost)
		won, _ := w.commit(store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour, T0: answer.T0,
			Order: answer.Order})
		check(w, "second", won, store.Committed)
		o := w.observe()
		check(w, "generation", o.State.Generation, 3)
		check(w, "settled", o.State.Settled, 2)
		check(w, "token", o.State.Token, token(2))
		check(w, "watched", o.State.WatchUntil.IsZero(), false)
	})
}

// What is stored is whole by itself: an older version, that reads it in a rolling
// update, takes marks for settled that were not even made.
func TestCommitC3StateIsLost(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.do("del", w.c.Keys.State)
		won, _ := w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: w.now(), Order: w.now()})
		check(w, "status", won, store.Committed)
		for _, field := range []string{"generation", "settled"} {
			check(w, field, fmt.Sprint(w.do("hget", w.c.Keys.State, field)), "1")
		}
	})
}

func TestCommitC4Writes(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.abort(store.Abort{Attempt: "a1", Wait: time.Minute, Failure: store.Failure{Class: "transient", Message: "busy"}})
		answer := w.mustBegin(attempt("a2"))
		w.plant("suspect_at", w.now())
		before, from := w.content(), w.now()
		m := store.Commit{Attempt: "a2", Token: token(1), ExpiresIn: 7199500 * time.Millisecond,
			T0: answer.T0.Add(-10 * time.Second), Order: answer.Order}
		status, unchanged := w.commit(m)
		check(w, "status", status, store.Committed)
		check(w, "unchanged", unchanged, false)
		w.differs(before, w.c.Keys.Value, w.c.Keys.Lease, "token", "expires_in", "life", "expires_at", "minted_at",
			"attempt", "settled", "failures", "next_attempt_at", "last_error", "suspect_at", "verify_at", "saved_at")

		o := w.observe()
		expires := m.T0.Add(m.ExpiresIn)
		check(w, "value", w.content()[w.c.Keys.Value], w.c.Encode(m.Token, m.ExpiresIn, expires))
		check(w, "token under the key", o.Value.Token, m.Token)
		w.endsAt(expires)
		check(w, "token", o.State.Token, m.Token)
		check(w, "expires in", o.State.ExpiresIn, m.ExpiresIn)
		check(w, "life", o.State.Life, m.ExpiresIn)
		check(w, "expires at", o.State.ExpiresAt, expires)
		check(w, "minted at", o.State.MintedAt, m.Order)
		check(w, "attempt", o.State.Attempt, "a2")
		check(w, "settled", o.State.Settled, 2)
		check(w, "outstanding", o.State.Outstanding(), false)
		check(w, "failures", o.State.Failures, 0)
		check(w, "next attempt", o.State.NextAttemptAt.IsZero(), true)
		check(w, "last error", o.State.LastError, nil)
		check(w, "calls", o.State.Calls, 2)
		check(w, "lease", o.Lease, "")
		check(w, "watched", o.State.WatchUntil.IsZero(), true)
		w.during("verify at - its wait", o.State.VerifyAt.Add(-225*time.Second), from)
	})
}

// With stable_token WeChat answers with the stored token while more than five
// minutes are left: the expiry is renewed, the life stays the first one.
func TestCommitC4Unchanged(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		from := w.now()
		answer := w.mustBegin(attempt("a2"))
		m := store.Commit{Attempt: "a2", Token: token(1), ExpiresIn: 5 * time.Minute, T0: answer.T0, Order: answer.Order,
			UnchangedWait: 27 * time.Second}
		status, unchanged := w.commit(m)
		check(w, "status", status, store.Committed)
		check(w, "unchanged", unchanged, true)
		o := w.observe()
		check(w, "expires at", o.State.ExpiresAt, answer.T0.Add(5*time.Minute))
		check(w, "expires in", o.State.ExpiresIn, 5*time.Minute)
		check(w, "life", o.State.Life, 2*time.Hour)
		check(w, "failures", o.State.Failures, 0)
		w.during("next attempt - wait", o.State.NextAttemptAt.Add(-27*time.Second), from)
	})
}

func TestCommitC4OutsideDrawIsRemembered(t *testing.T) {
	everywhere(t, func(w *world) {
		from := w.now()
		answer := w.mustBegin()
		w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order,
			Outside: true})
		w.during("outside at", w.observe().State.OutsideAt, from)
	})
}

// Whatever was in doubt around a commit is verified often for a while.
func TestCommitC4WatchesWhenInDoubt(t *testing.T) {
	for name, doubt := range map[string]func(w *world){
		"a mark since the begin": func(w *world) {
			w.abort(store.Abort{Attempt: "ff", Unknown: true}) // a loser's
			w.do("hdel", w.c.Keys.State, "watch_until")
		},
		"an outstanding mint before it": func(w *world) { w.do("set", w.c.Keys.Lease, "a1:1:0:30000", "px", 30000) },
		"an unknown outcome":            func(w *world) { w.plant("unknown_until", w.now().Add(20*time.Second)) },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				answer := w.mustBegin()
				doubt(w)
				from := w.now()
				w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
				w.watched(from)
			})
		})
	}
	t.Run("but not for an outcome that nobody can have left unknown for so long", func(t *testing.T) {
		everywhere(t, func(w *world) {
			answer := w.mustBegin()
			w.plant("unknown_until", w.now().Add(37*time.Hour))
			w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
			check(w, "watched", w.observe().State.WatchUntil.IsZero(), true)
		})
	})
}

// endsAt fails unless the value's time to live ends at that time. A second is
// for a slow machine; TestKeyEndsWithTheToken is exact.
func (w *world) endsAt(expires time.Time) {
	w.Helper()
	o := w.observe()
	if slack := (expires.Sub(o.Now) - o.Value.TTL).Abs(); slack > time.Second {
		w.Errorf("time to live %v, but the token lives for %v", o.Value.TTL, expires.Sub(o.Now))
	}
}

// watched fails unless a watch began since from. It ends when WeChat must have
// forgotten the superseded token, drawn at the latest at the end of a lease.
func (w *world) watched(from time.Time) {
	w.Helper()
	w.during("watch", w.observe().State.WatchUntil.Add(-w.c.Overlap-w.c.Lease), from)
}

// C5: the first commit's reply was lost; a second mint in the same lifetime
// would be the price.
func TestCommitC5AskedAgain(t *testing.T) {
	everywhere(t, func(w *world) {
		m := w.mint("a1", token(1))
		before := w.content()
		status, _ := w.commit(m)
		check(w, "status", status, store.Already)
		w.stays(before)
	})
}

// C6: a loser's mint may have superseded the winner's token.
func TestCommitC6LoserMarks(t *testing.T) {
	everywhere(t, func(w *world) {
		loser := w.mustBegin()
		w.do("del", w.c.Keys.Lease)
		w.plant("next_attempt_at", 0)
		w.mint("a2", token(2))
		w.do("hdel", w.c.Keys.State, "watch_until")
		before, from := w.content(), w.now()
		status, _ := w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: loser.T0})
		check(w, "status", status, store.Lost)
		w.differs(before, "generation", "watch_until", "saved_at")
		check(w, "outstanding", w.observe().State.Outstanding(), true)
		w.watched(from)
	})
}

func TestCommitC6MarksAlsoWhenAllIsLost(t *testing.T) {
	everywhere(t, func(w *world) {
		answer := w.mustBegin()
		w.do("flushdb")
		from := w.now()
		status, _ := w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0,
			Order: answer.Order})
		check(w, "status", status, store.Lost)
		check(w, "outstanding", w.observe().State.Outstanding(), true)
		check(w, "appid", w.observe().State.AppID, w.c.Account)
		w.watched(from)
	})
}

// C3, A3: somebody deleted the state alone, or Redis evicted it, during a mint.
// If the lease's number settled more than was begun, as many marks would be
// covered in advance.
func TestStateLostDuringAMint(t *testing.T) {
	for name, end := range map[string]func(w *world, answer store.BeginAnswer){
		"committed": func(w *world, answer store.BeginAnswer) {
			status, _ := w.commit(store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour, T0: answer.T0,
				Order: answer.Order})
			check(w, "commit", status, store.Committed)
		},
		"aborted": func(w *world, _ store.BeginAnswer) {
			check(w, "abort", w.abort(store.Abort{Attempt: "a2"}), store.Aborted)
		},
		"unknown": func(w *world, _ store.BeginAnswer) {
			w.abort(store.Abort{Attempt: "a2", Unknown: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.mint("a1", token(1))
				answer := w.mustBegin(attempt("a2"))
				w.do("del", w.c.Keys.State)
				end(w, answer)
				check(w, "outstanding", w.observe().State.Outstanding(), name == "unknown")
				w.abort(store.Abort{Attempt: "ff", Unknown: true}) // a loser's
				check(w, "outstanding after a mark", w.observe().State.Outstanding(), true)
			})
		})
	}
}

// Outside draws count as one story while they are never an hour apart.
func TestCommitC4CountsOutsideDraws(t *testing.T) {
	inTime(t, func(w *world) {
		gaps := []time.Duration{0, 10 * time.Minute, time.Hour - time.Millisecond, time.Hour}
		for i, want := range []int{1, 2, 3, 1} {
			time.Sleep(gaps[i])
			id := fmt.Sprint("c", i)
			answer := w.mustBegin(attempt(id))
			from := w.now()
			w.commit(store.Commit{Attempt: id, Token: token(i), ExpiresIn: 2 * time.Hour, T0: answer.T0, Order: answer.Order,
				Outside: true})
			check(w, "outside draws", w.observe().State.OutsideDraws, want)
			w.watched(from)
		}
	})
}
