package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wxtokend/daemon/secret"
)

// Status is a script's answer.
type Status string

// Answers of the scripts. Whatever is not the wished-for one is a refusal that
// changed nothing, but for Lost, which marks the mint as outstanding.
const (
	Begun Status = "begun"
	// Somebody else mints.
	Leased Status = "leased"
	// The observation is out of date.
	Changed   Status = "changed"
	Committed Status = "committed"
	// This attempt's commit had arrived before.
	Already Status = "already"
	// The token is already over.
	Expired Status = "expired"
	// The lease is no longer this attempt's.
	Lost     Status = "lost"
	Aborted  Status = "aborted"
	Restored Status = "restored"
	// WeChat refuses the token; confirmed.
	Refused Status = "refused"
)

// Begin is what begin.lua needs beside the observation that it was decided on.
type Begin struct {
	// Attempt is random hex, new for each attempt.
	Attempt string
	// NewSecret says that a changed AppSecret ended the wait.
	NewSecret bool
	// Forced asks WeChat for a forced refresh.
	Forced bool
	// Answers says that the draw answers a report, so that it is a question, too.
	Answers bool
	// Wait is how long the fleet waits if nothing more is heard of this attempt.
	Wait time.Duration
	// Day is that of the observation, as Day numbers it.
	Day int64
	// Secret is the fingerprint of the AppSecret in use.
	Secret string
}

// BeginAnswer is, with status Begun, the permission to mint once.
type BeginAnswer struct {
	Status Status
	// T0 is Redis server time; the token's life counts from here, before the request.
	T0 time.Time
	// Order is T0, or later where the clock went back: newer tokens have a later one.
	Order time.Time
	// Failures includes this attempt.
	Failures int
}

// Begin asks for the lease. Asked again for the same attempt it repeats its answer.
func (s *Store) Begin(ctx context.Context, c Slot, o Observation, b Begin) (BeginAnswer, error) {
	status, n, err := s.run(ctx, "begin", c, map[string]any{
		"seen": o.seen(), "attempt": b.Attempt, "forced": b.Forced, "wait": b.Wait.Milliseconds(), "day": b.Day,
		"secret": b.Secret, "new_secret": b.NewSecret, "secrets_every": SecretsEvery.Milliseconds(),
		"answers": b.Answers, "questions_every": QuestionsEvery.Milliseconds(),
	})
	if status != Begun {
		return BeginAnswer{Status: status}, err
	}
	if len(n) != 3 {
		return BeginAnswer{}, fmt.Errorf("begin: %w", errReply)
	}
	return BeginAnswer{Status: status, T0: milli(n[0]), Order: milli(n[1]), Failures: int(n[2])}, nil
}

// Commit is a minted token on its way to Redis.
type Commit struct {
	Attempt   string
	Token     secret.Token
	ExpiresIn time.Duration
	// Elapsed is how much of that was over at T0.
	Elapsed time.Duration
	// T0 and Order are those that Begin answered.
	T0, Order time.Time
	// Outside says that the mint answered a draw of somebody else, Forced that
	// it was a forced refresh.
	Outside, Forced bool
	// UnchangedWait is until the next attempt, should WeChat have answered with
	// the stored token; RefusedWait, should it be the one that WeChat refuses.
	UnchangedWait, RefusedWait time.Duration
	// Answered is the report that the mint answers, "" for none.
	Answered secret.Token
}

// ExpiresAt is when the token ends.
func (m Commit) ExpiresAt() time.Time { return m.T0.Add(m.ExpiresIn - m.Elapsed) }

// Commit stores the token for readers, iff the lease is still this attempt's.
// unchanged says that WeChat answered with the token that was stored already.
func (s *Store) Commit(ctx context.Context, c Slot, m Commit) (status Status, unchanged bool, err error) {
	expires, answered := m.ExpiresAt(), ""
	if m.Answered != "" {
		answered = sha1Hex(m.Answered.Reveal())
	}
	status, n, err := s.run(ctx, "commit", c, map[string]any{
		"attempt": m.Attempt, "token": m.Token.Reveal(), "fingerprint": m.Token.Fingerprint(),
		"value":      c.Encode(m.Token, m.ExpiresIn, expires),
		"expires_in": m.ExpiresIn.Milliseconds(), "expires_at": expires.UnixMilli(), "minted_at": m.Order.UnixMilli(),
		"outside": m.Outside, "forced": m.Forced, "answered": answered,
		"unchanged_wait": m.UnchangedWait.Milliseconds(), "refused_wait": m.RefusedWait.Milliseconds(),
	})
	return status, len(n) == 1 && n[0] == 1, err
}

// Abort is the end of an attempt without a token.
type Abort struct {
	Attempt string
	// Unknown says that WeChat may have drawn a token, and UnknownWait how long
	// it may still do so to any harm.
	Unknown     bool
	UnknownWait time.Duration
	// GiveBack says that the call never left: it does not count for the day.
	GiveBack bool
	// NoForceWait is how long WeChat allows no forced refresh, 0 if it does.
	NoForceWait time.Duration
	Wait        time.Duration
	Failure     Failure
	// Address is this host's as the platform sees it, if that does not let it in, else "".
	Address string
}

// Abort writes the failure down and gives the lease back.
func (s *Store) Abort(ctx context.Context, c Slot, a Abort) (Status, error) {
	failure, err := json.Marshal(a.Failure)
	if err != nil {
		return "", fmt.Errorf("abort: %w", err)
	}
	status, _, err := s.run(ctx, "abort", c, map[string]any{
		"attempt": a.Attempt, "unknown": a.Unknown, "unknown_wait": a.UnknownWait.Milliseconds(), "give_back": a.GiveBack,
		"no_force_wait": a.NoForceWait.Milliseconds(), "wait": a.Wait.Milliseconds(), "last_error": string(failure),
		"address": a.Address,
	})
	return status, err
}
