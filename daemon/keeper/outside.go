package keeper

import (
	"context"
	"fmt"
	"time"

	"wxtokend/daemon/store"
)

// Somebody else who draws tokens where each draw replaces is noticed by what WeChat
// counts, before the token is dead that readers have. WeChat is asked by the one
// replica that has just asked it about the token, and what came of it is stored
// with its verdict, so that all replicas know.

// countDue says that WeChat may be asked now how many draws it has counted: not
// while one may be on its way, of which nobody knows whether it is counted yet.
func countDue(v look, p policy) bool {
	s := v.State
	return p.Traits.Metered && !v.Now.Before(s.QuotaAskAt) &&
		v.Lease == "" && v.Now.Sub(s.BegunAt) >= p.Lease
}

// count asks WeChat for that. The verdict waits for it, which somebody else's
// question would make void: so it has half of the time until that one may come,
// since start. Who gets no answer does not ask again soon, as an account may
// lack the right to ask.
func (k *Keeper) count(ctx context.Context, v look, start time.Time) *store.Count {
	deadline := time.Now().Add(k.callTimeout)
	if most := start.Add(k.policy.Soon() / 2); most.Before(deadline) {
		deadline = most
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	c := &store.Count{Day: store.Day(v.Now), Calls: callsToday(v), Wait: max(quotaProbe, k.policy.VerifyEvery)}
	quota, err := k.kind.Quota(ctx, v.State.Token)
	if err != nil {
		k.log.Debug("WeChat does not say how many draws it has counted", "error", err, "next_attempt", "in "+c.Wait.String())
		return c
	}
	c.Answered, c.Limit, c.Used, c.Wait = true, quota.Limit, quota.Used, max(store.CountEvery, k.policy.VerifyEvery)
	return c
}

// callsToday are the draws of all replicas.
func callsToday(v look) int {
	if v.State.Day != store.Day(v.Now) {
		return 0
	}
	return v.State.Calls
}

// outsideToday is how many tokens somebody else has drawn today, -1 if that is not
// known, or nobody's business: where a draw replaces nothing any SDK may draw. WeChat
// counts to a hundredth.
func outsideToday(v look, p policy) int {
	s := v.State
	switch {
	case !p.Replaces || s.QuotaDay != store.Day(v.Now):
		return -1
	case s.OutsideToday*50 <= s.QuotaUsed:
		return 0
	}
	return s.OutsideToday
}

// outsideTold is how many of them are told of. A failover of Redis can lose the
// count of one or two draws of ours; an SDK draws a dozen a day.
const outsideTold = 3

// tellOutside brings the metrics of WeChat's count up to the newest look, and
// warns once a day. Called with mu held.
func (k *Keeper) tellOutside() {
	v, key := k.seen.look, k.policy.Keys.Value
	limit, used, draws := -1, -1, outsideToday(v, k.policy)
	if v.State.QuotaDay == store.Day(v.Now) {
		limit, used = v.State.QuotaLimit, v.State.QuotaUsed
	}
	k.metrics.Quota(key, limit, used)
	k.metrics.OutsideDraws(key, draws)
	if many := draws >= outsideTold; many != k.told.outside {
		k.told.outside = many
		if many {
			k.log.Warn(outsideNote(draws), "counted_by_wechat", used, "ours", callsToday(v))
		}
	}
}

func outsideNote(draws int) string {
	return fmt.Sprintf("somebody else has drawn %d tokens for this appid today, as WeChat counts them: "+
		"find and stop them, as each draw ends the token that readers have", draws)
}
