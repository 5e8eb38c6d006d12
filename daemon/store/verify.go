package store

import (
	"context"
	"time"
)

// Answers about a token that may be refused.
const (
	Claimed Status = "claimed"
	// By WeChat, or a person's request.
	Accepted Status = "accepted"
	// A reader reported the token, but WeChat accepts it.
	Unconfirmed Status = "unconfirmed"
	// Refused once, or known to be refused.
	Suspected Status = "suspected"
	// WeChat answers nobody any more today.
	Blind Status = "blind"
	// The address is kept that WeChat does not let in.
	Barred Status = "barred"
	// A report about a token that is not the current one.
	Discarded Status = "discarded"
)

// Verdict is what WeChat said about a token.
type Verdict string

// The verdicts. None: it answers no question any more for now.
const (
	VerdictAccepted Verdict = "accepted"
	VerdictRefused  Verdict = "refused"
	VerdictNone     Verdict = "none"
	// VerdictBarred: it did not let this host ask.
	VerdictBarred Verdict = "barred"
)

// Claim asks to be the one replica that verifies the observed token now; at is
// the Redis time of that, for Verdict.
func (s *Store) Claim(ctx context.Context, c Slot, o Observation) (status Status, at time.Time, err error) {
	status, numbers, err := s.run(ctx, "claim", c, map[string]any{
		"seen": o.seen(), "questions_every": QuestionsEvery.Milliseconds(),
	})
	if len(numbers) > 0 {
		at = milli(numbers[0])
	}
	return status, at, err
}

// Discard deletes the observed report of a reader, which calls for nothing.
func (s *Store) Discard(ctx context.Context, c Slot, o Observation) (Status, error) {
	status, _, err := s.run(ctx, "discard", c, map[string]any{"report": sha1Hex(o.Rejected.Reveal())})
	return status, err
}

// Hearing is what was heard from WeChat about the observed token.
type Hearing struct {
	// At is when the question was claimed.
	At      time.Time
	Verdict Verdict
	// Wait is until the next question after VerdictNone.
	Wait time.Duration
	// Address is this host's as WeChat sees it, with VerdictBarred.
	Address string
	// Count is what else was asked of WeChat with a token that it accepts, nil if nothing was.
	Count *Count
}

// Count is how many draws of a day WeChat has counted, whoever made them.
type Count struct {
	// Answered says that WeChat told Limit, which it allows in a day, and Used.
	Answered    bool
	Limit, Used int
	// Day and Calls are what had been observed before WeChat was asked.
	Day   int64
	Calls int
	// Wait is how long WeChat is not asked again.
	Wait time.Duration
}

// Verdict stores what was heard.
func (s *Store) Verdict(ctx context.Context, c Slot, o Observation, h Hearing) (Status, error) {
	args := map[string]any{
		"token": sha1Hex(o.State.Token.Reveal()), "claimed_at": wire(h.At), "fingerprint": o.State.Token.Fingerprint(),
		"verdict": h.Verdict, "wait": h.Wait.Milliseconds(), "address": h.Address,
	}
	if q := h.Count; q != nil {
		args["count"] = map[string]any{
			"answered": q.Answered, "limit": q.Limit, "used": q.Used, "day": q.Day, "calls": q.Calls,
			"wait": q.Wait.Milliseconds(),
		}
	}
	status, _, err := s.run(ctx, "verdict", c, args)
	return status, err
}

func wire(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
