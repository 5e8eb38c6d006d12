package daemon

import (
	"time"

	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
)

// action is what one tick does for one credential.
type action string

const (
	nothing  action = ""
	reassert action = "re-assert"
	restore  action = "restore"
	mint     action = "mint"
)

// view is everything the decision depends on.
type view struct {
	store.Observation
	memory  *store.Memory // the token to restore, nil when none may be
	secret  string        // fingerprint of the AppSecret in use, "" if not read
	tried   string        // the one this process last failed with
	barred  time.Duration // this process still waits so long, whatever the fleet does
	contest bool          // another appid lives under this key, and was answered lately
	left    time.Duration // of the token by this host's clock, should that of Redis have gone back
}

// decision is what to do and why; with nothing to do, what is waited for.
type decision struct {
	action action
	reason string // of the action
	hold   string // why a mint that is due does not begin now
	next   bool   // a mint is due, and begins after what is done now
	ask    bool   // WeChat whether it accepts the stored token

	pastBackoff, urgent, rival, forced bool // for begin
}

// mintDue says that somebody should mint, now or after what is waited for.
func (d decision) mintDue() bool { return d.action == mint || d.hold != "" }

// due decides. It has no clock, no memory and no side effect: the same view
// gives the same decision in every process of a fleet.
func due(v view, p policy) decision {
	// Readers come before hands off: after a roll-back nobody else may be left.
	newer := v.newer()
	if newer && v.Value.Token != "" && v.State.Live(v.Now) && v.remaining() > p.effectiveAhead(v.State.Life) {
		return decision{hold: "a newer version keeps this credential"}
	}
	d := dueMint(v, p)
	if newer {
		return d
	}
	switch reason := reassertReason(v, p); {
	case reason == "ttl" && d.action == mint: // it is readable, and cured by the mint
	case reason != "":
		d = decision{action: reassert, reason: reason, next: d.action == mint}
	// After the state, before a mint: memory before state would undo a newer token.
	case v.memory != nil && v.Lease == "":
		return decision{action: restore, reason: restoreReason(v)}
	}
	// Beside a re-assert as well, or whoever breaks the key at each poll blinds
	// everybody; and about a refused token, as WeChat may have been wrong.
	d.ask = d.action != mint && p.mint && v.remaining() > 0 && !sane(v.State.VerifyAt, p.verifyEvery, v.Now).After(v.Now)
	return d
}

// dueMint decides on a mint alone.
func dueMint(v view, p policy) decision {
	d := decision{action: mint, reason: mintReason(v, p)}
	d.urgent = !v.State.Live(v.Now)
	// A token that our own lost mint may have killed accuses nobody, and its
	// readers need not wait until a rival may be answered again.
	d.rival = d.reason == "foreign" || d.reason == "refused" && !v.State.Outstanding()
	d.forced = d.reason == "forced"
	d.pastBackoff = secretChanged(v)
	if d.reason != "" {
		d.hold = hold(v, p, d)
	}
	if d.reason == "" || d.hold != "" {
		d.action = nothing
	}
	return d
}

// newer says that a newer version wrote the state. What its token means is not
// known here for sure, so it is replaced or left alone, and never written again.
func (v view) newer() bool { return v.State.Schema > store.Schema }

func (v view) remaining() time.Duration { return v.State.ExpiresAt.Sub(v.Now) }

// endless says that nobody knows when this token ends: it has more time left
// than it ever had.
func (v view) endless() bool { return v.remaining() > v.State.ExpiresIn+time.Second }

// spent says that the day's forced refreshes are used up.
func (v view) spent(p policy) bool {
	return p.stable && v.State.ForcedDay == store.Day(v.Now) && v.State.Forced >= store.ForceLimit
}

// ttlSlack is how far the key's time to live may be from the token's: the two
// are written as one, in milliseconds.
const ttlSlack = time.Second

// reassertReason says what is wrong with the key that the state's token cures.
func reassertReason(v view, p policy) string {
	s := v.State
	switch {
	case !s.Live(v.Now):
		return ""
	case !v.Value.Present:
		return "deleted"
	case v.Value.Token == "":
		return "overwritten"
	case v.Value.Token == s.Token:
		if v.endless() {
			return "" // a mint is due, and says when the next one ends
		}
		if v.Value.TTL < 0 || (v.Value.TTL-v.remaining()).Abs() > ttlSlack {
			return "ttl"
		}
		return ""
	case p.stable, passed(s.RivalAt, v.Now) < overlap:
		return "overwritten"
	}
	// Classic, and somebody else's token: it says that ours is on its last five
	// minutes, and must not be buried before it was answered by a mint.
	return ""
}

// restoreReason tells an empty Redis from one that lost its newest writes.
func restoreReason(v view) string {
	if v.State.Token == "" {
		return "redis_lost"
	}
	return "failover"
}

// mintReason says why somebody should mint, "" if nobody needs to.
func mintReason(v view, p policy) string {
	s := v.State
	switch {
	case s.Token == "", v.newer() && v.Value.Token == "":
		return "missing"
	case !v.Now.Before(s.ExpiresAt):
		return "expired"
	case s.Force > 0 && !v.spent(p):
		return "forced"
	case !s.Live(v.Now):
		return "refused"
	case v.Value.Token != s.Token && v.Value.Token != "":
		return "foreign"
	case s.Outstanding():
		return "outstanding"
	case v.endless():
		return "clock went back"
	case min(v.remaining(), v.left) <= p.effectiveAhead(s.Life):
		return "ahead"
	}
	return ""
}

// What a due mint waits for, where its end is known.
const (
	holdRival  = "a rival draws tokens, and was answered lately"
	holdForced = "forced a moment ago"
	holdLimit  = "daily_limit"
)

// hold says what a due mint waits for. Redis decides the same once more in
// begin; this saves asking it on every tick.
func hold(v view, p policy, d decision) string {
	s := v.State
	switch {
	case !p.mint:
		return "mint: false"
	case v.contest:
		return "another appid lives under this key"
	case v.Lease != "":
		return "leased"
	case sane(s.NextAttemptAt, s.Wait, v.Now).After(v.Now) && !d.pastBackoff:
		return "backoff"
	case sane(s.UnknownUntil, s.UnknownWait, v.Now).After(v.Now) && !d.urgent:
		return "unknown outcome"
	case v.barred > 0 && !d.pastBackoff:
		return "this process waits after its own last failure"
	case d.rival && !p.stable && passed(s.RivalAt, v.Now) < overlap:
		return holdRival
	case d.forced && passed(s.ForcedAt, v.Now) < store.ForceSpacing:
		return holdForced
	case s.Day == store.Day(v.Now) && s.Calls >= p.limit:
		return holdLimit
	}
	return ""
}

// dueAt is when the next mint may begin, as far as it is known now.
func dueAt(v view, p policy, d decision) time.Time {
	s := v.State
	at := s.ExpiresAt.Add(-p.effectiveAhead(s.Life))
	if s.Token == "" || d.mintDue() && at.After(v.Now) {
		at = v.Now
	}
	waits := []time.Time{sane(s.NextAttemptAt, s.Wait, v.Now), sane(s.UnknownUntil, s.UnknownWait, v.Now)}
	switch d.hold {
	case holdLimit:
		return store.NextDay(v.Now)
	case holdRival:
		waits = append(waits, s.RivalAt.Add(overlap))
	case holdForced:
		waits = append(waits, s.ForcedAt.Add(store.ForceSpacing))
	}
	for _, wait := range waits {
		if wait.After(at) {
			at = wait
		}
	}
	if mine := v.Now.Add(v.barred); v.barred > 0 && d.mintDue() && !d.pastBackoff && mine.After(at) {
		at = mine
	}
	return at
}

// secretChanged says that the AppSecret is another one than the one that was
// refused, and that this process did not try it yet: that ends the wait. One
// try per process and secret, or two replicas with different secrets would end
// each other's wait for ever.
func secretChanged(v view) bool {
	failed := v.State.LastError
	return failed != nil && secretToBlame(wechat.Class(failed.Class)) &&
		v.secret != "" && v.secret != v.State.Secret && v.secret != v.tried
}

func secretToBlame(class wechat.Class) bool {
	return class == wechat.ClassConfig || class == wechat.ClassAccount
}

// sane ignores a time that lies further ahead than it was ever set: it was
// written by another clock.
func sane(t time.Time, most time.Duration, now time.Time) time.Time {
	if t.Sub(now) > most+time.Second {
		return time.Time{}
	}
	return t
}

// passed is the time since t; very long for a time that never was or that lies ahead.
func passed(t, now time.Time) time.Duration { return now.Sub(sane(t, 0, now)) }
