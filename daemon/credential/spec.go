package credential

import (
	"context"
	"io/fs"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// Target is one more place where readers look.
type Target struct {
	layout.Mirror
	// Mode is that of a file.
	Mode fs.FileMode
}

// Spec is one credential as it is configured. It does not change.
type Spec struct {
	// Slot is the credential as Redis' scripts see it: key, account, leases and the like.
	store.Slot
	// Name is what people call the account, and what a draw needs of it. Slot.Account is the Owner in Redis.
	Name   string
	Kind   string
	Traits Traits
	// Targets are where readers look besides.
	Targets []Target
	// Secret reads the AppSecret anew.
	Secret func(ctx context.Context) (secret.Secret, error)

	// Mint says that this process may draw tokens; else it observes, restores and re-asserts.
	Mint bool
	// Ahead is how long before the expiry a refresh becomes due.
	Ahead time.Duration
	// Rotation is at which hours a good token is replaced.
	Rotation Rotation
	// DailyLimit bounds the draws of a day, by all replicas together.
	DailyLimit int

	// BackoffMin and BackoffMax are the shortest and the longest wait after failures that pass.
	BackoffMin, BackoffMax time.Duration
}
