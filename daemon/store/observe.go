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

// Observe reads credentials in one round trip (one per node of a Cluster). It
// writes nothing, so it also works on a full or a read-only server.
func (s *Store) Observe(ctx context.Context, credentials []Slot) []Result {
	results := make([]Result, len(credentials))
	// Places in credentials.
	asked := make([]int, len(credentials))
	for i := range asked {
		asked[i] = i
	}
	s.observe(ctx, credentials, asked, results, false)
	// A server that does not know the script gets its source once and not with
	// each credential. Each round teaches one node of a Cluster at least.
	for {
		var again []int
		for _, i := range asked {
			if redis.HasErrorPrefix(results[i].Err, "NOSCRIPT") {
				again = append(again, i)
			}
		}
		if len(again) == 0 || ctx.Err() != nil {
			return results
		}
		asked = again
		s.observe(ctx, credentials, asked, results, true)
	}
}

// observe fills the results of those asked for. teach sends the source of the
// script with the first of them.
func (s *Store) observe(ctx context.Context, credentials []Slot, asked []int, results []Result, teach bool) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	pipe := s.client.Pipeline()
	replies := make([]*redis.Cmd, len(asked))
	for n, i := range asked {
		if keys, ours := credentials[i].Keys.list(), credentials[i].account(); teach && n == 0 {
			replies[n] = pipe.Eval(ctx, s.scripts.source("observe"), keys, ours)
		} else {
			replies[n] = pipe.EvalSha(ctx, s.scripts.observe.Hash(), keys, ours)
		}
	}
	_, failed := pipe.Exec(ctx)
	for n, reply := range replies {
		// A connection that could not log in leaves the replies without an error.
		if reply.Err() == nil && reply.Val() == nil {
			reply.SetErr(failed)
		}
		i := asked[n]
		o, err := s.decodeObservation(reply, credentials[i])
		if err != nil {
			err = fmt.Errorf("observe %s: %w", credentials[i].Keys.Value, err)
		}
		results[i] = Result{o, err}
	}
}
