package store

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
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
)

// Claim asks to be the one replica that verifies the observed token now; at is
// the Redis time of that, for Verdict.
func (s *Store) Claim(ctx context.Context, c Slot, o Observation) (status Status, at time.Time, err error) {
	status, numbers, err := s.run(ctx, s.scripts.claim, c, map[string]any{
		"seen": seen(o), "questions_every": QuestionsEvery.Milliseconds(),
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("claim verification: %w", err)
	}
	if len(numbers) > 0 {
		at = milli(numbers[0])
	}
	return status, at, nil
}

// Discard deletes the observed report of a reader, which calls for nothing.
func (s *Store) Discard(ctx context.Context, c Slot, o Observation) (Status, error) {
	return s.ask(ctx, s.scripts.discard, c, "discard report", map[string]any{"report": sha1Hex(o.Rejected.Reveal())})
}

// Verdict stores what WeChat said about the observed token to the question
// that was claimed at; wait is until the next one after VerdictNone.
func (s *Store) Verdict(
	ctx context.Context, c Slot, o Observation, at time.Time, v Verdict, wait time.Duration,
) (Status, error) {
	return s.ask(ctx, s.scripts.verdict, c, "store verdict", map[string]any{
		"token": sha1Hex(o.State.Token.Reveal()), "claimed_at": wire(at), "fingerprint": o.State.Token.Fingerprint(),
		"verdict": v, "wait": wait.Milliseconds(),
	})
}

func (s *Store) ask(ctx context.Context, script *redis.Script, c Slot, op string, args map[string]any) (Status, error) {
	status, _, err := s.run(ctx, script, c, args)
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	return status, nil
}

func wire(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
