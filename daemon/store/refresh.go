package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // a name for compare-and-swap, as Redis computes it; no secrecy hangs on it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"wxtokend/daemon/secret"
)

// Status is a script's answer.
type Status string

// Answers of the scripts. Whatever is not the wished-for one is a refusal that
// changed nothing, but for Lost, which marks the mint as outstanding.
const (
	Begun     Status = "begun"
	Leased    Status = "leased"  // somebody else mints
	Backoff   Status = "backoff" // a failure is waited for
	Changed   Status = "changed" // the observation is out of date
	Quota     Status = "quota"   // the daily limit is reached
	Spacing   Status = "spacing" // the last begin is too recent
	Committed Status = "committed"
	Already   Status = "already" // this attempt's commit had arrived before
	Expired   Status = "expired" // the token is already over
	Lost      Status = "lost"    // the lease is no longer this attempt's
	Aborted   Status = "aborted"
	Restored  Status = "restored"
	Refused   Status = "refused" // WeChat refuses the token; confirmed
)

// WeChat's limits of forced refreshes: 30 s apart, 20 a day.
const (
	ForceSpacing = 30 * time.Second
	ForceLimit   = 20
)

// Begin is what begin.lua needs beside the observation.
type Begin struct {
	Attempt     string // random hex, new for each attempt
	PastBackoff bool   // a person, or a changed secret, ended the wait
	Urgent      bool   // readers have no usable token: do not wait for an unknown outcome
	Rival       bool   // an answer to somebody else who draws tokens
	Forced      bool   // asks WeChat for a forced refresh
	Wait        time.Duration
	Spacing     time.Duration // between two begins, at least
	Day         int64         // of the observation, in days since 1970 in UTC+8
	CallsFloor  int           // calls of that day that this process knows of
	Limit       int           // calls a day
	Secret      string        // fingerprint of the AppSecret in use
}

// BeginAnswer is, with status Begun, the permission to mint once.
type BeginAnswer struct {
	Status   Status
	T0       time.Time // Redis server time; the token's life counts from here, before the request
	Order    time.Time // T0, or later where the clock went back: newer tokens have a later one
	Failures int       // this attempt included
}

// Begin asks for the lease. Asked again for the same attempt it repeats its answer.
func (s *Store) Begin(ctx context.Context, c Credential, o Observation, b Begin) (BeginAnswer, error) {
	status, n, err := s.run(ctx, s.scripts.begin, c, map[string]any{
		"seen": seen(o), "attempt": b.Attempt, "past_backoff": b.PastBackoff, "urgent": b.Urgent, "rival": b.Rival, "forced": b.Forced,
		"wait": b.Wait.Milliseconds(), "spacing": b.Spacing.Milliseconds(),
		"force_spacing": ForceSpacing.Milliseconds(), "force_limit": ForceLimit,
		"day": b.Day, "calls_floor": b.CallsFloor, "limit": b.Limit, "secret": b.Secret,
	})
	if err != nil {
		return BeginAnswer{}, fmt.Errorf("begin: %w", err)
	}
	if status != Begun {
		return BeginAnswer{Status: status}, nil
	}
	if len(n) != 3 {
		return BeginAnswer{}, fmt.Errorf("begin: %w", errReply)
	}
	return BeginAnswer{Status: status, T0: milli(n[0]), Order: milli(n[1]), Failures: int(n[2])}, nil
}

// Commit is a minted token on its way to Redis.
type Commit struct {
	Attempt       string
	Token         secret.Token
	ExpiresIn     time.Duration
	T0, Order     time.Time     // as Begin answered
	UnchangedWait time.Duration // until the next attempt, should WeChat have answered with the stored token
	Rival, Forced bool          // as in Begin
	RefusedWait   time.Duration // until the next attempt, should WeChat have answered with the token that it refuses
}

// Commit stores the token for readers, iff the lease is still this attempt's.
// unchanged says that WeChat answered with the token that was stored already.
func (s *Store) Commit(ctx context.Context, c Credential, m Commit) (status Status, unchanged bool, err error) {
	expires := m.T0.Add(m.ExpiresIn)
	status, n, err := s.run(ctx, s.scripts.commit, c, map[string]any{
		"attempt": m.Attempt, "token": m.Token.Reveal(),
		"value":      c.Format.Encode(m.Token, m.ExpiresIn, expires, c.UTCOffset),
		"expires_in": m.ExpiresIn.Milliseconds(), "expires_at": expires.UnixMilli(), "minted_at": m.Order.UnixMilli(),
		"unchanged_wait": m.UnchangedWait.Milliseconds(), "rival": m.Rival, "forced": m.Forced,
		"fingerprint": m.Token.Fingerprint(), "refused_wait": m.RefusedWait.Milliseconds(),
	})
	if err != nil {
		return "", false, fmt.Errorf("commit: %w", err)
	}
	return status, len(n) == 1 && n[0] == 1, nil
}

// Abort is the end of an attempt without a token.
type Abort struct {
	Attempt  string
	Unknown  bool // WeChat may have drawn a token
	GiveBack bool // the call never left: it does not count for the day
	Forced   bool // as in Begin
	Spent    bool // WeChat allows no more forced refreshes today
	Wait     time.Duration
	Failure  Failure
}

// Abort writes the failure down and gives the lease back.
func (s *Store) Abort(ctx context.Context, c Credential, a Abort) (Status, error) {
	failure, err := json.Marshal(a.Failure)
	if err != nil {
		return "", fmt.Errorf("abort: %w", err)
	}
	status, _, err := s.run(ctx, s.scripts.abort, c, map[string]any{
		"attempt": a.Attempt, "unknown": a.Unknown, "give_back": a.GiveBack, "forced": a.Forced, "spent": a.Spent, "force_limit": ForceLimit,
		"wait": a.Wait.Milliseconds(), "last_error": string(failure),
	})
	if err != nil {
		return "", fmt.Errorf("abort: %w", err)
	}
	return status, nil
}

// Memory is a token as a replica remembers it.
type Memory struct {
	Token           secret.Token
	ExpiresIn, Life time.Duration
	ExpiresAt       time.Time
	MintedAt        time.Time
}

// Restore writes a remembered token back after Redis lost it.
func (s *Store) Restore(ctx context.Context, c Credential, o Observation, m Memory) (Status, error) {
	status, _, err := s.run(ctx, s.scripts.restore, c, map[string]any{
		"seen": seen(o), "token": m.Token.Reveal(), "fingerprint": m.Token.Fingerprint(),
		"value":      c.Format.Encode(m.Token, m.ExpiresIn, m.ExpiresAt, c.UTCOffset),
		"expires_in": m.ExpiresIn.Milliseconds(), "life": m.Life.Milliseconds(),
		"expires_at": m.ExpiresAt.UnixMilli(), "minted_at": m.MintedAt.UnixMilli(),
	})
	if err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	return status, nil
}

// Reassert writes the state's token under the key again, after somebody
// deleted or overwrote it or changed its time to live.
func (s *Store) Reassert(ctx context.Context, c Credential, o Observation) (Status, error) {
	status, _, err := s.run(ctx, s.scripts.reassert, c, map[string]any{
		"seen": seen(o), "fingerprint": o.State.Token.Fingerprint(),
		"value": c.Format.Encode(o.State.Token, o.State.ExpiresIn, o.State.ExpiresAt, c.UTCOffset),
	})
	if err != nil {
		return "", fmt.Errorf("re-assert: %w", err)
	}
	return status, nil
}

func seen(o Observation) map[string]any {
	return map[string]any{
		"schema": o.State.Schema, "generation": o.State.Generation, "settled": o.State.Settled,
		"token": sha1Hex(o.State.Token.Reveal()), "value": o.Value.name,
	}
}

func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Day numbers the day of t as WeChat counts its quotas: days since 1970 in UTC+8.
func Day(t time.Time) int64 {
	return int64(math.Floor(float64(t.Unix()+8*3600) / 86400))
}

// NextDay is the first instant of the day after t, in UTC+8.
func NextDay(t time.Time) time.Time {
	return time.Unix((Day(t)+1)*86400-8*3600, 0).UTC()
}
