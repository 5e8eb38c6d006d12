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
	// Mirrors are what lies at those of the slot, in their order.
	Mirrors []Glance
}

// Observe reads credentials in one round trip (one per node of a Cluster, where
// mirrors take another one). It writes nothing, so it also works on a full or a
// read-only server. The mirrors are looked at first: what lies there is of no
// newer token than the one that is found then.
func (s *Store) Observe(ctx context.Context, credentials []Slot) []Result {
	var asked []question
	for _, c := range credentials {
		for _, m := range c.Mirrors {
			asked = append(asked, m.question())
		}
	}
	mirrors := len(asked)
	for _, c := range credentials {
		asked = append(asked, question{script: "observe", keys: c.Keys.List(), args: c.account()})
	}
	if _, cluster := s.client.(*redis.ClusterClient); cluster && mirrors > 0 {
		// Its nodes answer in an order of their own.
		s.askAll(ctx, asked[:mirrors])
		s.askAll(ctx, asked[mirrors:])
	} else {
		s.askAll(ctx, asked)
	}
	results := make([]Result, len(credentials))
	next := 0
	for i, c := range credentials {
		for range c.Mirrors {
			results[i].Mirrors = append(results[i].Mirrors, decodeGlance(asked[next].reply))
			next++
		}
		o, err := s.decodeObservation(asked[mirrors+i].reply, c)
		if err != nil {
			err = fmt.Errorf("observe %s: %w", c.Keys.Value, err)
		}
		results[i].Observation, results[i].Err = o, err
	}
	return results
}

// question is a script that is asked together with others.
type question struct {
	script string
	keys   []string
	args   any
	reply  *redis.Cmd
}

// askAll asks in one round trip, and again for those whose server does not know the script.
func (s *Store) askAll(ctx context.Context, all []question) {
	asked := make([]*question, len(all))
	for i := range asked {
		asked[i] = &all[i]
	}
	s.askOnce(ctx, asked, false)
	// A server that does not know a script gets its source once and not with
	// each question. Each round teaches one node of a Cluster at least.
	for {
		var again []*question
		for _, q := range asked {
			if redis.HasErrorPrefix(q.reply.Err(), "NOSCRIPT") {
				again = append(again, q)
			}
		}
		if len(again) == 0 || ctx.Err() != nil {
			return
		}
		asked = again
		s.askOnce(ctx, asked, true)
	}
}

// askOnce takes the replies. teach sends the source of each script with the first
// question that needs it.
func (s *Store) askOnce(ctx context.Context, asked []*question, teach bool) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	pipe := s.client.Pipeline()
	taught := map[string]bool{}
	for _, q := range asked {
		if teach && !taught[q.script] {
			q.reply, taught[q.script] = pipe.Eval(ctx, s.scripts.source(q.script), q.keys, q.args), true
		} else {
			q.reply = pipe.EvalSha(ctx, s.scripts.hash(q.script), q.keys, q.args)
		}
	}
	_, failed := pipe.Exec(ctx)
	for _, q := range asked {
		// A connection that could not log in leaves the replies without an error.
		if q.reply.Err() == nil && q.reply.Val() == nil {
			q.reply.SetErr(failed)
		}
	}
}
