package keeper

import (
	"context"
	"log/slog"
	"sync"

	"wxtokend/daemon/store"
)

// Herald tells readers of new tokens. All keepers of a process share one, so that
// what keeps it from its work is said once and not for each credential.
type Herald struct {
	store *store.Store
	log   *slog.Logger

	mu sync.Mutex
	// What is said to keep it from its work, "" while nothing does.
	silenced string
}

// NewHerald returns one that speaks through a Redis.
func NewHerald(s *store.Store, log *slog.Logger) *Herald { return &Herald{store: s, log: log} }

// tell is for a token that was just stored, and never fails: readers have it
// whether they hear of it or not.
func (h *Herald) tell(ctx context.Context, c store.Slot, m store.Commit) {
	err := h.store.Tell(ctx, c, m.Token, m.ExpiresAt())
	trouble := store.Trouble{}
	if err != nil {
		trouble = store.ExplainFor(store.TellingRights(c.Keys), err)
	}
	h.mu.Lock()
	said := h.silenced == trouble.What
	h.silenced = trouble.What
	h.mu.Unlock()
	if !said && err != nil {
		h.log.Warn("readers are not told of new tokens; they have them all the same, as the key does",
			"error", err, "cure", trouble.Cure)
	}
}
