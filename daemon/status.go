package daemon

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"wxtokend/daemon/store"
	"wxtokend/daemon/web"
	"wxtokend/daemon/wechat"
)

// kind is the one kind of credential so far: a 公众号 or a 小程序, which share
// their endpoints.
const kind = "official_account"

// state is what a reader of the key would meet.
func (r *refresher) state(local time.Time) web.State {
	s, now := r.readable(local), r.now(local)
	switch {
	case r.seen.local.IsZero() || local.Sub(r.seen.local) > r.slot.Lease:
		return web.Unknown
	case s.Token == "":
		return web.Missing
	case !now.Before(s.ExpiresAt):
		return web.Expired
	case !s.Live(now):
		return web.Rejected
	case r.seen.Value.Token != s.Token:
		return web.Missing
	case r.seen.decision.mintDue() || s.ExpiresAt.Sub(now) <= r.policy.effectiveAhead(s.Life):
		return web.Due
	}
	return web.Fresh
}

// readable is the state whose token readers get. Under another account's state
// that is what this process remembers, as long as it still lies there.
func (r *refresher) readable(local time.Time) store.State {
	m := r.memory
	if r.seen.Other.AppID == "" || m.Token == "" || m.Token != r.seen.Value.Token {
		return r.seen.State
	}
	return store.State{Token: m.Token, Life: m.Life, ExpiresAt: r.now(local).Add(m.expiry.Sub(local)), MintedAt: m.MintedAt, Refused: m.refused}
}

// now is Redis server time, carried on from the last look.
func (r *refresher) now(local time.Time) time.Time {
	return r.seen.Now.Add(local.Sub(r.seen.local))
}

// redisTime is now, or zero before the first look.
func (r *refresher) redisTime() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.local.IsZero() {
		return time.Time{}
	}
	return r.now(time.Now())
}

// Brief implements web.Entry.
func (r *refresher) Brief() web.Brief {
	r.mu.Lock()
	defer r.mu.Unlock()
	local := time.Now()
	return web.Brief{
		Key: r.config.Key, State: r.state(local), Ready: r.unready(local) == "",
		Failures: r.seen.State.Failures, Notes: len(r.notes()),
	}
}

// Credential implements web.Entry. It waits for nobody.
func (r *refresher) Credential() web.Credential {
	r.mu.Lock()
	defer r.mu.Unlock()
	local := time.Now()
	c := web.Credential{
		Key: r.config.Key, AppID: r.config.AppID, Kind: kind, API: r.config.API, State: r.state(local),
		Notes: r.notes(), Unready: r.unready(local),
	}
	if r.seen.local.IsZero() {
		return c
	}
	s := r.readable(local)
	c.DueAt, c.Failures, c.Life = &r.seen.decision.at, s.Failures, s.Life
	if s.Token != "" {
		left, print := s.ExpiresAt.Sub(r.now(local)).Seconds(), s.Token.Fingerprint()
		c.ExpiresAt, c.RefreshedAt, c.ExpiresInSeconds, c.Fingerprint = &s.ExpiresAt, &s.MintedAt, &left, &print
	}
	if e := s.LastError; e != nil {
		c.LastError = &web.LastError{Class: e.Class, Message: e.Message, At: &e.At}
		if e.Code != 0 {
			c.LastError.Code = &e.Code
		}
		if known, ok := wechat.Lookup(e.Code); ok && e.Code != 0 {
			c.Cure = known.Cure
		}
	}
	return c
}

// notes are what a person should know beside the state.
func (r *refresher) notes() []string {
	var notes []string
	note := func(applies bool, text string) {
		if applies {
			notes = append(notes, text)
		}
	}
	note(r.told.redis != "", "Redis does not answer: "+r.told.redis)
	if r.seen.local.IsZero() {
		return notes
	}
	v, s := look{Observation: r.seen.Observation}, r.seen.State
	other, hold := r.cohabitant.name(r.config.AppID), r.seen.decision.hold
	note(other != "", other)
	note(r.unlike.what != "", r.unlike.what)
	note(s.OutsideDraws > 1 && r.seen.Now.Sub(s.OutsideAt) < time.Hour,
		"somebody else keeps drawing tokens for this appid: find and stop them; wxtokend answers once in five minutes")
	note(hold != "" && !r.policy.mint, "due, but this replica has mint: false: another one has to draw the token")
	note(hold != "" && r.policy.mint, "due, but waiting: "+string(hold))
	note(s.Force > 0 && s.NoForceUntil.After(r.seen.Now),
		"the day's forced refreshes are used up: until 00:00 UTC+8 the token is replaced in its turn only")
	note(v.blind(), "WeChat's quota for questions about a token is used up: nobody notices whether it was replaced")
	note(r.told.silent >= silentFor, fmt.Sprintf(
		"WeChat has not said for %d questions in a row whether it accepts the token, so nobody notices whether it was replaced: %s",
		r.told.silent, r.told.silence))
	note(r.told.clock, fmt.Sprintf("the clock of Redis is %s ahead of this host's: alerts that compare its times with time() are wrong by so much",
		r.clockOff().Round(time.Second)))
	for _, what := range slices.Sorted(maps.Keys(r.told.failing)) {
		notes = append(notes, r.told.failing[what].message)
	}
	return notes
}

// silentFor is how many verifications in a row without an answer are worth a
// person's while: a few are a proxy's or WeChat's bad minute.
const silentFor = 3

// unready says why readers of this credential cannot rely on its key, "" if they can.
func (r *refresher) unready(local time.Time) string {
	state := r.state(local)
	reason := string(state)
	switch {
	case state == web.Fresh, state == web.Due:
		return ""
	case state == web.Unknown:
		return reason + ": no answer from Redis: " + r.told.redis
	case r.seen.State.LastError != nil:
		return reason + ": " + r.seen.State.LastError.Message
	}
	for _, why := range []string{r.cohabitant.name(r.config.AppID), string(r.seen.decision.hold)} {
		if why != "" {
			reason += ": " + why
		}
	}
	for _, what := range slices.Sorted(maps.Keys(r.told.failing)) {
		reason += ": " + r.told.failing[what].message
	}
	return reason
}
