package store_test

import (
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// counts claims a question and has WeChat accept the token, and say how many
// draws it has counted of a thousand, or what the edits make of that.
func (w *world) counts(used int, edits ...func(*store.Count)) store.State {
	w.Helper()
	o := w.observe()
	count := store.Count{
		Answered: true, Limit: 1000, Used: used, Day: store.Day(o.Now), Calls: o.State.Calls, Wait: 10 * time.Minute,
	}
	for _, e := range edits {
		e(&count)
	}
	status, at, err := w.store.Claim(w.Context(), w.c, o)
	check(w, "claim", w.answered(status, err), store.Claimed)
	h := store.Hearing{At: at, Verdict: store.VerdictAccepted, Count: &count}
	status, err = w.store.Verdict(w.Context(), w.c, o, h)
	check(w, "verdict", w.answered(status, err), store.Accepted)
	return w.observe().State
}

// again is one more refresh, which is counted.
func (w *world) again(n int) {
	w.Helper()
	w.plant("begun_at", 0, "next_attempt_at", 0)
	w.mint("aa", token(n))
}

// What WeChat has counted beyond our calls since the first answer was somebody else's.
func TestCount(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		from := w.now()
		s := w.counts(31)
		check(w, "outside", s.OutsideToday, 0)
		check(w, "limit", s.QuotaLimit, 1000)
		check(w, "used", s.QuotaUsed, 31)
		check(w, "day", s.QuotaDay, store.Day(s.VerifiedAt))
		w.during("asked again, less its wait", s.QuotaAskAt.Add(-10*time.Minute), from)
		w.again(2)
		check(w, "ours", w.counts(32).OutsideToday, 0)
		check(w, "two of somebody else", w.counts(34).OutsideToday, 2)
		w.again(3)
		check(w, "stay", w.counts(35).OutsideToday, 2)
		check(w, "stay, if WeChat counts less for a moment", w.counts(34).OutsideToday, 2)
		check(w, "a third", w.counts(36).OutsideToday, 3)
	})
}

// No answer tells nothing but when to ask again.
func TestCountUnanswered(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.counts(5)
		before := w.counts(7)
		after := w.counts(9, func(c *store.Count) { *c = store.Count{Day: c.Day, Wait: time.Hour} })
		check(w, "outside", after.OutsideToday, 2)
		check(w, "used", after.QuotaUsed, before.QuotaUsed)
		check(w, "asked again", after.QuotaAskAt.Sub(before.QuotaAskAt) > 40*time.Minute, true)
	})
}

// Q1: WeChat was asked before midnight, and another replica drew behind it.
func TestCountQ1DayHasEnded(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("day", store.Day(w.now())-1)
		yesterday := func(c *store.Count) { c.Day--; c.Calls = 20 }
		w.plant("calls", 20)
		w.counts(20, yesterday)
		w.plant("day", store.Day(w.now()), "calls", 1)
		s := w.counts(21, yesterday)
		check(w, "outside", s.OutsideToday, 0)
		check(w, "used", s.QuotaUsed, 20)
	})
}

// Q2: each day begins at nothing, and so does the count of the other API.
func TestCountQ2AnotherCount(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.counts(1)
		check(w, "outside", w.counts(8).OutsideToday, 7)
		w.plant("quota_day", store.Day(w.now())-1)
		check(w, "a new day", w.counts(9).OutsideToday, 0)
		check(w, "in it", w.counts(11).OutsideToday, 2)
		other := func(c *store.Count) { c.Limit = 500_000 }
		check(w, "another API", w.counts(600, other).OutsideToday, 0)
		check(w, "of it", w.counts(601, other).OutsideToday, 1)
		check(w, "and back", w.counts(300).OutsideToday, 0)
	})
}

// Q3: a lost count of ours accuses nobody, and takes nothing back.
func TestCountQ3Doubt(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.counts(1)
		check(w, "outside", w.counts(2).OutsideToday, 1)
		// A failover took back the begin of a mint, whose abort finds its lease gone.
		w.abort(store.Abort{Attempt: "dead", Unknown: true})
		check(w, "a mint that Redis lost", w.counts(4).OutsideToday, 1)
		check(w, "somebody else again", w.counts(5).OutsideToday, 2)
	})
}

// Q3: WeChat begins to count anew at an hour that nobody knows, or as a person cleared the count.
func TestCountQ3Anew(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("calls", 3)
		w.counts(40)
		check(w, "outside", w.counts(41).OutsideToday, 1)
		check(w, "anew", w.counts(0).OutsideToday, 1)
		w.again(2)
		check(w, "ours", w.counts(1).OutsideToday, 1)
		// Of these, as many as our calls and the one that is known are hidden.
		check(w, "somebody else", w.counts(4+1+3).OutsideToday, 4)
	})
}

// Q3: what was begun before the question is counted with the base, or a call on its way would be missing later.
func TestCountQ3CallsOfTheQuestion(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		early := func(c *store.Count) { c.Calls-- }
		w.again(2)
		// WeChat counted before the second mint, and the verdict comes after it.
		w.counts(30, early)
		check(w, "outside", w.counts(31).OutsideToday, 0)
	})
}

// Q4: a replica draws while another asks.
func TestCountQ4CallsUntilNow(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.counts(1)
		w.again(2)
		check(w, "outside", w.counts(2, func(c *store.Count) { c.Calls-- }).OutsideToday, 0)
	})
}

// An answer that comes too late to be a verdict says nothing of the count either.
func TestCountIsLate(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.counts(1)
		o := w.observe()
		before := w.content()
		status, err := w.store.Verdict(w.Context(), w.c, o, store.Hearing{
			At: o.State.VerifiedAt.Add(-time.Second), Verdict: store.VerdictAccepted,
			Count: &store.Count{Answered: true, Limit: 1000, Used: 99, Day: store.Day(o.Now)},
		})
		check(w, "verdict", w.answered(status, err), store.Changed)
		w.stays(before)
	})
}
