// Package credential says what a credential is: which kinds there are, what
// each is like, and how its tokens are drawn and verified. A ticket is a token
// here, too: one that is drawn with the token of another credential, its parent.
// A new kind is one more file beside official.go, with its rows of traits and
// calls, and a line in each of the tables of kinds.go; docs/architecture.md names
// what has to know of it besides.
//
// It is the one package of the running daemon that knows package wechat. Whoever
// keeps a credential fresh decides by traits and by the class of an error, never
// by the name of a kind or by an errcode.
package credential

import (
	"context"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechat"
)

// Traits are what a kind is like, as data.
type Traits struct {
	// Replaces says that every draw is a new token and begins the end of the one before it. Without it a draw gives
	// the same token again until RenewWindow, so that to draw once more is harmless.
	Replaces bool

	// Whole says that every answer names the whole life, whatever is left of it. So a life counts from when the token
	// was first seen, and the same token again does not begin a new one. It only proves that the token lives Overlap
	// longer, or what the answer names if that is less: it is still the newest.
	Whole bool

	// Overlap is how long the platform accepts a token after the next one was drawn. Only the newest two live: the
	// draw after the next ends it at once.
	Overlap time.Duration

	// RenewWindow is the last part of a token's life in which an ordinary draw gives a new one. It is 0 where every
	// draw does so, and where none does before the life is over.
	RenewWindow time.Duration

	// ForceSpacing is the least time between two forced draws, the second of which ends the token before the first.
	ForceSpacing time.Duration

	// ForcedPerDay is how many forced draws the platform takes in a day, which ends at 00:00 UTC+8. 0 says that a
	// forced draw is an ordinary one and counts as such.
	ForcedPerDay int

	// Verifiable says that the platform can be asked whether it accepts a token, without a draw.
	Verifiable bool

	// Metered says that the platform can be asked how many draws of today it has counted, whoever made them.
	Metered bool

	// Parent is the kind of the credential whose current token a draw needs, "" where it needs a secret instead.
	Parent string

	// Ahead is how long before the expiry a refresh becomes due, and DailyLimit how many draws are made in a day,
	// where the configuration says nothing else.
	Ahead      time.Duration
	DailyLimit int
}

// Forces says that a forced draw gives another token than an ordinary one.
func (t Traits) Forces() bool { return t.Replaces || t.ForcedPerDay > 0 }

// TraitsOf returns what tokens of a kind are like that come from one of its
// APIs; false if there is no such kind or API.
func TraitsOf(kind, api string) (Traits, bool) {
	row, known := rowOf(kind, api)
	if !known {
		return Traits{}, false
	}
	return row.Traits, true
}

// row is one API of a kind: what its tokens are like, and the calls by which
// they are drawn and verified.
type row struct {
	Traits
	draw func(ctx context.Context, c *wechat.Client, in Inputs) (Grant, error)
	// verify is nil without Verifiable.
	verify func(c *wechat.Client, ctx context.Context, token secret.Token) error
	// meter is the path of the draw in WeChat's count, "" without Metered.
	meter string
}
