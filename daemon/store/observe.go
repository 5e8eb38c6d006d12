package store

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Result is what observing one credential gave.
type Result struct {
	Observation Observation
	Err         error
}

// Observe reads all credentials in one round trip (one per node of a Cluster).
// It writes nothing, so it also works on a full or a read-only server.
func (s *Store) Observe(ctx context.Context, credentials []Credential) []Result {
	results := s.observe(ctx, credentials, redis.Pipeliner.EvalSha, s.scripts.observe.Hash())
	for _, r := range results {
		if redis.HasErrorPrefix(r.Err, "NOSCRIPT") {
			return s.observe(ctx, credentials, redis.Pipeliner.Eval, s.scripts.source("observe"))
		}
	}
	return results
}

type evaluate func(p redis.Pipeliner, ctx context.Context, script string, keys []string, args ...any) *redis.Cmd

func (s *Store) observe(ctx context.Context, credentials []Credential, eval evaluate, script string) []Result {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	pipe := s.client.Pipeline()
	replies := make([]*redis.Cmd, len(credentials))
	for i, c := range credentials {
		replies[i] = eval(pipe, ctx, script, c.Keys.list(), c.account())
	}
	_, failed := pipe.Exec(ctx)
	results := make([]Result, len(credentials))
	for i, reply := range replies {
		// A connection that could not log in leaves the replies without an error.
		if reply.Err() == nil && reply.Val() == nil {
			reply.SetErr(failed)
		}
		o, err := decodeObservation(reply)
		if err != nil {
			err = fmt.Errorf("observe %s: %w", credentials[i].Keys.Value, err)
		}
		results[i] = Result{o, err}
	}
	return results
}
