package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// sentinelLogin logs in to the sentinels with the password that their file
// holds now. The library has a provider of credentials for Redis alone, and
// one hook for both; it gives the connections to Redis a fixed name.
func (o Options) sentinelLogin() func(context.Context, *redis.Conn) error {
	if o.SentinelPasswordFile == "" {
		return nil
	}
	return func(ctx context.Context, conn *redis.Conn) error {
		if strings.HasPrefix(conn.String(), "Redis<FailoverClient ") {
			return nil
		}
		password, err := secret.ReadFile(ctx, o.SentinelPasswordFile)
		if err != nil {
			return fmt.Errorf("sentinel password: %w", err)
		}
		if o.SentinelUsername == "" {
			return conn.Auth(ctx, password.Reveal()).Err()
		}
		return conn.AuthACL(ctx, o.SentinelUsername, password.Reveal()).Err()
	}
}
