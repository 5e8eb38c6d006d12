package keeper

import (
	"context"
	"time"

	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// stored is what follows a commit that Redis confirmed.
func (k *Keeper) stored(ctx context.Context, a *attempt, unchanged bool) {
	k.remember(a)
	result := metrics.ResultNew
	if unchanged {
		result = metrics.ResultUnchanged
	}
	k.metrics.Refresh(k.policy.Keys.Value, result)
	if a.begin.Answers && unchanged {
		k.metrics.Report(k.policy.Keys.Value, metrics.ReportUnconfirmed)
	}
	k.log.Info("token refreshed", "result", string(result), "reason", string(a.decision.mint),
		"token", a.commit.Token, "expires_at", a.commit.ExpiresAt())
	// Not when a known token is written back: whoever was told of it has it.
	if !unchanged {
		k.herald.tell(ctx, k.policy.Slot, *a.commit)
	}
	// A new observation makes the daemon ready before the next poll.
	k.lookSoon()
}

// remember fills the memory from a commit that Redis confirmed.
func (k *Keeper) remember(a *attempt) {
	c := a.commit
	k.mu.Lock()
	defer k.mu.Unlock()
	k.barred = time.Time{}
	k.memory.fill(store.State{
		Token: c.Token, ExpiresIn: c.ExpiresIn, Life: c.ExpiresIn, ExpiresAt: c.ExpiresAt(), MintedAt: c.Order,
	}, c.T0, a.begun)
}
