package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Result is what observing one credential gave.
type Result struct {
	Observation Observation
	Err         error
	// Mirrors are what lies at those of the slot, in their order.
	Mirrors []Glance
}

// Observe reads one credential.
func (s *Store) Observe(ctx context.Context, c Slot) Result { return s.ObserveAll(ctx, []Slot{c})[0]() }

// ObserveAll reads credentials in one round trip (one per node of a Cluster, where
// mirrors take another one). It writes nothing, so it also works on a full or a
// read-only server. The mirrors are looked at first: what lies there is of no
// newer token than the one that is found then. Each reply is decoded on its own:
// one that makes this panic is no matter of the others.
func (s *Store) ObserveAll(ctx context.Context, credentials []Slot) []func() Result {
	var sent []command
	for _, c := range credentials {
		for _, m := range c.Mirrors {
			sent = append(sent, m.look())
		}
	}
	mirrors := len(sent)
	for _, c := range credentials {
		sent = append(sent, command{script: "observe", keys: c.Keys.List(), args: c.account()})
	}
	if _, cluster := s.client.(*redis.ClusterClient); cluster && mirrors > 0 {
		// Its nodes answer in an order of their own.
		s.runAll(ctx, sent[:mirrors])
		s.runAll(ctx, sent[mirrors:])
	} else {
		s.runAll(ctx, sent)
	}
	results, next := make([]func() Result, len(credentials)), 0
	for i, c := range credentials {
		glances := sent[next : next+len(c.Mirrors)]
		next += len(c.Mirrors)
		results[i] = func() Result { return s.result(c, sent[mirrors+i], glances) }
	}
	return results
}

func (s *Store) result(c Slot, look command, glances []command) (r Result) {
	for _, g := range glances {
		r.Mirrors = append(r.Mirrors, decodeGlance(g.reply))
	}
	if r.Observation, r.Err = s.decodeObservation(look.reply, c); r.Err != nil {
		r.Err = fmt.Errorf("observe %s: %w", c.Keys.Value, r.Err)
	}
	return r
}

// command is a script that is run together with others.
type command struct {
	script string
	keys   []string
	args   any
	reply  *redis.Cmd
}

// runAll runs all in one round trip, and again those whose server does not know the script.
func (s *Store) runAll(ctx context.Context, all []command) {
	unknown := make([]*command, len(all))
	for i := range unknown {
		unknown[i] = &all[i]
	}
	// A server that does not know a script gets its source once and not with
	// each command. Each round teaches one node of a Cluster at least.
	for teach := false; len(unknown) > 0 && (!teach || ctx.Err() == nil); teach = true {
		s.runOnce(ctx, unknown, teach)
		unknown = slices.DeleteFunc(unknown, func(c *command) bool {
			return !redis.HasErrorPrefix(c.reply.Err(), "NOSCRIPT")
		})
	}
}

// runOnce takes the replies. teach sends the source of each script with the first
// command that needs it.
func (s *Store) runOnce(ctx context.Context, all []*command, teach bool) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	pipe := s.client.Pipeline()
	taught := map[string]bool{}
	for _, c := range all {
		script := s.scripts[c.script]
		if teach && !taught[c.script] {
			c.reply, taught[c.script] = script.Eval(ctx, pipe, c.keys, c.args), true
		} else {
			c.reply = script.EvalSha(ctx, pipe, c.keys, c.args)
		}
	}
	_, failed := pipe.Exec(ctx)
	for _, c := range all {
		// A connection that could not log in leaves the replies without an error.
		if c.reply.Err() == nil && c.reply.Val() == nil {
			c.reply.SetErr(failed)
		}
	}
}
