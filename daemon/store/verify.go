package store

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// Answers about a token that may be refused.
const (
	Claimed     Status = "claimed"
	Accepted    Status = "accepted"    // by WeChat, or a report that will be verified
	Unconfirmed Status = "unconfirmed" // a reader reported the token, but WeChat accepts it
	Suspected   Status = "suspected"   // refused once
	Stale       Status = "stale"       // about a token that is not the current one
	Limited     Status = "limited"     // verified a moment ago
)

// Claim asks to be the one replica that verifies the observed token now; at is
// the Redis time of that, for Verdict.
func (s *Store) Claim(ctx context.Context, c Credential, o Observation) (status Status, at time.Time, err error) {
	status, numbers, err := s.run(ctx, s.scripts.claim, c, map[string]any{"seen": seen(o), "verify_at": wire(o.State.VerifyAt)})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("claim verification: %w", err)
	}
	if len(numbers) > 0 {
		at = milli(numbers[0])
	}
	return status, at, nil
}

// Verdict stores what WeChat said about the observed token to the question
// that was claimed at.
func (s *Store) Verdict(ctx context.Context, c Credential, o Observation, at time.Time, refused bool) (Status, error) {
	return s.ask(ctx, s.scripts.verdict, c, "store verdict",
		map[string]any{"seen": seen(o), "asked_at": wire(at), "refused": refused, "fingerprint": o.State.Token.Fingerprint()})
}

// Report takes a reader's word that WeChat refused a token: stale says that it
// is not the observed one. rejected is what lay in the Rejected key, "" if the
// report came another way; the key is deleted.
func (s *Store) Report(ctx context.Context, c Credential, o Observation, rejected secret.Token, stale bool) (Status, error) {
	return s.ask(ctx, s.scripts.report, c, "report", map[string]any{"seen": seen(o), "rejected": name(rejected), "stale": stale})
}

// Request is a person's wish for a refresh now; force > 0 is the number of
// forced ones.
func (s *Store) Request(ctx context.Context, c Credential, force int) (Status, error) {
	return s.ask(ctx, s.scripts.request, c, "request", map[string]any{"force": force, "force_limit": ForceLimit})
}

func (s *Store) ask(ctx context.Context, script *redis.Script, c Credential, op string, args map[string]any) (Status, error) {
	status, _, err := s.run(ctx, script, c, args)
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	return status, nil
}

// name is "" for no token, and otherwise what tells it from others: its bytes
// may be anything, and JSON carries text alone.
func name(t secret.Token) string {
	if t == "" {
		return ""
	}
	return sha1Hex(string(t))
}

func wire(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
