package store

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// login answers who we are, anew for each connection.
type login struct {
	username string
	password secret.Secret
	file     string
}

func (l login) provide(ctx context.Context) (username, password string, err error) {
	if l.file == "" {
		return l.username, l.password.Reveal(), nil
	}
	read, err := secret.ReadFile(ctx, l.file)
	if err != nil {
		return "", "", fmt.Errorf("redis password: %w", err)
	}
	return l.username, read.Reveal(), nil
}

// authenticate logs in on a connection that has just been made.
func (l login) authenticate(ctx context.Context, c *redis.Conn) error {
	username, password, err := l.provide(ctx)
	switch {
	case err != nil:
		return err
	case password == "":
		return nil
	case username == "":
		return c.Auth(ctx, password).Err()
	}
	return c.AuthACL(ctx, username, password).Err()
}

// silentGreeting keeps the library from sending HELLO, with which it begins
// each connection even for the protocol that needs none: there are proxies that
// hang up at a command that they do not know. Told that the server does not
// know it either, the library logs in by AUTH, which all of them understand.
type silentGreeting struct{}

// ProcessHook implements redis.Hook.
func (silentGreeting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		if command.Name() == "hello" {
			return errNotSent{}
		}
		return next(ctx, command)
	}
}

// DialHook implements redis.Hook.
func (silentGreeting) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (silentGreeting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// errNotSent looks to the library like an answer of the server.
type errNotSent struct{}

func (errNotSent) Error() string { return "ERR unknown command 'HELLO'" }

// RedisError implements redis.Error.
func (errNotSent) RedisError() {}
