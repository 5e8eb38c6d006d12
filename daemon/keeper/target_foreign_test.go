package keeper

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/layout"
)

// TestTokenBeforeIsNotForeign, also to a process that has not written it; T3.
func TestTokenBeforeIsNotForeign(t *testing.T) {
	withTarget(t, func(w *world) {
		w.aim(layout.Target{Key: targetKey, Format: layout.Raw}, 0)
		w.observed()
		w.minted(newest)
		w.observed(ToWrite)
		w.run()
		check(w, "told", w.said("an app fetches its own token"), 0)
	})
}

// TestForeignTargetIsToldOnce, however long it cannot be written back; T3.
func TestForeignTargetIsToldOnce(t *testing.T) {
	withTarget(t, func(w *world) {
		w.must(w.mini.Set(targetKey, strings.Repeat("b", 100)))
		w.passing = func(Step, string) { w.mini.SetError("OOM command not allowed when used memory > 'maxmemory'.") }
		for range 3 {
			w.observed(ToWrite)
			w.run()
			w.mini.SetError("")
		}
		check(w, "told", w.said("an app fetches its own token"), 1)
		check(w, "failures said", w.said("could not write the target"), 1)
		check(w, "failed", w.counted("wxtokend_target_writes_total", "failed"), 3)
	})
}

// TestForeignTargetIsTold: only what is put there against us is an app that
// fetches its own token, and it is told once: T3.
func TestForeignTargetIsTold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.aim(layout.Target{Key: targetKey, Format: layout.Raw}, 0)
		// What lay there before is nobody's attack.
		w.must(w.mini.Set(targetKey, strings.Repeat("a", 100)))
		w.mint()
		w.observed(ToWrite)
		w.run()
		w.observed()
		check(w, "told", w.said("an app fetches its own token"), 0)
		// Nor is the token before this one.
		w.minted(newest)
		w.observed(ToWrite)
		w.run()
		w.observed()
		check(w, "the target", w.target(), newest.Reveal())
		check(w, "told", w.said("an app fetches its own token"), 0)
		check(w, "told of a deletion", w.said("a target was deleted"), 0)
		w.mini.Del(targetKey)
		w.observed(ToWrite)
		w.run()
		check(w, "told of a deletion", w.said("a target was deleted"), 1)
		w.observed()
		for n := range 3 {
			w.must(w.mini.Set(targetKey, strings.Repeat("b", 100)))
			w.observed(ToWrite)
			w.run()
			check(w, "told", w.said("an app fetches its own token"), n+1)
			w.observed()
		}
		check(w, "counted", w.counted("wxtokend_target_foreign_tokens_total", ""), 3)
		check(w, "written", w.counted("wxtokend_target_writes_total", "written"), 6)
		check(w, "notes", strings.Count(strings.Join(w.Status().Notes, "\n"), "an app fetches its own token"), 1)
		time.Sleep(foreignFor)
		check(w, "notes, later", strings.Count(strings.Join(w.Status().Notes, "\n"), "an app fetches its own token"), 0)
	})
}

// TestForeignTargetCallsForADraw: where each draw replaces, it ends our token, and
// is not buried before that is answered: T4.
func TestForeignTargetCallsForADraw(t *testing.T) {
	for _, replaces := range []bool{true, false} {
		withTarget(t, func(w *world) {
			time.Sleep(w.policy.BackoffMin)
			w.policy.Replaces = replaces
			w.must(w.mini.Set(targetKey, strings.Repeat("b", 100)))
			if !replaces {
				w.observed(ToWrite)
				return
			}
			w.must(w.mini.Set(targetKey, "garbage"))
			w.observed(ToWrite)
			w.run()
			w.observed()
			w.must(w.mini.Set(targetKey, strings.Repeat("b", 100)))
			w.observed(ToDraw)
			check(w, "why", w.seen.decision.mint, reasonForeign)
			check(w, "an outside draw", w.seen.decision.outside, true)
			// It was answered a moment ago.
			w.mini.HSet(w.policy.Keys.State, "outside_at", w.mini.HGet(w.policy.Keys.State, "saved_at"))
			w.observed(ToWrite)
		})
	}
}
