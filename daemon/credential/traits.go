// Package credential says what a credential is: which kinds there are, what
// each is like, and how its tokens are drawn and verified. A new kind is one
// more file beside official.go, with its rows of traits and calls, and a case in
// rowOf.
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

	// Overlap is how long the platform accepts a token after the next one was drawn. Only the newest two live: the
	// draw after the next ends it at once.
	Overlap time.Duration

	// RenewWindow is the last part of a token's life in which an ordinary draw gives a new one. It is 0 where every
	// draw does so.
	RenewWindow time.Duration

	// ForceSpacing is the least time between two forced draws, the second of which ends the token before the first.
	ForceSpacing time.Duration

	// ForcedPerDay is how many forced draws the platform takes in a day, which ends at 00:00 UTC+8. 0 says that a
	// forced draw is an ordinary one and counts as such.
	ForcedPerDay int

	// Verifiable says that the platform can be asked whether it accepts a token, without a draw.
	Verifiable bool

	// Ahead is how long before the expiry a refresh becomes due, and DailyLimit how many draws are made in a day,
	// where the configuration says nothing else.
	Ahead      time.Duration
	DailyLimit int
}

// TraitsOf returns what tokens of a kind are like that come from one of its
// APIs; false if there is no such kind or API.
func TraitsOf(kind, api string) (Traits, bool) {
	row, known := rowOf(kind, api)
	return row.Traits, known
}

// row is one API of a kind: what its tokens are like, and the calls by which
// they are drawn and verified.
type row struct {
	Traits
	draw   func(ctx context.Context, c *wechat.Client, in Inputs) (Grant, error)
	verify func(c *wechat.Client, ctx context.Context, token secret.Token) error
}

// rowOf is the table of all kinds. A kind of one API alone takes "".
func rowOf(kind, api string) (row, bool) {
	if kind == OfficialAccount {
		return official(api)
	}
	return row{}, false
}
