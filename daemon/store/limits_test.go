package store_test

import (
	"fmt"
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
		w.plant("verified_at", at, "saved_at", at)
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
			answer := w.mustBegin(attempt(id), forced)
			from := w.now()
			w.commit(store.Commit{Attempt: id, Token: token(n), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order,
				Forced: true})
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

// What people and readers ask for is counted, so that an hour has room for
// only so much; whether it has is decided where the rest is.
func TestCounts(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		at := func(s store.State, what string) time.Time {
			return map[string]time.Time{"questions": s.QuestionsAt, "requests": s.RequestsAt, "secrets": s.SecretsAt}[what]
		}
		for what, c := range map[string]struct {
			every time.Duration
			once  func(n int)
		}{
			"questions": {store.QuestionsEvery, func(int) { w.claim(w.observe()) }},
			"requests": {store.RequestsEvery, func(int) {
				_, err := w.store.Request(w.Context(), w.c, 0)
				w.answered("", err)
			}},
			"secrets": {store.SecretsEvery, func(n int) {
				w.mustBegin(attempt(fmt.Sprint("c", n)), func(b *store.Begin) { b.NewSecret = true })
				w.do("del", w.c.Keys.Lease)
			}},
		} {
			room := 0
			for n := range 100 {
				if o := w.observe(); !store.HasRoom(at(o.State, what), o.Now, c.every) {
					break
				}
				c.once(n)
				room++
			}
			check(w, what+" that an hour has room for", room, int(time.Hour/c.every))
			c.once(room)
			full := w.observe()
			check(w, what+", room after one too many", store.HasRoom(at(full.State, what), full.Now, c.every), false)
			time.Sleep(c.every)
			o := w.observe()
			check(w, what+", room for one more", store.HasRoom(at(o.State, what), o.Now, c.every), true)
		}
	})
}
