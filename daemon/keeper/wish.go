package keeper

import (
	"context"
	"fmt"
	"time"

	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// Wish is what somebody wants of a credential. A report names the refused token
// by its fingerprint; without one it is a person who wants a refresh.
type Wish struct {
	// Fingerprint is the first 8 hex digits of the token's SHA-256.
	Fingerprint string
	// Force replaces the token even if it is fresh: it leaked.
	Force bool
}

// What becomes of a wish, beside what Redis answers.
const (
	// Limited: too many this hour, or too soon.
	Limited store.Status = "limited"
	// Stale: about a token that is not the current one, or that is known to be refused.
	Stale store.Status = "stale"
)

// leaked is how many forced refreshes it takes until WeChat refuses a leaked
// token: one leaves it alive for the overlap, the second ends that.
const leaked = 2

// Wish brings a wish to Redis, for whichever replica is next to carry it out,
// and says what becomes of it: the reason, and what to do next.
func (k *Keeper) Wish(ctx context.Context, wish Wish) (status store.Status, message string, err error) {
	seen := k.store.Observe(ctx, k.policy.Slot)
	if seen.Err != nil {
		return "", "", seen.Err
	}
	v := look{Observation: seen.Observation}
	if wish.Fingerprint != "" {
		status, message = k.ofReport(v, wish.Fingerprint)
		if status == store.Accepted {
			return status, message, k.store.Report(ctx, k.policy.Slot, v.State.Token)
		}
		counted := map[store.Status]metrics.Report{Limited: metrics.ReportLimited, Stale: metrics.ReportStale}
		k.metrics.Report(k.policy.Keys.Value, counted[status])
		return status, message, nil
	}
	k.log.Info("a refresh was asked for", "force", wish.Force)
	if status, message = k.ofRequest(v, wish.Force); status != store.Accepted {
		return status, message, nil
	}
	force := 0
	if wish.Force {
		force = leaked
	}
	if status, err = k.store.Request(ctx, k.policy.Slot, force); status != store.Accepted {
		message = notOurs
	}
	return status, message, err
}

const notOurs = "not taken: another account or a newer version of wxtokend keeps this key; " +
	"give each account a key of its own, or ask the newer version"

// ofRequest decides on a person's wish: the answer names the reason, and what
// to do next.
func (k *Keeper) ofRequest(v look, force bool) (store.Status, string) {
	switch {
	case v.newer() || v.Other.AppID != "":
		return store.Changed, notOurs
	case !store.HasRoom(v.State.RequestsAt, v.Now, store.RequestsEvery):
		return Limited, "not taken: a dozen refreshes were asked for within an hour; " +
			"find out who asks, and try again in some minutes"
	case force && !k.policy.Traits.Forces():
		return Limited, "not taken: WeChat gives the same one until it ends, and forces none; " +
			"ask for a refresh without force, which puts right what lies under the key"
	case force && v.State.NoForceUntil.After(v.Now):
		return Limited, "not taken: WeChat forces no more refreshes today; try again after 00:00 UTC+8"
	case force:
		return store.Accepted, fmt.Sprintf("accepted: the token is replaced twice, %v apart, after which WeChat refuses it; "+
			"see wxtokend status", k.policy.Traits.ForceSpacing) + k.byOthers()
	}
	once := ""
	if k.policy.Replaces {
		once = " and a good token is replaced, at most once in five minutes"
	}
	return store.Accepted, "accepted: waits are over, but for a daily limit and a call of unknown outcome" + once +
		"; see wxtokend status" + k.byOthers()
}

// ofReport decides on a reader's report of a token that was refused.
func (k *Keeper) ofReport(v look, fingerprint string) (store.Status, string) {
	const again = "read the key again in some seconds"
	switch {
	case !v.State.Token.Is(fingerprint) || v.newer():
		return Stale, "nothing to verify: this is not the current token of the key; read the key again, and use what it holds"
	case !v.State.Live(v.Now):
		return Stale, "nothing to verify: this token is known to be refused or expired, and due to be replaced; " +
			again + k.byOthers()
	case v.blind():
		return Limited, fmt.Sprintf("not taken: WeChat's quota for such questions is used up, it is asked in %v; "+
			"wxtokend refresh --force replaces the token now", v.State.NoAnswerUntil.Sub(v.Now).Round(time.Second))
	case !hasRoom(v):
		return Limited, "not taken: WeChat was asked two dozen times within an hour, and is asked again in its turn; " +
			"read the key again, and find out who reports so often"
	case !rested(v, k.policy):
		return Limited, "not taken: WeChat was asked about this token a moment ago; " + again
	}
	if !k.policy.Traits.Verifiable {
		return store.Accepted, "accepted: WeChat is asked for it once more, and gives the same if it is still good; " +
			again + k.byOthers()
	}
	return store.Accepted, "accepted: WeChat is asked about this token, and it is replaced if refused twice; " +
		again + k.byOthers()
}

// byOthers warns that an accepted wish may move nobody.
func (k *Keeper) byOthers() string {
	if k.policy.Mint {
		return ""
	}
	return "; this replica has mint: false, so another one has to do it"
}
