package daemon

import (
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/web"
	"wxtokend/metrics"
)

// told is what people were told last, so that they are told of changes and not
// of every look.
type told struct {
	state   web.State
	redis   string             // why no look succeeds, "" while they do
	failing map[string]failing // what fails now, by the operation
	foreign secret.Token       // the last foreign token that was counted
	other   string             // who else lives under the key
	unlike  string             // whose settings are others than ours
	report  secret.Token       // the last report that has to wait
	hold    hold               // what a due mint waits for
	clock   bool               // the clock of Redis is far from this host's
	silent  int                // verifications in a row without an answer
	silence string             // what came instead of one
}

// failing is an operation on Redis, or the AppSecret's file, that fails.
type failing struct{ cause, message string }

// warnOnce logs a failure that every poll would meet again: once for each
// cause, however many operations it stops.
func (r *refresher) warnOnce(what string, err error) (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cause := causeOf(err)
	first = true
	for _, f := range r.told.failing {
		first = first && f.cause != cause
	}
	if r.told.failing == nil {
		r.told.failing = map[string]failing{}
	}
	r.told.failing[what] = failing{cause, what + ": " + err.Error()}
	if first {
		r.log.Warn(what, "error", err, "next_attempt", "in "+r.policy.poll.String())
	}
	return first
}

// works takes back that something fails.
func (r *refresher) works(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.told.failing, what)
}

// causeOf tells failures apart that a person would mend in different ways. What
// Redis answers begins with a code; an answer that did not come has many texts.
func causeOf(err error) string {
	var answered redis.Error
	if !errors.As(err, &answered) {
		return ""
	}
	code, _, _ := strings.Cut(answered.Error(), " ")
	return code
}

// lookFailed keeps why no look succeeds, the newest reason: an outage can change
// its cause. The observer tells people, once for all credentials.
func (r *refresher) lookFailed(err error) {
	r.told.redis = ""
	if err != nil {
		r.told.redis = err.Error()
	}
}

// tell brings metrics up to the newest look and logs what has changed.
func (r *refresher) tell(local time.Time) {
	s, key := r.seen.State, r.config.Key
	r.metrics.Expiry(key, s.ExpiresAt)
	r.metrics.Due(key, r.seen.decision.at)
	r.metrics.RefreshedAt(key, s.MintedAt)
	r.metrics.AttemptedAt(key, s.BegunAt)
	calls := s.Calls
	if s.Day != store.Day(r.seen.Now) {
		calls = 0
	}
	r.metrics.CallsToday(key, calls)
	r.tellOthers()
	r.tellReport()
	r.tellHold()
	r.tellState(local)
	r.tellClock()
	if r.seen.decision.action == nothing {
		clear(r.told.failing)
	}
}

// tellState logs what became of the state, also when that is unknown, unless it
// is so of many: the loss of Redis was said once for all.
func (r *refresher) tellState(local time.Time) {
	from, to := r.told.state, r.state(local)
	if from == "" {
		from = web.Unknown
	}
	r.metrics.State(r.config.Key, metrics.State(to))
	if from != to && (to != web.Unknown || !r.many) {
		r.log.Info("state changed", "from", string(from), "to", string(to))
		r.told.state = to
	}
}

// tellHold warns when calls are withheld for long: no failed call says so.
func (r *refresher) tellHold() {
	hold := r.seen.decision.hold
	if hold != r.told.hold && hold == holdLimit {
		r.log.Warn("the daily_limit of calls is reached, nothing is minted before the next day in UTC+8",
			"limit", r.policy.limit, "next_attempt", store.NextDay(r.seen.Now))
	}
	r.told.hold = hold
}

// tellOthers tells what others wrote under our key, once each.
func (r *refresher) tellOthers() {
	found := r.seen.Value.Token
	if found == r.seen.State.Token || r.seen.State.Token == "" {
		found = ""
	}
	if found != "" && found != r.told.foreign {
		r.metrics.ForeignToken(r.config.Key)
		r.log.Warn("somebody else wrote a token under this key: who else draws tokens for this appid?", "token", found, "ours", r.seen.State.Token)
	}
	r.told.foreign = found
	other := r.cohabitant.name(r.config.AppID)
	if other != "" && other != r.told.other {
		r.log.Warn(other, "ours", r.config.AppID+" at "+r.slot.Issuer)
	}
	r.told.other = other
	if what := r.unlike.what; what != "" && r.told.unlike == "" {
		r.log.Warn(what)
	}
	r.told.unlike = r.unlike.what
}

// tellReport counts a report that has to wait, as the hour's questions are used up.
func (r *refresher) tellReport() {
	var waiting secret.Token
	v := r.seen.look
	if reported(v) && !r.seen.decision.ask && !store.HasRoom(v.State.QuestionsAt, v.Now, store.QuestionsEvery) {
		waiting = v.Rejected
	}
	if waiting != "" && waiting != r.told.report {
		r.metrics.Report(r.config.Key, metrics.ReportLimited)
	}
	r.told.report = waiting
}

// farClock is how far Redis' clock may be from this host's before alerts that
// compare its times with time() go wrong.
const farClock = 30 * time.Second

// tellClock warns of a clock that is far off. Nothing here compares the two;
// what Prometheus does, and people, does.
func (r *refresher) tellClock() {
	off := r.clockOff()
	if far := off.Abs() > farClock; far != r.told.clock {
		r.told.clock = far
		if far {
			r.log.Warn("the clock of Redis is not this host's: alerts that compare expiry with time() are wrong by so much",
				"ahead", off.Round(time.Second).String())
		}
	}
}

// clockOff is how far Redis' clock is ahead of this host's.
func (r *refresher) clockOff() time.Duration { return r.seen.Now.Sub(r.seen.local.Round(0)) }

// cohabitant is another account that lives under our key, as it was met last.
type cohabitant struct {
	store.Other
	owned bool      // our own state was seen under this key: it is no change of the configuration
	met   time.Time // by this host's clock
}

// meet takes in a look. Two that take turns are each met once an overlap; one
// that stays away for twice as long is forgotten. One whose last mint was long
// ago, where we never were, is the account before a changed configuration.
func (c *cohabitant) meet(o store.Observation, local time.Time) {
	c.owned = c.owned || o.State.AppID != ""
	switch {
	case o.Other.AppID != "" && (c.owned || o.Now.Sub(o.Other.BegunAt) < overlap):
		c.Other, c.met = o.Other, local
	case local.Sub(c.met) > 2*overlap:
		c.Other = store.Other{}
	}
}

// name says who it is and what to do about it, "" for nobody.
func (c *cohabitant) name(ours string) string {
	switch {
	case c.AppID == "":
		return ""
	case c.AppID == ours:
		// Two names of one WeChat look like this as well.
		return "another host of WeChat is used under this key, " + c.Issuer + ": give all replicas the same wechat.base_url"
	}
	return "another appid lives under this key, " + c.AppID + ": give each its own key"
}
