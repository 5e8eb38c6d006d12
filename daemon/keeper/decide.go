package keeper

import (
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// action is what one look calls for.
type action string

const (
	nothing  action = ""
	reassert action = "re-assert"
	restore  action = "restore"
	mint     action = "mint"
)

// look is everything that a decision depends on: what Redis holds at one
// instant, and what this process knows besides.
type look struct {
	store.Observation
	memory *store.Memory // the token to restore, nil when none may be
	secret string        // fingerprint of the AppSecret in use, "" if not read
	tried  string        // the one this process last failed with
	barred time.Duration // WeChat refuses this process' address for so long
	left   time.Duration // of the token by this host's clock, should that of Redis have gone back
}

// decision is what to do and why; with nothing to do, what is waited for.
type decision struct {
	action action
	reason string // of the action
	hold   hold   // why a mint that is due does not begin now
	next   string // reason of a mint that begins after what is done now, "" if none is due
	ask    bool   // WeChat whether it accepts the stored token
	drop   bool   // the reader's report: it calls for nothing
	at     time.Time

	newSecret, urgent, outside, forced bool // for the attempt
}

// mintDue says that somebody should mint, now or after what is waited for.
func (d decision) mintDue() bool { return d.action == mint || d.hold != "" }

// decide has no clock, no memory and no side effect: the same look gives the
// same decision in every process of a fleet.
func decide(v look, p policy) decision {
	d := dueMint(v, p)
	d.at = d.attemptAt(v, p)
	if v.newer() {
		// Act only if readers would lose their token: after a roll-back the newer
		// version may not be running.
		if v.Value.Token != "" && v.State.Live(v.Now) && v.remaining() > p.effectiveAhead(v.State.Life) {
			return decision{hold: holdNewer, at: d.at}
		}
		return d
	}
	switch reason := reassertReason(v, p); {
	case reason == "ttl" && d.action == mint:
		// Readers can read it, and the mint cures it.
	case reason != "":
		if d.action == mint {
			d.next = d.reason
		}
		d.action, d.reason = reassert, reason
	case v.memory != nil && v.Lease == "":
		// After the state, before a mint: memory before state would undo a newer token.
		d.action, d.reason = restore, restoreReason(v)
		return d
	}
	// Beside a re-assert as well, or whoever breaks the key at each poll blinds
	// everybody; and about a refused token, as WeChat may have been wrong.
	d.ask = d.action != mint && d.next == "" && askDue(v, p)
	d.drop = v.Rejected != "" && (v.Rejected != v.State.Token || !v.State.Live(v.Now))
	return d
}

// dueMint decides on a mint alone.
func dueMint(v look, p policy) decision {
	d := decision{reason: mintReason(v, p)}
	d.urgent = !v.State.Live(v.Now)
	// A token that our own lost mint may have killed accuses nobody, and its
	// readers need not wait until an outside draw may be answered again.
	d.outside = d.reason == "foreign" || d.reason == "refused" && !v.State.Outstanding()
	d.forced = d.reason == "forced"
	d.newSecret = secretChanged(v)
	if d.reason == "" {
		return d
	}
	if d.hold = holdOf(v, p, d); d.hold == "" {
		d.action = mint
	}
	return d
}

// newer says that a newer version wrote the state. What its token means is not
// known here for sure, so it is replaced or left alone, and never written again.
func (v look) newer() bool { return v.State.Schema > store.Schema }

func (v look) remaining() time.Duration { return v.State.ExpiresAt.Sub(v.Now) }

// endless says that nobody knows when this token ends: it has more time left
// than it ever had.
func (v look) endless() bool { return v.remaining() > v.State.ExpiresIn+time.Second }

// blind says that WeChat answers no questions about the token for now.
func (v look) blind() bool { return v.State.NoAnswerUntil.After(v.Now) }

// ttlSlack is how far the key's time to live may be from the token's: the two
// are written as one, in milliseconds.
const ttlSlack = time.Second

// reassertReason says what is wrong with the key that the state's token cures.
func reassertReason(v look, p policy) string {
	s := v.State
	switch {
	case !s.Live(v.Now):
		return ""
	case !v.Value.Present:
		return "deleted"
	case v.Value.Token == "":
		return "overwritten"
	case v.Value.Token == s.Token && v.endless():
		// A mint is due, and says when the next one ends.
		return ""
	case v.Value.Token == s.Token && (v.Value.TTL < 0 || (v.Value.TTL-v.remaining()).Abs() > ttlSlack):
		return "ttl"
	case v.Value.Token == s.Token:
		return ""
	case !p.Replaces, v.Now.Sub(s.OutsideAt) < p.Overlap:
		return "overwritten"
	}
	// Somebody else's token says that ours is on its last five minutes where each
	// draw replaces, and must not be buried before a mint has answered it.
	return ""
}

// restoreReason tells an empty Redis from one that lost its newest writes.
func restoreReason(v look) string {
	if v.State.Token == "" {
		return "redis_lost"
	}
	return "failover"
}

// mintReason says why somebody should mint, "" if nobody needs to.
func mintReason(v look, p policy) string {
	s := v.State
	switch {
	case s.Token == "", v.newer() && v.Value.Token == "":
		return "missing"
	case !v.Now.Before(s.ExpiresAt):
		return "expired"
	case s.Force > 0 && !v.Now.Before(s.NoForceUntil):
		return "forced"
	case !s.Live(v.Now):
		return "refused"
	case p.Replaces && v.Value.Token != s.Token && v.Value.Token != "":
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

// secretChanged says that the AppSecret is another one than the one that was
// refused, that this process did not try it yet, and that the hour has room for
// one more such try: that ends the wait. Two replicas with different secrets
// would end each other's for ever.
func secretChanged(v look) bool {
	s := v.State
	return s.LastError != nil && secretToBlame(credential.Class(s.LastError.Class)) && v.secret != "" && v.secret != s.Secret && v.secret != v.tried &&
		store.HasRoom(s.SecretsAt, v.Now, store.SecretsEvery)
}

// askDue says that WeChat is to be asked now whether it accepts the token.
func askDue(v look, p policy) bool {
	s := v.State
	if !p.Mint || v.remaining() <= 0 || v.blind() {
		return false
	}
	if v.Now.Before(s.VerifyAt) && !(reported(v) && v.Now.Sub(s.VerifiedAt) >= p.VerifyEvery/10) {
		return false
	}
	// WeChat answers about a thousand questions a day. Once those of the hour are
	// used up only two are asked: the one in its turn, whoever breaks or kills
	// what over and over again, and the one that a first refusal waits for.
	return store.HasRoom(s.QuestionsAt, v.Now, store.QuestionsEvery) ||
		v.Now.Sub(s.VerifiedAt) >= p.VerifyEvery*3/4 || v.Now.Sub(s.SuspectAt) < p.VerifyEvery/10
}

// reported says that a reader was refused with the very token that is stored.
func reported(v look) bool {
	return v.Rejected == v.State.Token && v.State.Live(v.Now)
}
