package keeper

import (
	"time"

	"wxtokend/daemon/store"
)

// hold is what a due mint waits for.
type hold string

const (
	holdNewer      hold = "a newer version keeps this credential"
	holdMint       hold = "mint: false"
	holdCohabitant hold = "another account lives under this key"
	holdParent     hold = "the credential that it is drawn from has no token"
	holdLeased     hold = "leased"
	holdBackoff    hold = "backoff"
	holdUnknown    hold = "unknown outcome"
	holdBarred     hold = "WeChat does not let this host in"
	holdSpacing    hold = "a mint began a moment ago"
	holdOutside    hold = "somebody else draws tokens, and was answered lately"
	holdForced     hold = "forced a moment ago"
	holdLimit      hold = "daily_limit"
)

// wait is one reason to wait, and until when, zero where nobody knows.
type wait struct {
	hold  hold
	until time.Time
}

// waits are what can hold a mint up until a certain time, in the order in which
// they are told; holdOf knows what else can. No script of Redis knows any of
// it: begin is refused only if the world is no longer the one that was looked at.
func waits(v look, p policy, d decision) []wait {
	s := v.State
	all := make([]wait, 0, 8)
	add := func(applies bool, h hold, until time.Time) {
		if applies {
			all = append(all, wait{h, until})
		}
	}
	// The key is taken over an overlap after the other account's last begin. Two
	// that both live so take turns.
	add(v.Other.AppID != "", holdCohabitant, v.Other.BegunAt.Add(p.Overlap))
	// After a draw that gave the same token the next one has to wait. A report ends
	// that wait: another draw alone can answer it.
	spared := d.answers && s.Failures == 0
	add(!d.newSecret && !spared, holdBackoff, s.NextAttemptAt)
	// Nobody mints over a token that readers can use.
	add(!d.urgent, holdUnknown, s.UnknownUntil)
	add(v.barred > 0 && !d.newSecret, holdBarred, v.Now.Add(v.barred))
	add(true, holdSpacing, s.BegunAt.Add(p.BackoffMin))
	// Each answer kills what the other one drew.
	add(d.outside && p.Replaces, holdOutside, s.OutsideAt.Add(p.Overlap))
	add(d.forced, holdForced, s.ForcedAt.Add(p.Traits.ForceSpacing))
	add(s.Day == store.Day(v.Now) && s.Calls >= p.DailyLimit, holdLimit, store.NextDay(v.Now))
	return all
}

// holdOf says what a due mint waits for, "" if it can begin.
func holdOf(v look, p policy, d decision) hold {
	switch {
	case v.newer() && v.Value.Token != "" && v.State.Live(v.Now) && !v.endless() &&
		v.remaining() > p.effectiveAhead(v.State.Life):
		// Act only if readers would lose their token: after a roll-back the newer
		// version may not be running.
		return holdNewer
	case !p.Mint:
		return holdMint
	case v.orphan:
		return holdParent
	case v.Lease != "":
		return holdLeased
	}
	for _, w := range waits(v, p, d) {
		if w.until.After(v.Now) {
			return w.hold
		}
	}
	return ""
}

// attemptAt is when the next mint may begin, as far as it is known now.
func (d decision) attemptAt(v look, p policy) time.Time {
	s := v.State
	at := s.ExpiresAt.Add(-p.effectiveAhead(s.Life))
	if rotate := p.rotateAt(s); !rotate.IsZero() && rotate.Before(at) {
		at = rotate
	}
	if s.Token == "" || d.mint != "" && at.After(v.Now) {
		at = v.Now
	}
	for _, w := range waits(v, p, d) {
		if w.until.After(at) {
			at = w.until
		}
	}
	return at
}
