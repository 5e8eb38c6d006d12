package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// Mirror is another key under which readers look for a token. It may live in
// another hash slot than the token.
type Mirror struct {
	Key string
	// Known is the name of what should lie there, which a look then need not bring; "" if that is not known.
	Known Name
}

// Name is short for exact bytes, to compare by; "" is nothing at all.
type Name string

// NameOf names a string, or a hash of these fields: name, value, name, value …
func NameOf(value string, fields []string) Name {
	if fields == nil {
		return Name(sha1Hex(value))
	}
	var all []string
	for i := 0; i+1 < len(fields); i += 2 {
		all = append(all, fmt.Sprintf("%d:%s%d:%s", len(fields[i]), fields[i], len(fields[i+1]), fields[i+1]))
	}
	slices.Sort(all)
	return Name("hash:" + sha1Hex(strings.Join(all, "")))
}

// Glance is what a look saw at a mirror.
type Glance struct {
	// At is the time of the server that has it.
	At   time.Time
	Name Name
	// TTL is negative of a key without one.
	TTL time.Duration
	// Value or Fields are what lies there, unless it is what was known, too long, or of another type.
	Value  secret.Secret
	Fields map[string]secret.Secret
	// Err is why nothing was seen.
	Err error
}

// MirrorWrite is what is to lie at a mirror.
type MirrorWrite struct {
	Key string
	// Value of a string, or Fields of a hash: name, value, name, value …
	Value  string
	Fields []string
	// Seen is what was looked at before.
	Seen Glance
	// TTL is how long after that it ends.
	TTL time.Duration
}

// Answers of a mirror's script, beside Changed and Expired.
const (
	Written Status = "written"
	// Late: the look was too long ago.
	Late Status = "late"
)

// MirrorResult is what became of a MirrorWrite.
type MirrorResult struct {
	Status Status
	Err    error
}

// Mirror writes to mirrors in one round trip, each of them iff it still is what
// was seen, and that at most limit ago. What the token was has to be looked at
// after that, so that nobody's newer one is overwritten.
func (s *Store) Mirror(ctx context.Context, writes []MirrorWrite, limit time.Duration) []MirrorResult {
	sent := make([]command, len(writes))
	for i, w := range writes {
		args := map[string]any{
			"seen": w.Seen.Name, "at": w.Seen.At.UnixMilli(), "limit": limit.Milliseconds(),
			"ends": w.Seen.At.Add(w.TTL).UnixMilli(), "value": w.Value,
		}
		if w.Fields != nil {
			args["fields"] = w.Fields
		}
		// Strings and numbers cannot fail.
		encoded, _ := json.Marshal(args)
		sent[i] = command{script: "mirror", keys: []string{w.Key}, args: encoded}
	}
	s.runAll(ctx, sent)
	results := make([]MirrorResult, len(writes))
	for i, c := range sent {
		status, _, err := decodeStatus(c.reply)
		if err != nil {
			err = fmt.Errorf("write: %w", err)
		}
		results[i] = MirrorResult{status, err}
	}
	return results
}

func (m Mirror) look() command {
	args, _ := json.Marshal(map[string]Name{"known": m.Known})
	return command{script: "mirror", keys: []string{m.Key}, args: args}
}

func decodeGlance(reply *redis.Cmd) Glance {
	parts, err := reply.Slice()
	if err != nil {
		return Glance{Err: fmt.Errorf("look: %w", err)}
	}
	// What is nil at the end is left out.
	if len(parts) < 3 {
		return Glance{Err: fmt.Errorf("look: %w", errReply)}
	}
	r := reader{parts: append(parts, nil)}
	g := Glance{At: milli(r.number(0)), TTL: time.Duration(r.number(1)) * time.Millisecond, Name: Name(r.text(2))}
	switch found := r.parts[3].(type) {
	case string:
		g.Value = secret.Secret(found)
	case []any:
		g.Fields = make(map[string]secret.Secret, len(found)/2)
		for i := 0; i+1 < len(found); i += 2 {
			name, _ := found[i].(string)
			value, _ := found[i+1].(string)
			g.Fields[name] = secret.Secret(value)
		}
	}
	if r.wrong {
		return Glance{Err: fmt.Errorf("look: %w", errReply)}
	}
	return g
}
