package web

import (
	"iter"
	"time"
)

// Source is the daemon as this package sees it. Its methods, and those of its
// entries, must not wait for Redis or WeChat: a probe asks them whether those
// are gone. They may wait for a tick that hangs, so liveness is asked elsewhere.
type Source interface {
	Overview() Overview
	// Credentials yields all of them, in an order that lasts.
	Credentials() iter.Seq[Entry]
	// Credential finds one by its key.
	Credential(key string) (e Entry, found bool)
}

// Overview is what is known of the daemon itself.
type Overview struct {
	Version, Instance string
	Time              *time.Time // Redis server time; nil before the first observation
}

// Entry is one credential of many.
type Entry interface {
	// Brief is cheap: a list asks it of each credential to learn which ones it shows.
	Brief() Brief
	Credential() Credential
}

// Brief is what decides whether and where a list shows a credential.
type Brief struct {
	Key      string
	State    State
	Ready    bool // readers can rely on the key
	Failures int  // in a row
	Notes    int  // how many there are
}

func (b Brief) trouble() bool { return trouble(b.State, b.Failures, b.Notes) }

func (c Credential) trouble() bool { return trouble(c.State, c.Failures, len(c.Notes)) }

// trouble says that a person should look at a credential.
func trouble(s State, failures, notes int) bool {
	return !s.usable() || failures > 0 || notes > 0
}

// usable says that a reader gets a valid token, whatever fails meanwhile.
func (s State) usable() bool { return s == Fresh || s == Due }
