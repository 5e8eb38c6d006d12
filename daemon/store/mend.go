package store

import (
	"context"
	// A name for compare-and-swap, as Redis computes it; no secrecy hangs on it.
	"crypto/sha1" //nolint:gosec
	"encoding/hex"
	"time"

	"wxtokend/daemon/secret"
)

// Memory is a token as a replica remembers it.
type Memory struct {
	Token           secret.Token
	ExpiresIn, Life time.Duration
	ExpiresAt       time.Time
	MintedAt        time.Time
}

// Restore writes a remembered token back after Redis lost it. With status
// Restored the observation is the one after the write.
func (s *Store) Restore(ctx context.Context, c Slot, o Observation, m Memory) (Observation, Status, error) {
	after := o
	after.State.Token, after.State.ExpiresIn, after.State.Life = m.Token, m.ExpiresIn, m.Life
	after.State.ExpiresAt, after.State.MintedAt = m.ExpiresAt, m.MintedAt
	value := after.value(c)
	status, n, err := s.run(ctx, "restore", c, map[string]any{
		"seen": o.seen(), "token": m.Token.Reveal(), "value": value,
		"expires_in": m.ExpiresIn.Milliseconds(), "life": m.Life.Milliseconds(),
		"expires_at": m.ExpiresAt.UnixMilli(), "minted_at": m.MintedAt.UnixMilli(),
	})
	if err != nil {
		return o, "", err
	}
	return after.written(value, n), status, nil
}

// Reassert writes the state's token under the key again, after somebody
// deleted or overwrote it or changed its time to live. With status Restored
// the observation is the one after the write.
func (s *Store) Reassert(ctx context.Context, c Slot, o Observation) (Observation, Status, error) {
	value := o.value(c)
	status, n, err := s.run(ctx, "reassert", c, map[string]any{"seen": o.seen(), "value": value})
	if err != nil {
		return o, "", err
	}
	return o.written(value, n), status, nil
}

// value is what readers of the state's token should find.
func (o Observation) value(c Slot) string {
	return c.Encode(o.State.Token, o.State.ExpiresIn, o.State.ExpiresAt)
}

// written is the observation after its value was written, by a save of that number.
func (o Observation) written(value string, version []int64) Observation {
	if len(version) == 1 {
		o.version = version[0]
		o.Value = Value{Present: true, Token: o.State.Token, TTL: o.State.ExpiresAt.Sub(o.Now), name: sha1Hex(value)}
	}
	return o
}

// seen is what a script compares, so that it changes nothing in another world.
func (o Observation) seen() map[string]any {
	return map[string]any{"version": o.version, "value": o.Value.name}
}

func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
