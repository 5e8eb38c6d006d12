package keeper

import "time"

// Leave makes the keeper begin nothing more. What is under way goes on, and later
// looks bring an attempt that the platform has answered to its end.
func (k *Keeper) Leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leaving = true
}

// Left says that a keeper that leaves has nothing under way, so that another one
// may keep the credential. An attempt that Redis has not taken by the end of its
// lease never will be: it counts as one of a process that died.
func (k *Keeper) Left() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.leaving || k.acting || k.asking || k.reading || k.mirroring || k.filing {
		return false
	}
	return k.own == nil || !k.own.answered() || time.Since(k.own.begun) > k.policy.Lease
}

// Depart is for one that has left: what fails here is told of those that stay.
func (k *Keeper) Depart() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for what := range k.told.failing {
		k.works(what)
	}
}
