package store_test

import (
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

func forced(b *store.Begin) { b.Forced = true }

// B9: WeChat refuses a forced refresh within half a minute of the last one.
func TestBeginB9ForceSpacing(t *testing.T) {
	everywhere(t, func(w *world) {
		answer := w.mustBegin(forced)
		w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order, Forced: true})
		before := w.content()
		check(w, "at once", w.begin(attempt("a2"), forced).Status, store.Spacing)
		w.stays(before)
		w.mustBegin(attempt("a2")) // others need not wait
		w.do("del", w.c.Keys.Lease)
		w.plant("forced_at", w.now().Add(-store.ForceSpacing-time.Second))
		check(w, "half a minute later", w.begin(attempt("a3"), forced, pastBackoff).Status, store.Begun)
	})
}

// B9: WeChat allows twenty a day.
func TestBeginB9ForceLimit(t *testing.T) {
	everywhere(t, func(w *world) {
		w.c.API = "stable"
		again := func() {
			w.do("del", w.c.Keys.Lease)
			w.plant("forced_at", 0, "next_attempt_at", 0)
		}
		for i := range store.ForceLimit {
			w.mustBegin(attempt(fmt.Sprint("c", i)), forced)
			again()
		}
		before := w.content()
		check(w, "one more", w.begin(attempt("a2"), forced).Status, store.Quota)
		w.stays(before)
		w.mustBegin(attempt("a3"), forced, func(b *store.Begin) { b.Day++ })
		again()
		w.mustBegin(attempt("a4")) // others are not limited by it
		again()
		w.c.API = "classic" // which knows no forced refresh: each call replaces
		w.mustBegin(attempt("a5"), forced)
	})
}

// B9: with classic every call replaces the token, and none is counted by WeChat as forced.
func TestBeginB9ClassicHasNoForceLimit(t *testing.T) {
	everywhere(t, func(w *world) {
		w.c.API = "classic"
		w.mint("a1", token(1))
		w.plant("forced", store.ForceLimit, "forced_day", store.Day(w.now()))
		w.mustBegin(attempt("a2"), forced)
	})
}

// C7: stored again, the refused token would be refused for ever.
func TestCommitC7RefusedTokenIsNotStored(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("refused", token(1).Fingerprint())
		value := w.content()[w.c.Keys.Value]
		answer := w.mustBegin(attempt("a2"))
		from := w.now()
		status, _ := w.commit(store.Commit{
			Attempt: "a2", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order, RefusedWait: 3 * time.Second,
		})
		check(w, "status", status, store.Refused)
		o := w.observe()
		check(w, "value", w.content()[w.c.Keys.Value], value)
		check(w, "expires at", o.State.ExpiresAt.Equal(answer.T0.Add(time.Hour)), false)
		check(w, "force", o.State.Force, 1)
		check(w, "lease", o.Lease, "")
		check(w, "outstanding", o.State.Outstanding(), false)
		w.during("next attempt - spacing", o.State.NextAttemptAt.Add(-3*time.Second), from)
	})
}

// C5 for C7: a lost reply must not make the refused token one that is stored.
func TestCommitC7AskedAgain(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("refused", token(1).Fingerprint(), "force", 2)
		answer := w.mustBegin(attempt("a2"), forced)
		m := store.Commit{Attempt: "a2", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order, Forced: true}
		first, _ := w.commit(m)
		check(w, "status", first, store.Refused)
		check(w, "forced refreshes that are wanted", w.observe().State.Force, 2)
		before := w.content()
		again, _ := w.commit(m)
		check(w, "asked again", again, store.Refused)
		w.stays(before)
	})
}

func TestForcedCommitsCountDown(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("force", 2)
		for i, want := range []int{1, 0, 0} {
			id := fmt.Sprint("c", i)
			answer := w.mustBegin(attempt(id), forced)
			w.commit(store.Commit{Attempt: id, Token: token(2 + i), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order, Forced: true})
			check(w, "force", w.observe().State.Force, want)
			w.plant("forced_at", 0)
		}
	})
}

func (w *world) claim(o store.Observation) store.Status {
	w.Helper()
	status, _, err := w.store.Claim(w.Context(), w.c, o)
	return w.answered(status, err)
}

func (w *world) verdict(o store.Observation, refused bool) store.Status {
	w.Helper()
	return w.answered(w.store.Verdict(w.Context(), w.c, o, o.State.VerifiedAt, refused))
}

func (w *world) report(o store.Observation, rejected secret.Token, stale bool) store.Status {
	w.Helper()
	return w.answered(w.store.Report(w.Context(), w.c, o, rejected, stale))
}

func (w *world) answered(status store.Status, err error) store.Status {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return status
}

// Of all replicas that saw the same due time one asks WeChat.
func TestClaimIsForOne(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("verify_at", w.now().Add(-time.Second))
		o, from := w.observe(), w.now()
		check(w, "first", w.claim(o), store.Claimed)
		s := w.observe().State
		w.during("verified at", s.VerifiedAt, from)
		check(w, "next", s.VerifyAt.Sub(s.VerifiedAt), 30*time.Second)
		before := w.content()
		check(w, "second", w.claim(o), store.Changed)
		w.stays(before)
		o = w.observe()
		w.mint("a2", token(2))
		w.plant("verify_at", o.State.VerifyAt) // as if both fell into one millisecond
		check(w, "about another token", w.claim(o), store.Changed)
	})
}

func TestClaimComesTenTimesAsOftenUnderWatch(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("watch_until", w.now().Add(time.Minute))
		w.claim(w.observe())
		s := w.observe().State
		check(w, "next", s.VerifyAt.Sub(s.VerifiedAt), 22500*time.Millisecond)
	})
}

func TestClaimIgnoresTheWatchOfAnotherClock(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("watch_until", w.now().Add(3*time.Hour))
		w.claim(w.observe())
		s := w.observe().State
		check(w, "next", s.VerifyAt.Sub(s.VerifiedAt), 30*time.Second)
	})
}

// The question that shall confirm a refusal may stay without an answer: it is
// asked again a poll later, but not all day.
func TestClaimComesSoonAfterARefusal(t *testing.T) {
	for name, c := range map[string]struct{ ago, next time.Duration }{
		"a moment ago":        {29 * time.Second, 2 * time.Second},
		"long ago":            {31 * time.Second, 30 * time.Second},
		"under another clock": {-3 * time.Hour, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(w *world) {
				w.mint("a1", token(1))
				w.plant("suspect_at", w.now().Add(-c.ago))
				w.claim(w.observe())
				s := w.observe().State
				check(w, "next", s.VerifyAt.Sub(s.VerifiedAt), c.next)
			})
		})
	}
}

// V1: one 40001 is weak evidence; two, a poll apart, are believed.
func TestVerdictV1TwoRefusals(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		check(w, "first", w.verdict(w.observe(), true), store.Suspected)
		check(w, "refused", w.observe().State.Refused, "")
		time.Sleep(w.c.Poll - time.Millisecond)
		check(w, "too soon after it", w.verdict(w.observe(), true), store.Suspected)
		time.Sleep(time.Millisecond)
		from := w.now()
		check(w, "a poll after the first", w.verdict(w.observe(), true), store.Refused)
		o := w.observe()
		check(w, "refused", o.State.Refused, token(1).Fingerprint())
		check(w, "live", o.State.Live(o.Now), false)
		w.watched(from)
	})
}

// V1: or the second refusal would be believed in hours only.
func TestVerdictV1IgnoresARefusalUnderAnotherClock(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("suspect_at", w.now().Add(3*time.Hour))
		check(w, "first", w.verdict(w.observe(), true), store.Suspected)
		time.Sleep(w.c.Poll)
		check(w, "a poll after the first", w.verdict(w.observe(), true), store.Refused)
	})
}

func TestVerdictAcceptedEndsTheSuspicion(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		check(w, "refused", w.verdict(w.observe(), true), store.Suspected)
		check(w, "accepted", w.verdict(w.observe(), false), store.Accepted)
		s := w.observe()
		check(w, "suspect", s.State.SuspectAt.IsZero(), true)
		check(w, "next question", s.State.VerifyAt.Sub(s.Now).Round(time.Minute), 4*time.Minute)
		w.plant("reported", 1)
		check(w, "after a report", w.verdict(w.observe(), false), store.Unconfirmed)
		check(w, "reported", w.observe().State.Reported, false)
		o := w.observe()
		w.mint("a2", token(2))
		before := w.content()
		check(w, "about another token", w.verdict(o, true), store.Changed)
		w.stays(before)
	})
}

// P1: a thousand reports are one question to WeChat.
func TestReportP1OneQuestion(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.do("set", w.c.Keys.Rejected, token(1).Reveal())
		o := w.observe()
		check(w, "first", w.report(o, token(1), false), store.Accepted)
		check(w, "reported", w.observe().State.Reported, true)
		check(w, "key", w.do("exists", w.c.Keys.Rejected), any(int64(0)))
		before := w.content()
		check(w, "the key was handled by another", w.report(o, token(1), false), store.Changed)
		check(w, "another way", w.report(o, "", false), store.Accepted)
		w.stays(before)
		w.plant("reported", 0, "verified_at", w.now())
		before = w.content()
		check(w, "just verified", w.report(w.observe(), "", false), store.Limited)
		check(w, "stale", w.report(w.observe(), "", true), store.Stale)
		w.stays(before)
		o = w.observe()
		w.mint("a2", token(2))
		before = w.content()
		check(w, "about the token before", w.report(o, "", false), store.Stale)
		w.stays(before)
		w.plant("verified_at", w.now().Add(3*time.Hour))
		check(w, "just verified, by another clock", w.report(w.observe(), "", false), store.Accepted)
	})
}

// A person's wish ends every wait but the daily limit, and the one for a mint
// that WeChat may process yet.
func TestRequest(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"))
		w.abort(store.Abort{Attempt: "a2", Unknown: true, Wait: time.Hour})
		w.plant("settled", 2, "rival_at", w.now())
		from := w.now()
		if _, err := w.store.Request(w.Context(), w.c, 0); err != nil {
			w.Fatal(err)
		}
		s := w.observe().State
		check(w, "outstanding", s.Outstanding(), true)
		check(w, "force", s.Force, 0)
		w.during("asked at", s.AskedAt, from)
		rival := func(b *store.Begin) { b.Rival = true }
		check(w, "begin", w.begin(attempt("a3"), rival).Status, store.Backoff)
		w.plant("unknown_until", 0)
		check(w, "begin", w.begin(attempt("a3"), rival).Status, store.Begun)
		if _, err := w.store.Request(w.Context(), w.c, 2); err != nil {
			w.Fatal(err)
		}
		check(w, "force", w.observe().State.Force, 2)
	})
}

// A person who asks for the 21st forced refresh of a day is told so, and
// ordinary refreshes do not suffer from it.
func TestRequestBeyondTheForceLimit(t *testing.T) {
	everywhere(t, func(w *world) {
		w.c.API = "stable"
		w.mint("a1", token(1))
		w.plant("forced", store.ForceLimit, "forced_day", store.Day(w.now()))
		request := func(force int) store.Status {
			status, err := w.store.Request(w.Context(), w.c, force)
			if err != nil {
				w.Fatal(err)
			}
			return status
		}
		before := w.content()
		check(w, "forced", request(2), store.Limited)
		w.stays(before)
		check(w, "ordinary", request(0), store.Accepted)
		w.plant("forced_day", store.Day(w.now())-1)
		check(w, "forced on the next day", request(2), store.Accepted)
	})
}
