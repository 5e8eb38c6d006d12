package keeper

import (
	"context"
	"slices"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// finish ends the collected actions without anything done, as each of them has
// become another errand by then.
func (b *bench) finish() {
	b.Helper()
	b.seen.decision = decision{}
	b.own = nil
	for _, action := range b.actions {
		action(b.Context())
	}
}

// TestErrands says what a look makes a keeper ask a place for.
func TestErrands(t *testing.T) {
	due := func(o *store.Observation) { o.State.Generation++ }
	deleted := func(o *store.Observation) { o.Value = store.Value{} }
	askNow := func(o *store.Observation) { o.State.VerifyAt = o.Now }
	stale := func(o *store.Observation) { o.Rejected = foreign }
	refusedSecret := func(class string) func(*store.Observation) {
		return func(o *store.Observation) { o.State.LastError = &store.Failure{Class: class} }
	}
	drawing, answered := &attempt{}, &attempt{commit: &store.Commit{}}
	failed := &attempt{abort: &store.Abort{}}
	for _, row := range []struct {
		name    string
		own     *attempt
		changes []func(*store.Observation)
		want    []Errand
	}{
		{"fresh", nil, nil, nil},
		{"due", nil, []func(*store.Observation){due}, []Errand{ToDraw}},
		{"deleted", nil, []func(*store.Observation){deleted}, []Errand{ToWrite}},
		{"a question is due", nil, []func(*store.Observation){askNow}, []Errand{ToAsk}},
		{"a question beside a re-assert comes after it", nil, []func(*store.Observation){askNow, deleted}, []Errand{ToWrite}},
		{"a stale report", nil, []func(*store.Observation){stale}, []Errand{ToWrite}},
		{"a report of a token that is known to be refused", nil, []func(*store.Observation){func(o *store.Observation) {
			o.Rejected, o.State.Refused, o.Lease = ours, ours.Fingerprint(), "a1"
		}}, []Errand{ToWrite}},
		{"a report that waits for its question", nil, []func(*store.Observation){func(o *store.Observation) {
			o.Rejected, o.State.VerifiedAt = ours, o.Now
		}}, nil},
		{"a stale report under a newer version's state", nil, []func(*store.Observation){stale, func(o *store.Observation) {
			o.State.Schema++
		}}, nil},
		{"a stale report, and a question", nil, []func(*store.Observation){stale, askNow}, []Errand{ToAsk}},
		{"a begin without an answer", drawing, []func(*store.Observation){askNow, stale}, []Errand{ToDraw}},
		{"a token that is not stored yet", answered, []func(*store.Observation){due, askNow}, []Errand{ToWrite}},
		{"a failure that is not written down yet", failed, []func(*store.Observation){due}, []Errand{ToWrite}},
		{"a refused secret", nil, []func(*store.Observation){refusedSecret("config")}, []Errand{ToRead}},
		{"a refused account", nil, []func(*store.Observation){refusedSecret("account")}, []Errand{ToRead}},
		{"another failure", nil, []func(*store.Observation){refusedSecret("transient")}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.own = row.own
				b.take(row.changes...)
				if !slices.Equal(b.errands, row.want) {
					t.Errorf("errands %v, want %v", b.errands, row.want)
				}
			})
		})
	}
}

// TestTurns: one action, one question and one look at the secret at a time,
// and none of them waits for another.
func TestTurns(t *testing.T) {
	onBench(t, func(b *bench) {
		ask := func(o *store.Observation) { o.State.VerifyAt = o.Now }
		due := func(o *store.Observation) { o.State.Generation++ }
		reads := func(o *store.Observation) { o.State.LastError = &store.Failure{Class: "config"} }
		started := func(what string, want ...Errand) {
			t.Helper()
			if !slices.Equal(b.errands, want) {
				t.Errorf("%s: %v, want %v", what, b.errands, want)
			}
		}
		b.take(ask)
		started("a question", ToAsk)
		asking := b.actions
		b.take(ask)
		started("while it is asked")
		b.take(due)
		started("a mint meanwhile", ToDraw)
		b.actions = append(asking, b.actions...)
		all := b.actions
		b.take(due)
		started("while it is drawn")
		b.take(reads)
		started("a refused secret meanwhile", ToRead)
		b.take(reads)
		started("while it is read")
		b.actions = all
		b.finish()
		b.take(due)
		started("once more", ToDraw)
	})
}

// TestWhatIsLeftIsDoneAtOnce: an action may call for another one, before the
// next look.
func TestWhatIsLeftIsDoneAtOnce(t *testing.T) {
	onBench(t, func(b *bench) {
		b.take()
		turn := false
		b.start(&turn, func() Errand { return ToWrite }, b.spawn, func(context.Context, Errand) bool {
			b.seen.decision.action = mint
			return true
		})
		b.actions[0](b.Context())
		if !slices.Equal(b.errands, []Errand{ToWrite, ToDraw}) {
			t.Errorf("errands %v", b.errands)
		}
		check(b, "turn", turn, false)
	})
}

// TestPlacesAreKept: what was let in to write asks nobody, and what became
// another errand waits for its place. With neither Redis nor WeChat anything
// that is done here would crash.
func TestPlacesAreKept(t *testing.T) {
	onBench(t, func(b *bench) {
		idle := func(what string, do func()) {
			defer func() {
				if did := recover(); did != nil {
					t.Errorf("%s: %v", what, did)
				}
			}()
			do()
		}
		b.take(func(o *store.Observation) { o.State.VerifyAt = o.Now })
		idle("a question in the place of what writes", func() { b.question(b.Context(), ToWrite) })
		b.take(func(o *store.Observation) { o.State.Generation++ })
		idle("a mint in the place of what writes", func() { b.act(b.Context(), ToWrite) })
		b.own = &attempt{}
		idle("a begin while stopping", func() { b.Settle(b.Context()) })
	})
}

// TestFailedLookChangesNothing: what was seen last stays what is known.
func TestFailedLookChangesNothing(t *testing.T) {
	onBench(t, func(b *bench) {
		b.take()
		b.errands = nil
		b.Take(store.Result{Err: errAway}, b.spawn)
		check(b, "state", b.Status().State, Fresh)
		check(b, "errands", len(b.errands), 0)
	})
}

// TestPersonEndsTheBar of this process, once for each time of asking.
func TestPersonEndsTheBar(t *testing.T) {
	onBench(t, func(b *bench) {
		barred := func(what string, asked time.Time, want bool) {
			t.Helper()
			b.barred = time.Now().Add(time.Hour)
			o := fresh()
			o.State.AskedAt = asked
			check(b, what+", in this look", b.look(o, time.Now()).barred > 0, want)
			check(b, what+", afterwards", b.barred.IsZero(), !want)
		}
		at := time.Now()
		barred("nobody asked", time.Time{}, true)
		barred("somebody asked", at, false)
		barred("the same was seen before", at, true)
		barred("nobody asked, as Redis forgot", time.Time{}, true)
		barred("somebody asked again", at.Add(time.Second), false)
	})
}

// TestChangedSecretIsLookedAtSoon, and an unchanged one is not.
func TestChangedSecretIsLookedAtSoon(t *testing.T) {
	onBench(t, func(b *bench) {
		for range 3 {
			b.readSecret(b.Context(), ToRead)
		}
		check(b, "looks asked for", b.soon, 1)
	})
}

// TestMended: what comes after a known token was written back.
func TestMended(t *testing.T) {
	onBench(t, func(b *bench) {
		deleted := func(o *store.Observation) { o.Value = store.Value{} }
		due := func(o *store.Observation) { o.State.Generation++ }
		mended := func(status store.Status, err error, changes ...func(*store.Observation)) bool {
			b.take(changes...)
			return b.mended(status, err, b.seen.decision, fresh())
		}
		check(b, "by somebody else", mended(store.Changed, nil, deleted, due), false)
		check(b, "action", b.seen.decision.action, reassert)
		check(b, "not at all", mended("", errAway, deleted, due), false)
		check(b, "action", b.seen.decision.action, reassert)
		check(b, "with nothing left to do", mended(store.Restored, nil, deleted), true)
		check(b, "action", b.seen.decision.action, nothing)
		check(b, "what readers get", b.Status().State, Fresh)
		check(b, "with a mint left to do", mended(store.Restored, nil, deleted, due), true)
		check(b, "action", b.seen.decision.action, mint)
		check(b, "reason", b.seen.decision.reason, reasonOutstanding)
		waiting := func(o *store.Observation) { o.State.NextAttemptAt = o.Now.Add(time.Minute) }
		check(b, "with a mint that waits", mended(store.Restored, nil, deleted, due, waiting), true)
		check(b, "action", b.seen.decision.action, nothing)

		b.take(deleted)
		d := b.seen.decision
		b.take(func(o *store.Observation) { o.State.Refused = ours.Fingerprint() })
		check(b, "while another look came", b.mended(store.Restored, nil, d, fresh()), false)
		check(b, "state", b.Status().State, Rejected)
	})
}
