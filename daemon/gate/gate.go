// Package gate holds apps back until there is a token for them. It looks as a
// reader does: with no more than the right to GET the keys.
package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
)

// tellEvery is how often a gate says what it waits for.
const tellEvery = 10 * time.Second

// Gate waits for tokens under Keys that live for Min at least. It looks once a
// Poll, and gives each look Timeout.
type Gate struct {
	Client             redis.UniversalClient
	Keys               []store.Keys
	Min, Poll, Timeout time.Duration
	Log                *slog.Logger
}

// lack is why a key is not ready: what a reader of it meets, and the cure if
// somebody knows one.
type lack struct {
	key, why, cure string
	// Of Redis, nil if it answered.
	err error
}

func (l lack) Error() string { return l.key + ": " + l.why }

func (l lack) Unwrap() error { return l.err }

// Wait returns as soon as all keys are ready. If ctx ends before that, the
// error says what was missing last.
func (g Gate) Wait(ctx context.Context) error {
	began := time.Now()
	var told time.Time
	var lacks []lack
	for {
		// The last look may have been cut short by ctx itself.
		if seen := g.look(ctx, g.Keys); lacks == nil || ctx.Err() == nil {
			lacks = seen
		}
		waited := time.Since(began)
		if len(lacks) == 0 {
			g.Log.Info("there is a token", "keys", len(g.Keys), "waited", waited.Round(time.Millisecond).String())
			return nil
		}
		if time.Since(told) >= tellEvery {
			g.tell(lacks, waited)
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no token after %s: %w", time.Since(began).Round(time.Second), lacks[0])
		case <-time.After(g.Poll):
		}
	}
}

// tell names one of the keys: its cure mostly helps the others too.
func (g Gate) tell(lacks []lack, waited time.Duration) {
	first := lacks[0]
	attributes := []any{"key", first.key, "because", first.why, "waited", waited.Round(time.Second).String()}
	if first.cure != "" {
		attributes = append(attributes, "cure", first.cure)
	}
	if first.err != nil {
		attributes = append(attributes, "error", first.err)
	}
	if others := len(lacks) - 1; others > 0 {
		attributes = append(attributes, "others", others)
	}
	g.Log.Warn("waiting for a token", attributes...)
}

// look asks for keys in one round trip, and returns what those that are not
// ready lack. A value that is too long fails the whole round trip, so it is
// looked for in halves.
func (g Gate) look(ctx context.Context, all []store.Keys) (lacks []lack) {
	asking, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	pipe := g.Client.Pipeline()
	values, lives := make([]*redis.StringCmd, len(all)), make([]*redis.DurationCmd, len(all))
	for i, keys := range all {
		values[i], lives[i] = pipe.Get(asking, keys.Value), pipe.PTTL(asking, keys.Value)
	}
	_, failed := pipe.Exec(asking)
	long := func(get *redis.StringCmd) bool { return errors.Is(get.Err(), store.ErrLong) }
	if half := len(all) / 2; half > 0 && slices.ContainsFunc(values, long) {
		return append(g.look(ctx, all[:half]), g.look(ctx, all[half:])...)
	}
	for i, keys := range all {
		left, err := g.life(values[i], lives[i])
		// A connection that could not log in leaves the replies without an error.
		if left == 0 && lives[i].Err() == nil {
			err = cmp.Or(err, failed)
		}
		if l, ready := g.judge(keys, err, values[i].Val(), left); !ready {
			lacks = append(lacks, l)
		}
	}
	return lacks
}

// life is how long a value lives. Readers need no right to PTTL: without it the
// end counts that the value names, by this host's clock. A value that names none
// lives long enough, as it lies there.
func (g Gate) life(value *redis.StringCmd, pttl *redis.DurationCmd) (time.Duration, error) {
	if value.Err() != nil || !redis.HasErrorPrefix(pttl.Err(), "NOPERM") {
		return pttl.Val(), cmp.Or(value.Err(), pttl.Err())
	}
	end, named := layout.End(value.Val())
	if !named {
		return g.Min, nil
	}
	return max(time.Until(end), 0), nil
}

// judge says what a reader of a key meets. In which of the layouts the token
// lies there does not matter.
func (g Gate) judge(keys store.Keys, err error, value string, left time.Duration) (lack, bool) {
	l := lack{key: keys.Value}
	switch {
	case errors.Is(err, redis.Nil):
		l.why = "there is no such key"
	case redis.HasErrorPrefix(err, "WRONGTYPE"), errors.Is(err, store.ErrLong), err == nil && layout.Decode(value) == "":
		l.why = "what lies there holds no token, so no wxtokend has written it"
		l.cure = "find out who writes this key; a wxtokend that keeps it puts its token back"
	case err != nil:
		return unanswered(keys, err), false
	case left < 0:
		l.why = "it never ends, so no wxtokend has written it"
	case left < g.Min:
		l.why = fmt.Sprintf("it ends in %s, and --min is %s", left.Round(time.Second), g.Min)
	default:
		return l, true
	}
	return l, false
}

// unanswered is a look that failed. Who reads needs fewer rights than who keeps.
func unanswered(keys store.Keys, err error) lack {
	trouble := store.ExplainFor("~"+keys.Value+" +get", err)
	return lack{keys.Value, "Redis: " + trouble.What, trouble.Cure, err}
}
