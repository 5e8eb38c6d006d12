package store_test

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// cohabitants are credentials that share the key with ours by a mistake of somebody.
func cohabitants(c store.Slot) map[string]store.Slot {
	account, host := c, c
	account.Account, host.Issuer = "wxffffffffffffffff", "api.example.org"
	return map[string]store.Slot{"another appid": account, "another issuer": host}
}

// asCohabitant runs do as the cohabitant r and comes back.
func (w *world) asCohabitant(r store.Slot, do func()) {
	ours := w.c
	w.c = r
	do()
	w.c = ours
}

func withCohabitant(t *testing.T, test func(w *world, r store.Slot)) {
	t.Helper()
	for name := range cohabitants(store.Slot{}) {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) { test(w, cohabitants(w.c)[name]) })
		})
	}
}

func TestOthersStateCountsAsNone(t *testing.T) {
	withCohabitant(t, func(w *world, r store.Slot) {
		from := w.now()
		w.asCohabitant(r, func() { w.mint("b1", token(2)) })
		w.plant("watch_until", 1, "later", "field of a newer version")
		o := w.observe()
		check(w, "token", o.State.Token, "")
		check(w, "other", o.Other.AppID, r.Account)
		check(w, "its host", o.Other.Issuer, r.Issuer)
		w.during("its begin", o.Other.BegunAt, from)
		check(w, "token under the key", o.Value.Token, token(2))

		answer := w.mustBegin()
		check(w, "failures", answer.Failures, 1)
		o = w.observe()
		check(w, "other", o.Other, store.Other{})
		check(w, "generation", o.State.Generation, 1)
		check(w, "calls of the key", o.State.Calls, 2)
		check(w, "clean", w.content()[w.c.Keys.Lease], "a1:1:1:30000")
		check(w, "token", o.State.Token, "")
		check(w, "minted at", o.State.MintedAt.IsZero(), true)
		check(w, "watch", o.State.WatchUntil.IsZero(), true)
		check(w, "a newer version's field", w.content()[w.c.Keys.State+".later"], "")
	})
}

func TestOthersLeaseHolds(t *testing.T) {
	withCohabitant(t, func(w *world, r store.Slot) {
		w.asCohabitant(r, func() { w.mustBegin(attempt("b1")) })
		before := w.content()
		check(w, "status", w.begin().Status, store.Leased)
		w.stays(before)
	})
}

func TestCommitC6LeavesOthersAlone(t *testing.T) {
	withCohabitant(t, func(w *world, r store.Slot) {
		answer := w.mustBegin()
		w.do("flushdb")
		w.asCohabitant(r, func() { w.mint("b1", token(2)) })
		before := w.content()
		status, _ := w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0,
			Order: answer.Order})
		check(w, "status", status, store.Lost)
		w.stays(before)
	})
}

func TestAbortA1LeavesOthersAlone(t *testing.T) {
	withCohabitant(t, func(w *world, r store.Slot) {
		w.mustBegin()
		w.do("flushdb")
		w.asCohabitant(r, func() { w.mint("b1", token(2)) })
		before := w.content()
		check(w, "status", w.abort(store.Abort{Attempt: "a1", Unknown: true}), store.Lost)
		w.stays(before)
	})
}

func TestReassertHasNothingToSayOverOthers(t *testing.T) {
	withCohabitant(t, func(w *world, r store.Slot) {
		w.asCohabitant(r, func() { w.mint("b1", token(2)) })
		before := w.content()
		check(w, "status", w.reassert(w.observe()), store.Expired)
		w.stays(before)
	})
}

func TestRequestLeavesOthersAlone(t *testing.T) {
	withCohabitant(t, func(w *world, r store.Slot) {
		w.asCohabitant(r, func() { w.mint("b1", token(2)) })
		before := w.content()
		for _, force := range []int{0, 2} {
			status, err := w.store.Request(w.Context(), w.c, force)
			check(w, "status", w.answered(status, err), store.Changed)
		}
		w.stays(before)
	})
}

// A newer version may have added fields; the mixed fleet of a rolling update
// must not lose them.
func TestUnknownFieldsSurvive(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("later", "kept")
		survives := func(after string) {
			t.Helper()
			check(w, "field after "+after, w.content()[w.c.Keys.State+".later"], "kept")
		}
		w.mustBegin(attempt("a2"))
		survives("begin")
		w.abort(store.Abort{Attempt: "a2", Unknown: true})
		survives("abort")
		w.abort(store.Abort{Attempt: "a2", Unknown: true})
		survives("late abort")
		w.plant("next_attempt_at", 0, "unknown_until", 0)
		w.mint("a3", token(2))
		survives("commit")
		w.do("del", w.c.Keys.Value)
		check(w, "re-assert", w.reassert(w.observe()), store.Restored)
		survives("re-assert")
		check(w, "restore", w.restore(w.observe(), w.remembered(token(3))), store.Restored)
		survives("restore")
		w.plant("verify_at", w.now().Add(-time.Second))
		check(w, "claim", w.claim(w.observe()), store.Claimed)
		survives("claim")
		check(w, "verdict", w.verdict(w.observe(), true), store.Suspected)
		survives("verdict")
		if _, err := w.store.Request(w.Context(), w.c, 1); err != nil {
			w.Fatal(err)
		}
		survives("request")
	})
}

// Somebody used one of the keys for something else. It is observed as missing
// or garbage, and the next refresh makes it right.
func TestWrongTypes(t *testing.T) {
	for name, harm := range map[string]func(w *world){
		"value is a list":   func(w *world) { w.do("rpush", w.c.Keys.Value, "x") },
		"value is a hash":   func(w *world) { w.do("hset", w.c.Keys.Value, "a", "b") },
		"value is long":     func(w *world) { w.do("set", w.c.Keys.Value, strings.Repeat("x", 4097)) },
		"state is a string": func(w *world) { w.do("set", w.c.Keys.State, "x") },
		"state is a list":   func(w *world) { w.do("rpush", w.c.Keys.State, "x") },
		"lease is a hash": func(w *world) {
			w.do("hset", w.c.Keys.Lease, "a", "b")
			w.do("pexpire", w.c.Keys.Lease,
				9000)
		},
		"rejected is a list":  func(w *world) { w.do("rpush", w.c.Keys.Rejected, "x") },
		"all four are a list": func(w *world) { w.listEverywhere() },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				harm(w)
				o := w.observe()
				check(w, "value present", o.Value.Present, w.do("exists", w.c.Keys.Value).(int64) == 1)
				check(w, "token", o.Value.Token, "")
				check(w, "token", o.State.Token, "")
				check(w, "lease", o.Lease, "")
				check(w, "rejected", o.Rejected, "")

				w.mint("a1", token(1))
				o = w.observe()
				check(w, "value", o.Value.Token, token(1))
				check(w, "token", o.State.Token, token(1))
				check(w, "generation", o.State.Generation, 1)
				check(w, "lease", o.Lease, "")
			})
		})
	}
}

func (w *world) listEverywhere() {
	w.Helper()
	for _, key := range []string{w.c.Keys.Value, w.c.Keys.State, w.c.Keys.Lease, w.c.Keys.Rejected} {
		w.do("rpush", key, "x")
	}
}

// A value too long to be a token is not read at every poll: another one of the
// same length is taken for the same.
func TestLongValueIsComparedByLength(t *testing.T) {
	everywhere(t, func(w *world) {
		w.do("set", w.c.Keys.Value, strings.Repeat("x", 5000))
		o := w.observe()
		w.do("set", w.c.Keys.Value, strings.Repeat("x", 5001))
		check(w, "another length", w.beginOn(o).Status, store.Changed)
		w.do("set", w.c.Keys.Value, strings.Repeat("x", 4096))
		o = w.observe()
		w.do("set", w.c.Keys.Value, strings.Repeat("y", 4096))
		check(w, "another of a length that is read", w.beginOn(o).Status, store.Changed)
		w.do("set", w.c.Keys.Value, strings.Repeat("x", 4097))
		o = w.observe()
		w.do("set", w.c.Keys.Value, strings.Repeat("y", 4097))
		check(w, "another of a length that is not", w.beginOn(o).Status, store.Begun)
	})
}

// A failover to a node whose clock is hours behind: what the old node wrote
// lies in an impossible future. What happened is as long ago as it was; a wait
// that nobody's save would end is over, so that somebody saves.
func TestClockBackByHours(t *testing.T) {
	w := miniWorld(t)
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	w.mini.SetTime(noon)
	w.mint("a1", token(1))
	w.mini.SetTime(noon.Add(time.Hour))
	w.mustBegin(attempt("a2"))
	w.mini.SetTime(noon.Add(time.Hour + time.Second))
	w.abort(store.Abort{Attempt: "a2", Unknown: true, UnknownWait: w.c.Lease, Wait: 5 * time.Minute})
	w.plant("no_answer_until", noon.Add(2*time.Hour), "questions_at", noon.Add(90*time.Minute))
	before := w.observe()
	w.mini.SetTime(noon.Add(-10 * time.Hour))
	after := w.observe()
	for name, at := range map[string]func(s store.State) time.Time{
		"unknown":  func(s store.State) time.Time { return s.UnknownUntil },
		"watch":    func(s store.State) time.Time { return s.WatchUntil },
		"verified": func(s store.State) time.Time { return s.VerifiedAt },
	} {
		check(w, name, at(after.State).Sub(after.Now), at(before.State).Sub(before.Now))
	}
	for name, at := range map[string]time.Time{
		"next attempt": after.State.NextAttemptAt, "begun": after.State.BegunAt, "verify": after.State.VerifyAt,
		"no answer": after.State.NoAnswerUntil, "questions": after.State.QuestionsAt,
	} {
		check(w, name, at.IsZero(), true)
	}
	check(w, "expiry", after.State.ExpiresAt, before.State.ExpiresAt)
	check(w, "what never was", after.State.SuspectAt, time.Time{})
	w.mustBegin(attempt("a3"))
	again := w.observe()
	check(w, "the last begin by the new clock", again.State.BegunAt, again.Now)
}
