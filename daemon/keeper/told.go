package keeper

import (
	"strings"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// told is what people were told last, so that they are told of changes and not
// of every look.
type told struct {
	state State
	// Why no look succeeds, "" while they do.
	redis string
	// What fails now, by the operation's name or the *target.
	failing map[any]failing
	// The last foreign token that was counted.
	foreign secret.Token
	// Who else lives under the key.
	other string
	// The last report that has to wait.
	report secret.Token
	// What a due mint waits for.
	hold hold
	// Somebody else draws tokens, by WeChat's count.
	outside bool
	// Why WeChat does not let this host in, while barred is set.
	barring credential.Class
	// Verifications in a row without an answer.
	silent int
	// What came instead of one.
	silence string
}

// What can fail at each poll, as people are told of it.
const (
	opReadSecret = "could not read the AppSecret"
	opBegin      = "could not begin the refresh"
	opCommit     = "a new token is not stored yet"
	opAbort      = "a failed mint is not written down yet"
	opMend       = "could not write the known token back"
	opClaim      = "could not claim the verification"
	opJudge      = "could not store the verdict on the token"
	opDiscard    = "could not delete a reader's report"
)

// What is wrong where nothing was tried.
const (
	farClock      = "the clock of Redis is not this host's"
	otherSettings = "another replica has other settings"
)

func operations() []string {
	return []string{opReadSecret, opBegin, opCommit, opAbort, opMend, opClaim, opJudge, opDiscard}
}

const readableSecret = "make it a file that the daemon's user can read, with nothing but the AppSecret in it"

const repairsNothing = "this replica repairs nothing, as its user of Redis may only read: right for one that only " +
	"watches; one that shall repair needs the rights of a writer, and a restart"

// explain says what is wrong, with the rights that this replica needs: one that
// never asks for a token need not write.
func (k *Keeper) explain(err error) store.Trouble {
	var names []string
	for _, t := range k.targets.keys {
		names = append(names, t.String())
	}
	return store.ExplainFor(store.WithMirrors(store.RightsOf(k.policy.Mint, k.policy.Keys), names...), err)
}

// noteFailure keeps what fails, and logs it once for each cause, however many
// operations that stops at each poll. Without an error it works again.
func (k *Keeper) noteFailure(what string, err error) (first bool) {
	trouble := store.Trouble{}
	switch {
	case err == nil:
	case what == opReadSecret:
		// The error names the file.
		trouble = store.Trouble{What: err.Error(), Cure: readableSecret}
	default:
		trouble = k.explain(err)
	}
	cause := trouble.What
	if what != opReadSecret && !store.Definite(err) {
		// An answer that does not come has many texts, and one cure.
		cause = ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.works(what)
		return false
	}
	if !k.policy.Mint && store.Forbidden(err) {
		// To repair is left to those who may, from here on.
		if !k.readOnly {
			k.log.Info(repairsNothing)
		}
		k.readOnly = true
		return false
	}
	first = k.fails(what, failing{cause, strings.TrimSuffix(what+": "+err.Error()+": "+trouble.Cure, ": ")})
	if first {
		k.log.Warn(what, "error", err, "cure", trouble.Cure, "next_attempt", "in "+k.policy.Poll.String())
	}
	return first
}

// lookFailed keeps why no look succeeds, the newest reason: an outage can change
// its cause. The observer tells people, once for all credentials.
func (k *Keeper) lookFailed(err error) {
	k.told.redis = ""
	if err != nil {
		trouble := k.explain(err)
		k.told.redis = trouble.What + ": " + trouble.Cure + " (" + err.Error() + ")"
	}
}

// tell brings metrics up to the newest look and logs what has changed.
func (k *Keeper) tell(local time.Time) {
	s, key := k.seen.State, k.policy.Keys.Value
	k.metrics.Expiry(key, s.ExpiresAt)
	k.metrics.Due(key, k.seen.decision.at)
	k.metrics.RefreshedAt(key, s.MintedAt)
	k.metrics.AttemptedAt(key, s.BegunAt)
	k.metrics.CallsToday(key, callsToday(k.seen.look))
	k.tellOutside()
	k.tellOthers()
	k.tellReport()
	k.tellHold()
	k.tellState(local)
	k.tellClock()
	k.tellTargets()
	// What is called for no more has nothing left to fail.
	for what := range k.told.failing {
		switch what {
		case opClaim, opJudge, opDiscard:
			if k.toAsk() == 0 {
				k.works(what)
			}
		case opReadSecret, opBegin, opCommit, opAbort, opMend:
			if k.toAct() == 0 {
				k.works(what)
			}
		}
	}
}

// tellState logs what became of the state, also when that is unknown, unless it
// is so of many: the loss of Redis was said once for all.
func (k *Keeper) tellState(local time.Time) {
	from, to := k.told.state, k.state(local)
	if from == "" {
		from = Unknown
	}
	k.metrics.State(k.policy.Keys.Value, metrics.State(to))
	k.metrics.Failing(k.policy.Keys.Value, k.failingNow()...)
	if from != to && (to != Unknown || !k.many) {
		k.log.Info("state changed", "from", string(from), "to", string(to))
		k.told.state = to
	}
}

// failingNow is the class of all that fails: the last draw of the fleet, and
// what this process meets. WeChat may let others in where it does not let this
// host in: that lasts until this host has drawn a token, or a person asks for one.
func (k *Keeper) failingNow() (classes []metrics.Outcome) {
	if last := k.seen.State.LastError; last != nil {
		classes = append(classes, metrics.Outcome(last.Class))
	}
	if !k.barred.IsZero() {
		classes = append(classes, metrics.Outcome(k.told.barring))
	}
	if k.told.redis != "" {
		classes = append(classes, metrics.FailingRedis)
	}
	for what := range k.told.failing {
		switch _, isTarget := what.(*target); {
		case isTarget:
			classes = append(classes, metrics.FailingTarget)
		case what == opReadSecret:
			classes = append(classes, metrics.FailingSecret)
		case what != farClock && what != otherSettings:
			classes = append(classes, metrics.FailingRedis)
		}
	}
	return classes
}

// tellHold warns when calls are withheld for long: no failed call says so.
func (k *Keeper) tellHold() {
	hold := k.seen.decision.hold
	if hold != k.told.hold && hold == holdLimit {
		k.log.Warn("the daily_limit of calls is reached, nothing is minted before the next day in UTC+8",
			"limit", k.policy.DailyLimit, "next_attempt", store.NextDay(k.seen.Now))
	}
	if hold != k.told.hold && hold == holdParent {
		k.log.Info("due, but waiting: "+string(hold), "next_attempt", "as soon as it has one")
	}
	k.told.hold = hold
}

// tellOthers tells what others wrote under our key, once each.
func (k *Keeper) tellOthers() {
	found := k.seen.Value.Token
	if found == k.seen.State.Token || k.seen.State.Token == "" {
		found = ""
	}
	if found != "" && found != k.told.foreign {
		k.metrics.ForeignToken(k.policy.Keys.Value)
		k.log.Warn("somebody else wrote a token under this key: who else draws tokens for this appid?",
			"token", found, "ours", k.seen.State.Token)
	}
	k.told.foreign = found
	other := k.cohabitant.name(k.policy.Account)
	if other != "" && other != k.told.other {
		k.log.Warn(other, "ours", k.policy.Account+" at "+k.policy.Issuer)
	}
	k.told.other = other
	if what := k.unlike.what; what == "" {
		k.works(otherSettings)
	} else if k.fails(otherSettings, failing{cause: otherSettings}) {
		k.log.Warn(what)
	}
}

// tellReport counts a report that has to wait, as the hour's questions are used up.
func (k *Keeper) tellReport() {
	var waiting secret.Token
	v := k.seen.look
	if reported(v) && !k.seen.decision.ask && !hasRoom(v) {
		waiting = v.Rejected
	}
	if waiting != "" && waiting != k.told.report {
		k.metrics.Report(k.policy.Keys.Value, metrics.ReportLimited)
	}
	k.told.report = waiting
}

// FarClock is how far another clock may be from this host's before people are
// told: alerts that compare the times of one with time() go wrong.
const FarClock = 30 * time.Second

// tellClock warns of a clock that is far off. Nothing here compares the two;
// what Prometheus does, and people, does.
func (k *Keeper) tellClock() {
	if off := k.clockOff(); off.Abs() <= FarClock {
		k.works(farClock)
	} else if k.fails(farClock, failing{cause: farClock}) {
		k.log.Warn(farClock+": alerts that compare expiry with time() are wrong by so much",
			"ahead", off.Round(time.Second).String())
	}
}

// clockOff is how far Redis' clock is ahead of this host's.
func (k *Keeper) clockOff() time.Duration { return k.seen.Now.Sub(k.seen.local.Round(0)) }
