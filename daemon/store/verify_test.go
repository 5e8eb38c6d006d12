package store_test

import (
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

func forced(b *store.Begin) { b.Forced = true }

// C7: stored again, the refused token would be refused for ever.
func TestCommitC7RefusedTokenIsNotStored(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("refused", token(1).Fingerprint())
		value := w.content()[w.c.Keys.Value]
		answer := w.mustBegin(attempt("a2"))
		from := w.now()
		status, _ := w.commit(store.Commit{
			Attempt: "a2", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order,
			RefusedWait: 3 * time.Second,
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
		m := store.Commit{Attempt: "a2", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order,
			Forced: true}
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
			w.commit(store.Commit{Attempt: id, Token: token(2 + i), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order,
				Forced: true})
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
	v := store.VerdictAccepted
	if refused {
		v = store.VerdictRefused
	}
	return w.answered(w.store.Verdict(w.Context(), w.c, o, store.Hearing{At: o.State.VerifiedAt, Verdict: v}))
}

func (w *world) discard(o store.Observation) store.Status {
	w.Helper()
	return w.answered(w.store.Discard(w.Context(), w.c, o))
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

// The question that shall confirm a refusal may stay without an answer: it is
// asked again a poll later, but not all day.
func TestClaimComesSoonAfterARefusal(t *testing.T) {
	for name, c := range map[string]struct{ ago, next time.Duration }{
		"a moment ago": {29 * time.Second, 2 * time.Second},
		"long ago":     {31 * time.Second, 30 * time.Second},
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
		s := w.observe().State
		check(w, "refused", s.Refused, "")
		check(w, "next question", s.VerifyAt.Sub(w.now()), w.c.Poll)
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

func TestVerdictAcceptedEndsTheSuspicion(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		check(w, "refused", w.verdict(w.observe(), true), store.Suspected)
		check(w, "accepted", w.verdict(w.observe(), false), store.Accepted)
		s := w.observe()
		check(w, "suspect", s.State.SuspectAt.IsZero(), true)
		check(w, "next question", s.State.VerifyAt.Sub(s.Now).Round(time.Minute), 4*time.Minute)
		w.do("set", w.c.Keys.Rejected, token(1).Reveal())
		check(w, "after a report", w.verdict(w.observe(), false), store.Unconfirmed)
		check(w, "report", w.observe().Rejected, "")
		o := w.observe()
		w.mint("a2", token(2))
		before := w.content()
		check(w, "about another token", w.verdict(o, true), store.Changed)
		w.stays(before)
	})
}

// A person's wish ends every wait but the daily limit, and the one for a mint
// that WeChat may process yet.
func TestRequest(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"))
		w.abort(store.Abort{Attempt: "a2", Unknown: true, UnknownWait: w.c.Lease, Wait: time.Hour})
		w.plant("settled", 2, "outside_at", w.now())
		from := w.now()
		if _, err := w.store.Request(w.Context(), w.c, 0); err != nil {
			w.Fatal(err)
		}
		s := w.observe().State
		check(w, "outstanding", s.Outstanding(), true)
		check(w, "force", s.Force, 0)
		w.during("asked at", s.AskedAt, from)
		check(w, "next attempt", s.NextAttemptAt.IsZero(), true)
		check(w, "outside draw", s.OutsideAt.IsZero(), true)
		check(w, "unknown outcome", s.UnknownUntil.IsZero(), false)
		if _, err := w.store.Request(w.Context(), w.c, 2); err != nil {
			w.Fatal(err)
		}
		check(w, "force", w.observe().State.Force, 2)
	})
}

// A report stays until WeChat has said something about its token: whoever asks
// may die before the answer.
func TestReportStaysUntilItIsAnswered(t *testing.T) {
	inTime(t, func(w *world) {
		w.mint("a1", token(1))
		if err := w.store.Report(w.Context(), w.c, token(1)); err != nil {
			t.Fatal(err)
		}
		check(w, "time to live", w.pttl(w.c.Keys.Rejected), time.Minute)
		stays := func(when string) {
			t.Helper()
			check(w, "report, "+when, w.observe().Rejected, token(1))
		}
		check(w, "claim", w.claim(w.observe()), store.Claimed)
		stays("asked")
		check(w, "first refusal", w.verdict(w.observe(), true), store.Suspected)
		stays("refused once")
		time.Sleep(w.c.Poll)
		check(w, "second refusal", w.verdict(w.observe(), true), store.Refused)
		check(w, "report, refused twice", w.observe().Rejected, "")
		w.do("set", w.c.Keys.Rejected, token(1).Reveal())
		check(w, "known refusal", w.verdict(w.observe(), true), store.Suspected)
		check(w, "report of a known refusal", w.observe().Rejected, "")
		w.do("set", w.c.Keys.Rejected, token(2).Reveal())
		w.verdict(w.observe(), false)
		check(w, "report of another token", w.observe().Rejected, token(2))
	})
}

// Two replicas delete the same report once, and never the one that came after it.
func TestDiscard(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.do("set", w.c.Keys.Rejected, token(2).Reveal())
		o := w.observe()
		w.do("set", w.c.Keys.Rejected, token(1).Reveal())
		check(w, "another report has come", w.discard(o), store.Changed)
		check(w, "report", w.observe().Rejected, token(1))
		before := w.observe()
		check(w, "the same", w.discard(before), store.Discarded)
		check(w, "report", w.observe().Rejected, "")
		check(w, "by another replica", w.discard(before), store.Changed)
	})
}
