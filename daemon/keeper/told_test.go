package keeper

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// answer is an error that Redis itself answered with.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

// TestFailureIsToldOncePerCause: however many operations it stops, and again
// once it is another one or has been over.
func TestFailureIsToldOncePerCause(t *testing.T) {
	onBench(t, func(b *bench) {
		first := func(what string, err error, want bool) {
			t.Helper()
			check(b, what+": "+err.Error(), b.noteFailure(what, err), want)
		}
		first(opBegin, errors.New("i/o timeout"), true)
		first(opBegin, errors.New("connection refused"), false)
		first(opMend, errors.New("i/o timeout"), false)
		first(opMend, answer("OOM command not allowed"), true)
		first(opCommit, answer("OOM another text"), false)
		first(opCommit, answer("READONLY a replica"), true)
		b.noteFailure(opBegin, nil)
		first(opBegin, errors.New("i/o timeout"), true)
		check(b, "warnings", b.said("level=WARN"), 4)
		b.take()
		first(opMend, answer("OOM command not allowed"), true)
		check(b, "notes", len(b.Status().Notes), 1)
	})
}

// TestCauseOfManyIsToldOnce: by one of all keepers, and again once none of them meets it.
func TestCauseOfManyIsToldOnce(t *testing.T) {
	refused := answer("NOREPLICAS not enough good replicas")
	onBench(t, func(b *bench) {
		other := newBench(b.T, policyOf("stable"), true)
		other.causes = b.causes
		fails := func(b *bench, want bool) {
			t.Helper()
			check(b, "told", b.noteFailure(opClaim, refused), want)
			check(b, "notes", len(b.Status().Notes), 1)
		}
		b.take()
		other.take()
		fails(b, true)
		fails(other, false)
		b.noteFailure(opClaim, nil)
		fails(b, false)
		// One that has left meets nothing more.
		b.Leave()
		check(b, "left", b.Left(), true)
		b.Depart()
		other.noteFailure(opClaim, nil)
		fails(other, true)
		check(b, "causes", len(b.causes.met), 1)
	})
}

// TestFailureAtEachPollIsToldOnce: what is called for at each poll and fails each time, whichever
// turn it takes; and once more after it was not called for.
func TestFailureAtEachPollIsToldOnce(t *testing.T) {
	refused := answer("NOPERM no permissions to run the 'hset' command")
	rejected := func(o *store.Observation) { o.Rejected = "another" }
	verifies := func(o *store.Observation) { o.State.VerifyAt = o.Now }
	deleted := func(o *store.Observation) { o.Value = store.Value{} }
	for what, calls := range map[string]func(o *store.Observation){
		opClaim: verifies, opDiscard: rejected, opMend: deleted, opBegin: func(o *store.Observation) { o.State.Generation++ },
	} {
		t.Run(what, func(t *testing.T) {
			onBench(t, func(b *bench) {
				for range 3 {
					b.take(calls)
					b.noteFailure(what, refused)
				}
				check(b, "warnings", b.said("level=WARN"), 1)
				b.take()
				check(b, "notes", len(b.Status().Notes), 0)
				b.take(calls)
				b.noteFailure(what, refused)
				check(b, "warnings", b.said("level=WARN"), 2)
			})
		})
	}
	t.Run(opCommit, func(t *testing.T) {
		onBench(t, func(b *bench) {
			// The lease of one's own attempt lets nothing else begin.
			b.own = &attempt{commit: &store.Commit{}}
			for range 3 {
				b.take(func(o *store.Observation) { o.Lease = "1" })
				b.noteFailure(opCommit, refused)
			}
			check(b, "warnings", b.said("level=WARN"), 1)
		})
	})
}

// TestReadOnlyRepairsNothing: a replica with mint: false whose user of Redis may only read says
// so once, and leaves the rest to the others. One that mints is warned.
func TestReadOnlyRepairsNothing(t *testing.T) {
	refused := answer("NOPERM User app has no permissions to run the 'set' command")
	deleted := func(o *store.Observation) { o.Value = store.Value{} }
	reports := func(o *store.Observation) { o.Rejected = "another" }
	synctest.Test(t, func(t *testing.T) {
		p := policyOf("stable")
		p.Mint = false
		b := newBench(t, p, false)
		b.take(deleted)
		check(b, "actions", len(b.errands), 1)
		b.finish()
		b.noteFailure(opMend, refused)
		b.noteFailure(opDiscard, refused)
		b.take(deleted, reports)
		check(b, "actions", len(b.actions)+len(b.Status().Notes), 0+1)
		check(b, "said", b.said("this replica repairs nothing"), 1)
		check(b, "warnings", b.said("level=WARN"), 0)
		b.lookFailed(refused)
		check(b, "advises "+b.told.redis, strings.Contains(b.told.redis, store.ReadOnlyRights(b.policy.Keys)+" ("), true)
	})
	onBench(t, func(b *bench) {
		b.noteFailure(opMend, refused)
		b.lookFailed(refused)
		check(b, "advises "+b.told.redis, strings.Contains(b.told.redis, store.Rights(b.policy.Keys)+" ("), true)
		b.lookFailed(nil)
		check(b, "warnings", b.said("level=WARN"), 1)
		b.take(deleted)
		check(b, "notes that it watches", strings.Count(strings.Join(b.Status().Notes, " "), "repairs nothing"), 0)
	})
}

// TestForeignTokenIsToldOnce: the next one again.
func TestForeignTokenIsToldOnce(t *testing.T) {
	onBench(t, func(b *bench) {
		holds := func(token secret.Token, want int) {
			t.Helper()
			b.take(func(o *store.Observation) { o.Value.Token = token })
			check(b, "warnings", b.said("somebody else wrote a token"), want)
			check(b, "counted", int(b.counted("wxtokend_foreign_tokens_total", "")), want)
		}
		b.take()
		holds(foreign, 1)
		holds(foreign, 1)
		holds("98_another", 2)
		b.take()
		b.take(func(o *store.Observation) { *o = store.Observation{Now: o.Now, Value: o.Value} })
		check(b, "without a state", b.said("somebody else wrote a token"), 2)
	})
}

// TestCohabitantIsToldOnce names another account in the log once.
func TestCohabitantIsToldOnce(t *testing.T) {
	onBench(t, func(b *bench) {
		for range 3 {
			b.take(func(o *store.Observation) {
				*o = store.Observation{Now: o.Now, Other: store.Other{AppID: testAppID, Issuer: "api.example.org", BegunAt: o.Now}}
			})
		}
		check(b, "warnings", b.said("another host of WeChat is used under this key, api.example.org"), 1)
	})
}

// TestDailyLimitIsToldOnce, and the calls of a day that is over are none.
func TestDailyLimitIsToldOnce(t *testing.T) {
	onBench(t, func(b *bench) {
		used := func(o *store.Observation) { o.State.Generation++; o.State.Calls = 10_000 }
		for range 3 {
			b.take(used)
		}
		check(b, "warnings", b.said("the daily_limit of calls is reached"), 1)
		check(b, "calls today", b.counted("wxtokend_calls_today", ""), 10_000)
		b.take(used, func(o *store.Observation) { o.State.Day-- })
		check(b, "calls today", b.counted("wxtokend_calls_today", ""), 0)
	})
}

// TestReportThatWaitsIsCountedOnce: for the hour, and not for an answer.
func TestReportThatWaitsIsCountedOnce(t *testing.T) {
	onBench(t, func(b *bench) {
		usedUp := func(o *store.Observation) {
			o.State.QuestionsAt, o.State.VerifiedAt = o.Now.Add(time.Hour), o.Now.Add(-time.Minute)
		}
		reports := func(o *store.Observation) { o.Rejected = ours }
		limited := func(want int) {
			t.Helper()
			check(b, "limited reports", int(b.counted("wxtokend_reports_total", "limited")), want)
		}
		b.take(reports) // asked about now
		limited(0)
		b.take(reports, func(o *store.Observation) { o.State.VerifiedAt = o.Now }) // asked about a moment ago
		limited(0)
		// It is its turn.
		b.take(reports, usedUp, func(o *store.Observation) { o.State.VerifiedAt = time.Time{}; o.State.VerifyAt = o.Now })
		limited(0)
		b.take(usedUp)
		limited(0)
		b.take(reports, usedUp)
		limited(1)
		b.take(reports, usedUp)
		limited(1)
		b.take()
		b.take(reports, usedUp)
		limited(2)
	})
}

// TestClockOfRedisIsTold: once, and again after it was well.
func TestClockOfRedisIsTold(t *testing.T) {
	onBench(t, func(b *bench) {
		off := func(by time.Duration, want int) {
			t.Helper()
			b.take(func(o *store.Observation) { o.Now = o.Now.Add(by) })
			check(b, "warnings", b.said("the clock of Redis is not this host's"), want)
		}
		off(30*time.Second, 0)
		off(31*time.Second, 1)
		off(31*time.Second, 1)
		off(0, 1)
		off(-31*time.Second, 2)
	})
}

// TestFailingIsExposedByClass: what the last draw of the fleet met, and what this process meets.
func TestFailingIsExposedByClass(t *testing.T) {
	onBench(t, func(b *bench) {
		fails := func(class string, want int) {
			t.Helper()
			check(b, class, int(b.counted("wxtokend_failing", class)), want)
		}
		refused := func(o *store.Observation) { o.State.LastError = &store.Failure{Class: "ip", Times: 1} }
		b.take()
		check(b, "all", int(b.counted("wxtokend_failing", "")), 0)
		b.take(refused)
		fails("ip", 1)
		fails("redis", 0)
		b.Take(store.Result{Err: errAway}, b.spawn)
		fails("redis", 1)
		b.take()
		check(b, "after", int(b.counted("wxtokend_failing", "")), 0)
		b.failedHere(&credential.Error{Class: credential.ClassAdmin}, "s3cr3t", time.Minute)
		time.Sleep(time.Hour)
		b.take()
		fails("admin", 1)
		b.remember(&attempt{commit: &store.Commit{}})
		b.take()
		check(b, "after a token was drawn", int(b.counted("wxtokend_failing", "")), 0)
		b.noteFailure(opReadSecret, errors.New("no such file"))
		b.noteFailure(opMend, errAway)
		b.take(func(o *store.Observation) { o.Value = store.Value{} })
		fails("secret", 1)
		fails("redis", 1)
	})
}

// TestUnknownOfManyIsNotTold: the loss of Redis is said once for all.
func TestUnknownOfManyIsNotTold(t *testing.T) {
	for _, many := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, policyOf("stable"), many)
			b.take()
			b.take()
			time.Sleep(time.Hour)
			for range 3 {
				b.Take(store.Result{Err: errAway}, b.spawn)
			}
			want := 1
			if many {
				want = 0
			}
			check(b, "to unknown", b.said("to=unknown"), want)
			check(b, "to fresh", b.said("to=fresh"), 1)
		})
	}
}

// TestMeetsACohabitant says who is met under the key, and for how long.
func TestMeetsACohabitant(t *testing.T) {
	local := time.Now()
	theirs := func(ago time.Duration) store.Observation {
		return store.Observation{Now: instant, Other: cohabitantSince(ago)}
	}
	mine := store.Observation{Now: instant, State: store.State{AppID: testAppID}}
	met := func(what string, c *cohabitant, want bool) {
		t.Helper()
		check(t, what, c.name(testAppID) != "", want)
	}
	c := &cohabitant{}
	c.meet(theirs(overlap), local, overlap)
	met("the account before a changed configuration", c, false)
	c.meet(theirs(overlap-1), local, overlap)
	met("one that drew a moment ago", c, true)
	c = &cohabitant{}
	c.meet(mine, local, overlap)
	c.meet(theirs(time.Hour), local, overlap)
	met("one that took our key, and drew long ago", c, true)
	c.meet(mine, local.Add(2*overlap), overlap)
	met("one that waits for its turn", c, true)
	c.meet(mine, local.Add(2*overlap+1), overlap)
	met("one that stayed away", c, false)
}
