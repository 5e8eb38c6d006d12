package store_test

import (
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// Somebody who deletes the key in a loop does not set the pace of the
// questions to WeChat, of which there are about a thousand a day.
func TestHarmDoesNotSetThePace(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		at := w.now()
		w.plant("verified_at", at)
		w.do("del", w.c.Keys.Value)
		soon := func() {
			if wait := w.observe().State.VerifyAt.Sub(at); wait < calm/10 || wait > w.c.VerifyEvery/10 {
				w.Errorf("next question after %v", wait)
			}
		}
		check(w, "re-assert", w.reassert(w.observe()), store.Restored)
		soon()
		check(w, "restore", w.restore(w.observe(), w.remembered(token(2))), store.Restored)
		soon()
	})
}

// C4: WeChat answers a forced refresh that came too soon with the token it
// had. That one has not been forced.
func TestCommitC4IgnoredForce(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("force", 2)
		again := func(id string, n int) store.State {
			answer := w.mustBegin(attempt(id), forced, pastBackoff)
			from := w.now()
			w.commit(store.Commit{Attempt: id, Token: token(n), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order, Forced: true})
			s := w.observe().State
			w.plant("begun_at", 0, "next_attempt_at", 0)
			if n > 1 {
				w.during("forced at", s.ForcedAt, from)
			}
			w.plant("forced_at", 0)
			return s
		}
		check(w, "still to force", again("a2", 1).Force, 2)
		check(w, "still to force", again("a3", 2).Force, 1)
		check(w, "still to force", again("a4", 3).Force, 0)
	})
}

// A dozen reports and a dozen wishes an hour: whoever loops burns no quota.
func TestHourlyLimits(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		ask := map[string]func() store.Status{
			"reports": func() store.Status {
				w.plant("verified_at", 0, "reported", 0)
				return w.report(w.observe(), "", false)
			},
			"wishes": func() store.Status {
				status, err := w.store.Request(w.Context(), w.c, 0)
				return w.answered(status, err)
			},
		}
		for hour := range 2 {
			time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
			for what, once := range ask {
				for i := range 12 {
					if got := once(); got != store.Accepted {
						w.Fatalf("%s, hour %d: number %d is %s", what, hour, i+1, got)
					}
				}
				before := w.content()
				check(w, what+", one more", once(), store.Limited)
				if what == "wishes" {
					w.stays(before)
				}
			}
		}
	})
}
