package web

import (
	"iter"
	"time"

	"wxtokend/daemon/keeper"
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
	Version  string `json:"version"`
	Instance string `json:"instance"`
	// Time is null before the first observation.
	Time *time.Time `json:"time"`
	// Notes are what a person should know of the daemon as a whole, such as a
	// configuration that was refused.
	Notes []string `json:"notes"`
}

// Entry is one credential of many.
type Entry interface {
	// Brief is cheap: a list asks it of each credential to learn which ones it shows.
	Brief() Brief
	Credential() Credential
}

// Brief is what decides whether and where a list shows a credential.
type Brief struct {
	Key string
	keeper.Brief
}

// trouble says that a person should look at the credential.
func (b Brief) trouble() bool { return !usable(b.State) || b.Failures > 0 || b.Notes > 0 }

// usable says that a reader gets a valid token, whatever fails meanwhile.
func usable(s keeper.State) bool { return s == keeper.Fresh || s == keeper.Due }
