package keeper

import (
	"fmt"
	"strings"
	"time"

	"wxtokend/daemon/store"
)

// State is what a reader of the key would meet.
type State string

// Due is still a valid token; Unknown means that no look succeeded within one lease.
const (
	Fresh    State = "fresh"
	Due      State = "due"
	Expired  State = "expired"
	Missing  State = "missing"
	Rejected State = "rejected"
	Unknown  State = "unknown"
)

// state is what a reader of the key would meet.
func (k *Keeper) state(local time.Time) State {
	s, now := k.readable(local), k.now(local)
	switch {
	case k.seen.local.IsZero() || local.Sub(k.seen.local) > k.policy.Lease:
		return Unknown
	case s.Token == "":
		return Missing
	case !now.Before(s.ExpiresAt):
		return Expired
	case !s.Live(now):
		return Rejected
	case k.seen.Value.Token != s.Token:
		return Missing
	case k.seen.decision.mint != "" || s.ExpiresAt.Sub(now) <= k.policy.effectiveAhead(s.Life):
		return Due
	}
	return Fresh
}

// readable is the state whose token readers get. Under another account's state
// that is what this process remembers, as long as it still lies there.
func (k *Keeper) readable(local time.Time) store.State {
	m := k.memory
	if k.seen.Other.AppID == "" || m.Token != k.seen.Value.Token {
		return k.seen.State
	}
	return store.State{
		Token: m.Token, Life: m.Life, ExpiresAt: k.now(local).Add(m.expiry.Sub(local)),
		MintedAt: m.MintedAt, Refused: m.refused,
	}
}

// now is Redis server time, carried on from the last look.
func (k *Keeper) now(local time.Time) time.Time {
	return k.seen.Now.Add(passed(k.seen.local, local))
}

// Brief is what a list of many wants to know of each.
type Brief struct {
	State State
	Ready bool
	// Failures in a row, and how many Notes there are.
	Failures, Notes int
}

// Brief costs little.
func (k *Keeper) Brief() Brief {
	k.mu.Lock()
	defer k.mu.Unlock()
	local := time.Now()
	return Brief{k.state(local), k.unready(local) == "", k.seen.State.Failures, len(k.notes())}
}

// Status is what people and programs are told of the credential. Times are Redis
// server time; what is not known is zero.
type Status struct {
	State State
	// Now and DueAt are known after the first look.
	Now, DueAt time.Time
	// These are the token's; Life is how long it lived when it was minted.
	ExpiresAt, RefreshedAt time.Time
	Life                   time.Duration
	Fingerprint            string

	Failures  int
	LastError *store.Failure
	Notes     []string
	// Unready says why readers cannot rely on the key, "" if they can.
	Unready string
}

// Status waits for nobody.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	local := time.Now()
	status := Status{State: k.state(local), Notes: k.notes(), Unready: k.unready(local)}
	if k.seen.local.IsZero() {
		return status
	}
	s := k.readable(local)
	status.Now, status.DueAt, status.Failures, status.LastError = k.now(local), k.seen.decision.at, s.Failures, s.LastError
	if s.Token != "" {
		status.ExpiresAt, status.RefreshedAt = s.ExpiresAt, s.MintedAt
		status.Life, status.Fingerprint = s.Life, s.Token.Fingerprint()
	}
	return status
}

// notes are what a person should know beside the state.
func (k *Keeper) notes() []string {
	var notes []string
	note := func(applies bool, text string) {
		if applies {
			notes = append(notes, text)
		}
	}
	note(k.told.redis != "", "nothing is known from Redis: "+k.told.redis)
	if k.seen.local.IsZero() {
		return notes
	}
	v, s := look{Observation: k.seen.Observation}, k.seen.State
	other, hold := k.cohabitant.name(k.policy.Account), k.seen.decision.hold
	note(other != "", other)
	note(k.unlike.what != "", k.unlike.what)
	note(s.OutsideDraws > 1 && k.seen.Now.Sub(s.OutsideAt) < time.Hour,
		"somebody else keeps drawing tokens for this appid: find and stop them; wxtokend answers once in five minutes")
	draws := outsideToday(k.seen.look, k.policy)
	note(draws >= outsideTold, outsideNote(draws))
	exits := s.Exits.List()
	note(len(exits) > 0 && k.seen.Now.Sub(exits[0].At) < exitsTold, exitsNote(exits))
	note(k.readOnly, repairsNothing)
	note(hold != "" && !k.policy.Mint, "due, but this replica has mint: false: another one has to draw the token")
	note(hold != "" && k.policy.Mint, "due, but waiting: "+string(hold))
	note(s.Force > 0 && s.NoForceUntil.After(k.seen.Now),
		"the day's forced refreshes are used up: until 00:00 UTC+8 the token is replaced in its turn only")
	note(v.blind(), "WeChat's quota for questions about a token is used up: nobody notices whether it was replaced")
	note(k.told.silent >= silentFor, fmt.Sprintf("WeChat has not said for %d questions in a row whether it accepts "+
		"the token, so nobody notices whether it was replaced: %s", k.told.silent, k.told.silence))
	note(k.isFailing(farClock), fmt.Sprintf("the clock of Redis is %s ahead of this host's: alerts that compare its "+
		"times with time() are wrong by so much", k.clockOff().Round(time.Second)))
	return append(append(notes, k.failures()...), k.targetNotes()...)
}

// exitsTold is how long after the last call that was not let in people are told of
// it. Whether the whitelist is right since then only calls can show.
const exitsTold = 24 * time.Hour

// exitsNote has all addresses of a NAT at once: to whitelist them one by one, as
// each failure names one, takes days.
func exitsNote(exits []store.Exit) string {
	var all []string
	for _, e := range exits {
		all = append(all, e.Address)
	}
	return fmt.Sprintf("calls came from addresses that are not whitelisted, %s within a week: whitelist %s",
		store.CountExits(exits), strings.Join(all, ", "))
}

// failures are what fails at each poll, in an order that lasts.
func (k *Keeper) failures() []string {
	var messages []string
	for _, what := range operations() {
		if k.isFailing(what) {
			messages = append(messages, k.told.failing[what].message)
		}
	}
	return messages
}

// silentFor is how many verifications in a row without an answer are worth a
// person's while: a few are a proxy's or WeChat's bad minute.
const silentFor = 3

// unready says why readers of this credential cannot rely on its key, "" if they can.
func (k *Keeper) unready(local time.Time) string {
	state := k.state(local)
	reason := string(state)
	switch {
	case state == Fresh, state == Due:
		return ""
	case state == Unknown:
		return reason + ": nothing is known from Redis: " + k.told.redis
	case k.seen.State.LastError != nil:
		return reason + ": " + k.seen.State.LastError.Message
	}
	why := []string{k.cohabitant.name(k.policy.Account), string(k.seen.decision.hold)}
	for _, text := range append(why, k.failures()...) {
		if text != "" {
			reason += ": " + text
		}
	}
	return reason
}
