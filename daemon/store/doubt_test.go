package store_test

import (
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// calm is how often WeChat is asked about a token that nobody doubts.
const calm = 225 * time.Second

// V2: WeChat never accepts a dead token again, so the verdict was a mistake.
func TestVerdictV2TakesARefusalBack(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("refused", token(1).Fingerprint())
		check(w, "verdict", w.verdict(w.observe(), false), store.Accepted)
		o := w.observe()
		check(w, "refused", o.State.Refused, "")
		check(w, "live", o.State.Live(o.Now), true)
		w.plant("refused", token(2).Fingerprint(), "force", 2)
		w.verdict(w.observe(), false)
		check(w, "another one refused", w.observe().State.Refused, token(2).Fingerprint())
		check(w, "what a person wants to force", w.observe().State.Force, 2)
	})
}

// V2: what C7 wanted to force for the token's sake is needless then; what a
// person wants is not.
func TestVerdictV2WantsNoForce(t *testing.T) {
	for want, before := range []int{0, 1, 2} {
		inTime(t, func(w *world) {
			w.mint("a1", token(1))
			w.plant("refused", token(1).Fingerprint(), "force", before)
			answer := w.mustBegin(attempt("a2"))
			w.commit(store.Commit{Attempt: "a2", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
			check(w, "force", w.observe().State.Force, max(1, before))
			w.verdict(w.observe(), false)
			check(w, "force", w.observe().State.Force, want)
		})
	}
}

// A person's wish to force outlives the end of a false refusal.
func TestVerdictV2LeavesAWishAlone(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("refused", token(1).Fingerprint(), "force", 1, "force_for", token(1).Fingerprint())
		check(w, "wish", w.answered(w.store.Request(w.Context(), w.c, 2)), store.Accepted)
		check(w, "verdict", w.verdict(w.observe(), false), store.Accepted)
		check(w, "force", w.observe().State.Force, 2)
	})
}

// V4: whoever slept over its answer says nothing of the token as it is now.
func TestVerdictV4IsLate(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		late := w.observe()
		time.Sleep(time.Second)
		check(w, "another question", w.claim(late), store.Claimed)
		w.verdict(w.observe(), true)
		time.Sleep(w.c.Poll)
		w.verdict(w.observe(), true)
		before := w.content()
		check(w, "the late answer", w.verdict(late, false), store.Changed)
		w.stays(before)
	})
}

// A question that is due is not put off by whoever breaks the key at each poll.
func TestReassertPutsNothingOff(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		due := w.now().Add(-time.Second)
		w.plant("verify_at", due)
		w.do("del", w.c.Keys.Value)
		check(w, "re-assert", w.reassert(w.observe()), store.Restored)
		check(w, "verify at", w.observe().State.VerifyAt, due)
	})
}

// V3: a refusal that is known starts no second watch, and is asked about calmly.
func TestVerdictV3IsKnownAlready(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		w.verdict(w.observe(), true)
		time.Sleep(w.c.Poll)
		check(w, "verdict", w.verdict(w.observe(), true), store.Refused)
		check(w, "next", w.observe().State.VerifyAt.Sub(w.now()), calm)
		time.Sleep(calm)
		before, from := w.content(), w.now()
		check(w, "again", w.verdict(w.observe(), true), store.Suspected)
		w.differs(before, "verify_at", "saved_at")
		check(w, "next", w.observe().State.VerifyAt.Sub(from), calm)
	})
}

// C7: if force does not help, WeChat may be wrong about each new token, and
// twenty of them are a day's.
func TestCommitC7ForcesOnceAnOverlap(t *testing.T) {
	inTime(t, func(w *world) {
		refused := func(id string, n int, forcedAt time.Time) time.Duration {
			w.mint(id, token(n))
			w.plant("refused", token(n).Fingerprint(), "forced_at", forcedAt)
			answer := w.mustBegin(attempt(id + "b"))
			status, _ := w.commit(store.Commit{
				Attempt: id + "b", Token: token(n), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order,
				RefusedWait: time.Second,
			})
			check(w, "status", status, store.Refused)
			s := w.observe().State
			w.plant("next_attempt_at", 0)
			return s.NextAttemptAt.Sub(w.now())
		}
		check(w, "never forced", refused("a1", 1, time.UnixMilli(1)), time.Second)
		check(w, "forced a minute ago", refused("a2", 2, w.now().Add(-time.Minute)), w.c.Overlap-time.Minute)
		check(w, "forced long ago", refused("a3", 3, w.now().Add(-w.c.Overlap)), time.Second)
	})
}

// C4: a forced refresh ends what C7 wanted, and one that WeChat ignored puts
// the next one off no further than its begin did.
func TestCommitC4AfterForce(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("force", 1, "force_for", token(1).Fingerprint())
		force := func(id string, n int) {
			answer := w.mustBegin(attempt(id), forced)
			time.Sleep(time.Second)
			w.commit(store.Commit{Attempt: id, Token: token(n), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order,
				Forced: true})
		}
		begun := w.now()
		force("a2", 1)
		check(w, "forced at, ignored", w.observe().State.ForcedAt, begun)
		time.Sleep(30 * time.Second)
		force("a3", 2)
		check(w, "forced at", w.observe().State.ForcedAt, w.now())
		check(w, "force", w.observe().State.Force, 0)
		check(w, "for which token", w.content()[w.c.Keys.State+".force_for"], "")
	})
}

// With classic a second wish within an overlap would kill what readers got
// before the first one; with stable it brings the same token.
func TestRequestAgain(t *testing.T) {
	for api, within := range map[string]bool{"classic": false, "stable": true} {
		t.Run(api, func(t *testing.T) {
			inTime(t, func(w *world) {
				w.c.API, w.c.Replaces = api, api == "classic"
				asked := func(id string) bool {
					w.mint(id, token(1))
					w.plant("next_attempt_at", w.now().Add(time.Hour))
					check(w, "status", w.answered(w.store.Request(w.Context(), w.c, 0)), store.Accepted)
					s := w.observe().State
					check(w, "next attempt", s.NextAttemptAt.IsZero(), true)
					return s.Outstanding()
				}
				check(w, "first", asked("a1"), true)
				time.Sleep(w.c.Overlap - time.Second)
				check(w, "within an overlap", asked("a2"), within)
				time.Sleep(time.Second) // what replaced nothing does not count
				check(w, "after it", asked("a3"), true)
			})
		})
	}
}

// The next refresh that WeChat allows is written down; what was counted is not asked.
func TestAbortA5WeChatForcesNoMore(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"), forced)
		from := w.now()
		w.abort(store.Abort{Attempt: "a2", NoForceWait: 3 * time.Hour, Wait: time.Second, Failure: failure()})
		s := w.observe().State
		w.during("no force - wait", s.NoForceUntil.Add(-3*time.Hour), from)
		w.during("next attempt - wait", s.NextAttemptAt.Add(-time.Second), from)
	})
}

// Once one process is told that nobody is answered any more, all others know.
func TestVerdictNone(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.do("set", w.c.Keys.Rejected, token(1).Reveal())
		from := w.now()
		o := w.observe()
		status, err := w.store.Verdict(w.Context(), w.c, o,
			store.Hearing{At: o.State.VerifiedAt, Verdict: store.VerdictNone, Wait: time.Hour})
		check(w, "status", w.answered(status, err), store.Blind)
		w.during("next question - wait", w.observe().State.NoAnswerUntil.Add(-time.Hour), from)
		check(w, "the report stays", w.observe().Rejected, token(1))
	})
}
