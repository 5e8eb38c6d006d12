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
	// The token to restore, nil when none may be.
	memory *store.Memory
	// Fingerprint of the AppSecret in use, "" if not read.
	secret string
	// Fingerprint of the AppSecret that this process failed with last.
	tried string
	// This process may write nothing to Redis.
	readOnly bool
	// WeChat refuses this process' address for so long.
	barred time.Duration
	// What the token has left by this host's clock: less than by that of Redis, once
	// that has gone back.
	left time.Duration
	// Each draw needs a token of the parent, and it has none.
	orphan bool
	// A target shows that somebody else drew a token, which ends ours.
	drawn bool
}

// decision is what a look calls for.
type decision struct {
	// Action is done now, for that reason.
	action action
	reason reason
	// Mint is why somebody should mint, "" if nobody needs to; it begins after the
	// action, unless hold says what it waits for.
	mint reason
	hold hold
	// At is when the next mint may begin, as far as that is known now.
	at time.Time
	// Ask: WeChat is to be asked whether it accepts the stored token. Drop: the
	// reader's report needs no question and is deleted.
	ask, drop bool

	// What is special about the mint: a changed AppSecret ends its wait; readers
	// have no token meanwhile; it answers a draw of somebody else; it is forced; it
	// answers a report.
	newSecret, urgent, outside, forced, answers bool
}

// ready says that a mint is due and waits for nothing.
func (d decision) ready() bool { return d.mint != "" && d.hold == "" }

// decide has no clock, no memory and no side effect: the same look gives the
// same decision in every process of a fleet.
func decide(v look, p policy) decision {
	d := decision{mint: mintReason(v, p), newSecret: secretChanged(v), urgent: !v.State.Live(v.Now)}
	// A token that our own lost mint may have killed accuses nobody, and its
	// readers need not wait until an outside draw may be answered again.
	d.outside = d.mint == reasonForeign || d.mint == reasonRefused && !v.State.Outstanding()
	d.forced, d.answers = d.mint == reasonForced || d.mint == reasonRotate, d.mint == reasonReported
	if d.mint != "" {
		d.hold = holdOf(v, p, d)
	}
	d.at = d.attemptAt(v, p)
	d.action, d.reason = mend(v, p, d)
	if d.action == restore {
		// What is due was said of a state that is about to be another one.
		d.mint, d.hold = "", ""
		return d
	}
	if d.action == nothing && d.ready() {
		d.action, d.reason = mint, d.mint
	}
	// Ask even while re-asserting: else whoever breaks the key at every poll would
	// keep us from ever asking. And ask about a refused token, as WeChat may have
	// been wrong.
	d.ask = !d.ready() && !v.newer() && askDue(v, p)
	d.drop = !v.newer() && !v.readOnly && v.Rejected != "" && !reported(v)
	return d
}

// mend is what brings back to readers a token that is known, and why.
func mend(v look, p policy, d decision) (action, reason) {
	if v.newer() || v.readOnly {
		return nothing, ""
	}
	switch why := reassertReason(v, p); {
	case why == reasonTTL && d.ready():
		// Readers can read it, and the mint that begins now writes it anew.
		return nothing, ""
	case why != "":
		return reassert, why
	case v.memory != nil && v.Lease == "":
		// First the key, as the state may be newer than what this process remembers.
		return restore, restoreReason(v)
	}
	return nothing, ""
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
func reassertReason(v look, p policy) reason {
	s := v.State
	switch {
	case !s.Live(v.Now), v.left <= 0:
		return ""
	case !v.Value.Present:
		return reasonDeleted
	case v.Value.Token == "":
		return reasonOverwritten
	case v.Value.Token == s.Token && v.endless():
		// A mint is due, and says when the next one ends.
		return ""
	case v.Value.Token == s.Token && (v.Value.TTL < 0 || (v.Value.TTL-v.remaining()).Abs() > ttlSlack):
		return reasonTTL
	case v.Value.Token == s.Token:
		return ""
	case !p.Replaces, v.Now.Sub(s.OutsideAt) < p.Overlap:
		return reasonOverwritten
	}
	// Somebody else's token says that ours is on its last five minutes where each
	// draw replaces, and must not be buried before a mint has answered it.
	return ""
}

// restoreReason tells an empty Redis from one that lost its newest writes.
func restoreReason(v look) reason {
	if v.State.Token == "" {
		return reasonRedisLost
	}
	return reasonFailover
}

// mintReason says why somebody should mint, "" if nobody needs to.
func mintReason(v look, p policy) reason {
	s := v.State
	switch {
	case s.Token == "", v.newer() && v.Value.Token == "":
		return reasonMissing
	case !v.Now.Before(s.ExpiresAt):
		return reasonExpired
	case s.Force > 0 && !v.Now.Before(s.NoForceUntil):
		return reasonForced
	case !s.Live(v.Now):
		return reasonRefused
	case p.Replaces && (v.drawn || v.Value.Token != s.Token && v.Value.Token != ""):
		return reasonForeign
	case !p.Traits.Verifiable && reported(v) && rested(v, p) && hasRoom(v):
		// To draw once more is how to ask: it gives the same again, or what is good now.
		return reasonReported
	case s.Outstanding():
		return reasonOutstanding
	case v.endless():
		return reasonClock
	case min(v.remaining(), v.left) <= p.effectiveAhead(s.Life):
		return reasonAhead
	case p.rotationDue(s, v.Now) && !v.Now.Before(s.NoForceUntil):
		return reasonRotate
	}
	return ""
}

// secretChanged says that the AppSecret is another one than the one that was
// refused, that this process did not try it yet, and that the hour has room for
// one more such try: that ends the wait. Two replicas with different secrets
// would end each other's for ever.
func secretChanged(v look) bool {
	s := v.State
	return s.LastError != nil && secretToBlame(credential.Class(s.LastError.Class)) &&
		v.secret != "" && v.secret != s.Secret && v.secret != v.tried &&
		store.HasRoom(s.SecretsAt, v.Now, store.SecretsEvery)
}

// askDue says that WeChat is to be asked now whether it accepts the token.
func askDue(v look, p policy) bool {
	s := v.State
	if !p.Mint || !p.Traits.Verifiable || v.remaining() <= 0 || v.blind() {
		return false
	}
	if v.Now.Before(s.VerifyAt) && !(reported(v) && rested(v, p)) {
		return false
	}
	// WeChat answers about a thousand questions a day. Once those of the hour are
	// used up only two remain: the regular one in its turn, and the one that
	// confirms a first refusal.
	return hasRoom(v) || v.Now.Sub(s.VerifiedAt) >= p.Calm() || v.Now.Sub(s.SuspectAt) < p.Soon()
}

// rested says that the last question is so long ago that a report may call for another.
func rested(v look, p policy) bool { return v.Now.Sub(v.State.VerifiedAt) >= p.Soon() }

// hasRoom says that the hour has room for another question.
func hasRoom(v look) bool { return store.HasRoom(v.State.QuestionsAt, v.Now, store.QuestionsEvery) }

// reported says that a reader was refused with the very token that is stored.
func reported(v look) bool {
	return v.Rejected == v.State.Token && v.State.Live(v.Now)
}
