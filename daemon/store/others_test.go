package store_test

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// rivals are credentials that share the key with ours by a mistake of somebody.
func rivals(c store.Credential) map[string]store.Credential {
	account, host := c, c
	account.AppID, host.Issuer = "wxffffffffffffffff", "api.example.org"
	return map[string]store.Credential{"another appid": account, "another issuer": host}
}

// asRival runs do as the rival r and comes back.
func (w *world) asRival(r store.Credential, do func()) {
	ours := w.c
	w.c = r
	do()
	w.c = ours
}

func withRival(t *testing.T, test func(w *world, r store.Credential)) {
	t.Helper()
	for name := range rivals(store.Credential{}) {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) { test(w, rivals(w.c)[name]) })
		})
	}
}

func TestOthersStateCountsAsNone(t *testing.T) {
	withRival(t, func(w *world, r store.Credential) {
		w.asRival(r, func() { w.mint("b1", token(2)) })
		w.plant("watch_until", 1, "later", "field of a newer version")
		o := w.observe()
		check(w, "state", o.State, store.State{})
		check(w, "other", o.Other, r.AppID)
		check(w, "its host", o.OtherIssuer, r.Issuer)
		check(w, "token under the key", o.Value.Token, token(2))

		answer := w.mustBegin()
		check(w, "failures", answer.Failures, 1)
		o = w.observe()
		check(w, "other", o.Other, "")
		check(w, "generation", o.State.Generation, 1)
		check(w, "calls", o.State.Calls, 1)
		check(w, "clean", w.content()[w.c.Keys.Lease], "a1:1:1:30000")
		for field := range w.content() {
			for _, old := range []string{".token", ".expires_at", ".minted_at", ".watch_until", ".later"} {
				if strings.HasSuffix(field, old) {
					w.Errorf("%s is left of the rival's state", field)
				}
			}
		}
	})
}

func TestOthersLeaseHolds(t *testing.T) {
	withRival(t, func(w *world, r store.Credential) {
		w.asRival(r, func() { w.mustBegin(attempt("b1")) })
		before := w.content()
		check(w, "status", w.begin().Status, store.Leased)
		w.stays(before)
	})
}

func TestCommitC6LeavesOthersAlone(t *testing.T) {
	withRival(t, func(w *world, r store.Credential) {
		answer := w.mustBegin()
		w.do("flushdb")
		w.asRival(r, func() { w.mint("b1", token(2)) })
		before := w.content()
		status, _ := w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
		check(w, "status", status, store.Lost)
		w.stays(before)
	})
}

func TestAbortA1LeavesOthersAlone(t *testing.T) {
	withRival(t, func(w *world, r store.Credential) {
		w.mustBegin()
		w.do("flushdb")
		w.asRival(r, func() { w.mint("b1", token(2)) })
		before := w.content()
		check(w, "status", w.abort(store.Abort{Attempt: "a1", Unknown: true}), store.Lost)
		w.stays(before)
	})
}

func TestReassertHasNothingToSayOverOthers(t *testing.T) {
	withRival(t, func(w *world, r store.Credential) {
		w.asRival(r, func() { w.mint("b1", token(2)) })
		before := w.content()
		check(w, "status", w.reassert(w.observe()), store.Expired)
		w.stays(before)
	})
}

func TestRequestLeavesOthersAlone(t *testing.T) {
	withRival(t, func(w *world, r store.Credential) {
		w.asRival(r, func() { w.mint("b1", token(2)) })
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
		w.plant("verified_at", 0)
		check(w, "report", w.report(w.observe(), "", false), store.Accepted)
		survives("report")
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
		"value is a list":     func(w *world) { w.do("rpush", w.c.Keys.Value, "x") },
		"value is a hash":     func(w *world) { w.do("hset", w.c.Keys.Value, "a", "b") },
		"value is long":       func(w *world) { w.do("set", w.c.Keys.Value, strings.Repeat("x", 4097)) },
		"state is a string":   func(w *world) { w.do("set", w.c.Keys.State, "x") },
		"state is a list":     func(w *world) { w.do("rpush", w.c.Keys.State, "x") },
		"lease is a hash":     func(w *world) { w.do("hset", w.c.Keys.Lease, "a", "b"); w.do("pexpire", w.c.Keys.Lease, 9000) },
		"rejected is a list":  func(w *world) { w.do("rpush", w.c.Keys.Rejected, "x") },
		"all four are a list": func(w *world) { w.listEverywhere() },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				harm(w)
				o := w.observe()
				check(w, "value present", o.Value.Present, w.do("exists", w.c.Keys.Value).(int64) == 1)
				check(w, "token", o.Value.Token, "")
				check(w, "state", o.State, store.State{})
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

// The late ones leave a state of another type as it is, too.
func TestWrongTypeOfStateSurvivesTheLoser(t *testing.T) {
	everywhere(t, func(w *world) {
		answer := w.mustBegin()
		w.do("flushdb")
		w.do("rpush", w.c.Keys.State, "x")
		before := w.content()
		w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
		w.abort(store.Abort{Attempt: "a1", Unknown: true})
		w.stays(before)
	})
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
// lies in an impossible future. Without sane() each of these would hold up the
// credential for those hours.
func TestTimesOfAnotherClockCountAsPassed(t *testing.T) {
	ahead := 3 * time.Hour
	for name, harm := range map[string]func(w *world) []edit{
		"next attempt": func(w *world) []edit {
			w.plant("next_attempt_at", w.now().Add(ahead), "wait", 60000)
			return nil
		},
		"unknown outcome": func(w *world) []edit {
			w.plant("unknown_until", w.now().Add(ahead))
			return nil
		},
		"last begin": func(w *world) []edit {
			w.plant("begun_at", w.now().Add(ahead))
			return []edit{func(b *store.Begin) { b.Spacing = time.Second }}
		},
		"answer to a rival": func(w *world) []edit {
			w.plant("rival_at", w.now().Add(ahead))
			return []edit{func(b *store.Begin) { b.Rival = true }}
		},
		"forced refresh": func(w *world) []edit {
			w.plant("forced_at", w.now().Add(ahead))
			return []edit{forced}
		},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.mint("a1", token(1))
				edits := harm(w)
				w.mustBegin(append(edits, attempt("a2"))...)
				check(w, "generation", w.observe().State.Generation, 2) // no mark of B8
			})
		})
	}
}

// The same times are kept where they are possible: up to what was set, and a
// second for the clocks of two nodes that are well kept.
func TestTimesOfOurClockHold(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("next_attempt_at", w.now().Add(60*time.Second), "wait", 59500)
		check(w, "next attempt", w.begin(attempt("a2")).Status, store.Backoff)
		w.plant("next_attempt_at", 0, "unknown_until", w.now().Add(w.c.Lease), "unknown_wait", w.c.Lease.Milliseconds())
		check(w, "unknown outcome", w.begin(attempt("a2")).Status, store.Backoff)
		w.do("set", w.c.Keys.Lease, "ee:7:1:30000", "px", 30900)
		check(w, "lease", w.observe().Lease, "ee")
		check(w, "begin", w.begin(attempt("a2"), pastBackoff, urgent).Status, store.Leased)
	})
}

func TestClockBackByHours(t *testing.T) {
	w := miniWorld(t)
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	w.mini.SetTime(noon)
	w.mint("a1", token(1))
	w.mustBegin(attempt("a2"))
	w.abort(store.Abort{Attempt: "a2", Unknown: true, Wait: 5 * time.Minute})
	check(w, "before", w.begin(attempt("a3")).Status, store.Backoff)
	w.mini.SetTime(noon.Add(-10 * time.Hour))
	check(w, "after", w.begin(attempt("a3"), func(b *store.Begin) { b.Spacing = time.Second }).Status, store.Begun)
}
