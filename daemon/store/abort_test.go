package store_test

import (
	"reflect"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

func failure() store.Failure {
	return store.Failure{
		Class: "ip", Code: 40164, Message: `invalid ip <1.2.3.4> & "more", not in whitelist`,
		At: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC),
	}
}

// A1: a refused abort with an unknown outcome is a mint that nobody stored.
func TestAbortA1TooLate(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.do("del", w.c.Keys.Lease)
		w.plant("next_attempt_at", 0)
		w.mint("a2", token(2))
		w.mustBegin(attempt("a3"))
		w.do("hdel", w.c.Keys.State, "watch_until")
		before, from := w.content(), w.now()

		check(w, "certain", w.abort(store.Abort{Attempt: "a1", GiveBack: true, Wait: time.Hour, Failure: failure()}),
			store.Lost)
		w.stays(before)

		check(w, "unknown", w.abort(store.Abort{Attempt: "a1", Unknown: true, Wait: time.Hour, Failure: failure()}),
			store.Lost)
		w.differs(before, "generation", "watch_until", "saved_at")
		check(w, "generation", w.observe().State.Generation, 4)
		w.watched(from)
	})
}

// The mark of a refused abort must outlive the commit of the attempt that runs.
func TestAbortA1MarkIsNotCovered(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.do("del", w.c.Keys.Lease)
		answer := w.mustBegin(attempt("a2"))
		w.abort(store.Abort{Attempt: "a1", Unknown: true})
		w.commit(store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
		check(w, "outstanding", w.observe().State.Outstanding(), true)
	})
}

func TestAbortA2CertainFailure(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"))
		before, from := w.content(), w.now()
		check(w, "status", w.abort(store.Abort{Attempt: "a2", Wait: 3 * time.Minute, Failure: failure()}), store.Aborted)
		w.differs(before, w.c.Keys.Lease, "next_attempt_at", "last_error", "settled", "saved_at")
		s := w.observe().State
		w.during("next attempt - wait", s.NextAttemptAt.Add(-3*time.Minute), from)
		if want := failure(); s.LastError == nil || !reflect.DeepEqual(*s.LastError, want) {
			w.Errorf("last error = %+v, want %+v", s.LastError, want)
		}
		check(w, "failures", s.Failures, 1)
		check(w, "calls", s.Calls, 2)
	})
}

func TestAbortA2UnknownOutcome(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"))
		before, from := w.content(), w.now()
		w.abort(store.Abort{Attempt: "a2", Unknown: true, UnknownWait: w.c.Lease, Wait: 2 * time.Second, Failure: failure()})
		w.differs(before, w.c.Keys.Lease, "next_attempt_at", "last_error", "unknown_until", "verify_at", "watch_until",
			"saved_at")
		s := w.observe().State
		check(w, "outstanding", s.Outstanding(), true)
		w.during("unknown - lease", s.UnknownUntil.Add(-w.c.Lease), from)
		w.watched(from)
	})
}

// A3: attempt 1 unknown, attempt 2 certainly nothing: clearing everything
// would forget attempt 1.
func TestAbortA3SettlesOnlyAClean(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.abort(store.Abort{Attempt: "a1"})
		check(w, "clean: outstanding", w.observe().State.Outstanding(), false)
		check(w, "clean: settled", w.observe().State.Settled, 1)

		w.mustBegin(attempt("a2"))
		w.abort(store.Abort{Attempt: "a2", Unknown: true})
		w.mustBegin(attempt("a3"))
		w.abort(store.Abort{Attempt: "a3"})
		check(w, "not clean: outstanding", w.observe().State.Outstanding(), true)
		check(w, "not clean: settled", w.observe().State.Settled, 1)
	})
}

func TestAbortGivesTheCallBack(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"))
		check(w, "calls", w.observe().State.Calls, 2)
		w.abort(store.Abort{Attempt: "a2", GiveBack: true})
		check(w, "calls", w.observe().State.Calls, 1)
		w.mustBegin(attempt("a3"))
		w.plant("calls", 0)
		w.abort(store.Abort{Attempt: "a3", GiveBack: true})
		check(w, "calls", w.observe().State.Calls, 0)
	})
}

func TestAbortA4FreesTheLease(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mustBegin()
		w.abort(store.Abort{Attempt: "a1"})
		check(w, "lease", w.observe().Lease, "")
		w.mustBegin(attempt("a2"))
	})
}

// A failure never touches what readers read.
func TestAbortLeavesTheTokenAlone(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		value := w.content()[w.c.Keys.Value]
		for _, a := range []store.Abort{{Attempt: "a2"}, {Attempt: "a3", Unknown: true}, {Attempt: "a4", GiveBack: true}} {
			w.mustBegin(attempt(a.Attempt))
			w.abort(a)
			check(w, "value", w.content()[w.c.Keys.Value], value)
			check(w, "token", w.observe().State.Token, token(1))
		}
	})
}
