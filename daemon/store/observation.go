package store

import (
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// Observation is one credential as Redis holds it, at one instant.
type Observation struct {
	// Now is Redis server time.
	Now   time.Time
	Value Value
	// State is zero when there is none, or when it is another account's.
	State State
	// Other is whose state lies where this credential's should; zero if nobody's.
	Other Other

	// Lease is the attempt that holds the live lease, "" if none does.
	Lease string
	// Rejected is what a reader reports as refused, "" if nothing.
	Rejected secret.Token

	// Of whatever state lies there, for compare-and-swap.
	version int64
}

// Other is another account that lives under our key, or another host of WeChat
// that issues for ours.
type Other struct {
	AppID, Issuer string
	// BegunAt is when it last began a mint.
	BegunAt time.Time
}

// Value is what readers get.
type Value struct {
	Present bool
	// Token is "" for garbage.
	Token secret.Token
	// TTL is negative when the key never expires.
	TTL time.Duration
	// Unlike says that the state's token lies here in another form than we write.
	Unlike bool

	// Of the exact bytes, for compare-and-swap.
	name string
}

var errReply = errors.New("unexpected reply of the script")

func (s *Store) decodeObservation(reply *redis.Cmd, c Slot) (Observation, error) {
	parts, err := reply.Slice()
	if err != nil {
		return Observation{}, err
	}
	if len(parts) != 11 {
		return Observation{}, errReply
	}
	r := reader{parts: parts}
	now, value := r.number(0), r.optional(1)
	o := Observation{
		Now: milli(now), Value: Value{TTL: time.Duration(r.number(3)) * time.Millisecond, name: r.text(2)},
		version: r.number(4), State: decodeState(r.list(5)),
		Lease: r.text(6), Rejected: secret.Token(r.text(7)),
		Other: Other{AppID: r.text(8), Issuer: r.text(9), BegunAt: milli(r.number(10))},
	}
	if r.wrong {
		return Observation{}, errReply
	}
	o.Value.Present = o.Value.name != ""
	switch known := o.State.Token; {
	case value != "" && value == o.value(c):
		// It need not be parsed at each look.
		o.Value.Token = known
	case value != "" && value == known.Reveal():
		// The raw format, however short the token is.
		o.Value.Token, o.Value.Unlike = known, true
	case value != "":
		o.Value.Token = s.decode(value)
		o.Value.Unlike = known != "" && o.Value.Token == known
	}
	return o, nil
}

// reader takes a reply apart and remembers whether anything in it was of
// another type than expected.
type reader struct {
	parts []any
	wrong bool
}

func take[T any](r *reader, i int) T {
	part, ok := r.parts[i].(T)
	r.wrong = r.wrong || !ok
	return part
}

func (r *reader) number(i int) int64 { return take[int64](r, i) }
func (r *reader) text(i int) string  { return take[string](r, i) }
func (r *reader) list(i int) []any   { return take[[]any](r, i) }

// optional is a text, or "" where the script has none.
func (r *reader) optional(i int) string {
	text, _ := r.parts[i].(string)
	return text
}
