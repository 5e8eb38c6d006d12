package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// Observation is one credential as Redis holds it, at one instant.
type Observation struct {
	Now   time.Time // Redis server time
	Value Value
	State State // zero when the state is missing or belongs to another credential
	// Other is the appid whose state lies where this credential's should, "" if
	// none; it is our own one if that state comes from another host of WeChat.
	Other, OtherIssuer string

	Lease    string        // attempt that holds the live lease, "" if none
	LeaseTTL time.Duration // what is left of it
	Rejected secret.Token  // as a reader wrote it
}

// Value is what readers get.
type Value struct {
	Present bool
	Token   secret.Token  // "" for garbage
	TTL     time.Duration // negative when the key never expires
	name    string        // short name of the exact bytes, for compare-and-swap
}

// Result is what observing one credential gave.
type Result struct {
	Observation Observation
	Err         error
}

// Observe reads credentials in one round trip (one per node of a Cluster). It
// writes nothing, so it also works on a full or a read-only server.
func (s *Store) Observe(ctx context.Context, credentials []Credential) []Result {
	results := make([]Result, len(credentials))
	asked := make([]int, len(credentials)) // places in credentials
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
func (s *Store) observe(ctx context.Context, credentials []Credential, asked []int, results []Result, teach bool) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	pipe := s.client.Pipeline()
	replies := make([]*redis.Cmd, len(asked))
	for n, i := range asked {
		if keys := credentials[i].Keys.list(); teach && n == 0 {
			replies[n] = pipe.Eval(ctx, s.scripts.source("observe"), keys, "{}")
		} else {
			replies[n] = pipe.EvalSha(ctx, s.scripts.observe.Hash(), keys, "{}")
		}
	}
	_, failed := pipe.Exec(ctx)
	for n, reply := range replies {
		// A connection that could not log in leaves the replies without an error.
		if reply.Err() == nil && reply.Val() == nil {
			reply.SetErr(failed)
		}
		i := asked[n]
		o, err := decodeObservation(reply, credentials[i])
		if err != nil {
			err = fmt.Errorf("observe %s: %w", credentials[i].Keys.Value, err)
		}
		results[i] = Result{o, err}
	}
}

var errReply = errors.New("unexpected reply of the script")

func decodeObservation(reply *redis.Cmd, c Credential) (Observation, error) {
	parts, err := reply.Slice()
	if err != nil {
		return Observation{}, err
	}
	if len(parts) != 8 {
		return Observation{}, errReply
	}
	now, ok1 := parts[0].(int64)
	value, present := parts[1].(string)
	name, ok2 := parts[2].(string)
	ttl, ok3 := parts[3].(int64)
	flat, ok4 := parts[4].([]any)
	lease, _ := parts[5].(string)
	leaseTTL, ok5 := parts[6].(int64)
	rejected, ok6 := parts[7].(string)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 {
		return Observation{}, errReply
	}
	o := Observation{
		Now: milli(now), Lease: lease, LeaseTTL: time.Duration(leaseTTL) * time.Millisecond,
		Rejected: secret.Token(rejected),
		Value:    Value{Present: name != "", TTL: time.Duration(ttl) * time.Millisecond, name: name},
	}
	state := make(fields, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		field, _ := flat[i].(string)
		state[field], _ = flat[i+1].(string)
	}
	if state["appid"] == c.AppID && state["issuer"] == c.Issuer {
		o.State = decodeState(state)
	} else {
		o.Other, o.OtherIssuer = state["appid"], state["issuer"]
	}
	switch s := o.State; {
	case present && (value == s.Token.Reveal() || value == encode(c, s)):
		// The raw format, however short the token is; or ours, which need not be
		// parsed at each look.
		o.Value.Token = s.Token
	case present:
		o.Value.Token = DecodeValue(value)
	}
	return o, nil
}

// encode is what readers of the state's token should find.
func encode(c Credential, s State) string {
	return c.Format.Encode(s.Token, s.ExpiresIn, s.ExpiresAt, c.UTCOffset)
}
