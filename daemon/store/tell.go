package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wxtokend/daemon/secret"
)

// Channel is where readers of a key are told of a new token. Redis knows no
// databases there: the same key of two databases has one channel.
func (k Keys) Channel() string { return "wxtokend:" + k.Value }

// News is what readers are told, as JSON: never the token, which whoever may read
// reads under the key.
type News struct {
	// ExpiresAt is Redis server time.
	ExpiresAt time.Time `json:"expires_at"`
	// Fingerprint is the first 8 hex digits of the token's SHA-256.
	Fingerprint string `json:"fingerprint"`
}

// Tell says on the channel of a credential that this token lies under its key. It
// is no part of the commit: a script that is refused for its PUBLISH, be it by a
// proxy that only reads it, would store no token either. So whoever listens is
// told once, or not at all.
func (s *Store) Tell(ctx context.Context, c Slot, t secret.Token, expires time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	// A time and a text cannot fail.
	text, _ := json.Marshal(News{expires.UTC(), t.Fingerprint()})
	if err := s.client.Publish(ctx, c.Keys.Channel(), text).Err(); err != nil {
		return fmt.Errorf("tell readers: %w", err)
	}
	return nil
}

// TellingRights is what a user of Redis needs for Tell beside Rights, as rules of
// ACL SETUSER. Channels are a thing of Redis 6.2: before it the rule is refused,
// and not needed.
func TellingRights(keys ...Keys) string {
	if len(keys) == 0 {
		keys = []Keys{{Value: "KEY"}}
	}
	rules := "+publish"
	for _, k := range keys {
		rules += " &" + k.Channel()
	}
	return rules
}
