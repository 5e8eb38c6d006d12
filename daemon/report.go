package daemon

import (
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/web"
	"wxtokend/daemon/wechat"
	"wxtokend/metrics"
)

// kind is the one kind of credential so far: a 公众号 or a 小程序, which share
// their endpoints.
const kind = "official_account"

// reported is what people were told last, so that they are told of changes
// and not of every tick.
type reported struct {
	state   web.State
	redis   string       // why Redis does not answer, "" while it does
	warning string       // what kept the last action from happening
	foreign secret.Token // the last foreign token that was counted
	rival   string
	hold    string
}

// warnOnce logs a failure that every poll would meet again, the first time.
func (r *refresher) warnOnce(what string, err error) (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	message := what + ": " + err.Error()
	if first = r.reported.warning != message; first {
		r.reported.warning = message
		r.log.Warn(what, "error", err, "next_attempt", "in "+r.policy.poll.String())
	}
	return first
}

// reportRedis keeps why Redis does not answer, the newest reason: an outage can
// change its cause. The daemon tells people, once for all its credentials.
func (r *refresher) reportRedis(err error) {
	r.reported.redis = ""
	if err != nil {
		r.reported.redis = err.Error()
	}
}

// publish brings metrics up to the newest observation and logs a change of state.
func (r *refresher) publish(local time.Time) {
	s, key := r.seen.State, r.config.Key
	r.metrics.Expiry(key, s.ExpiresAt)
	r.metrics.Due(key, dueAt(view{Observation: r.seen.Observation, barred: r.seen.barred}, r.policy, r.seen.decision))
	r.metrics.RefreshedAt(key, s.MintedAt)
	r.metrics.AttemptedAt(key, s.BegunAt)
	calls := s.Calls
	if s.Day != store.Day(r.seen.Now) {
		calls = 0
	}
	r.metrics.CallsToday(key, calls)
	r.publishStrangers(local)
	r.publishHold()
	r.publishState(local)
	if r.seen.decision.action == nothing {
		r.reported.warning = ""
	}
}

// publishState logs what became of the state, also when that is unknown, unless
// it is so of many: the loss of Redis was said once for all.
func (r *refresher) publishState(local time.Time) {
	from, to := orUnknown(r.reported.state), r.state(local)
	r.metrics.State(r.config.Key, metrics.State(to))
	if from != to && (to != web.Unknown || !r.many) {
		r.log.Info("state changed", "from", string(from), "to", string(to))
		r.reported.state = to
	}
}

func orUnknown(s web.State) web.State {
	if s == "" {
		return web.Unknown
	}
	return s
}

// publishHold warns when calls are withheld for long: no failed call says so.
func (r *refresher) publishHold() {
	hold := r.seen.decision.hold
	if hold != r.reported.hold && hold == holdLimit {
		r.log.Warn("the daily_limit of calls is reached, nothing is minted before the next day in UTC+8",
			"limit", r.policy.limit, "next_attempt", store.NextDay(r.seen.Now))
	}
	r.reported.hold = hold
}

// publishStrangers reports what others wrote under our key, once each.
func (r *refresher) publishStrangers(local time.Time) {
	found := r.seen.Value.Token
	if found == r.seen.State.Token || r.seen.State.Token == "" {
		found = ""
	}
	if found != "" && found != r.reported.foreign {
		r.metrics.ForeignToken(r.config.Key)
		r.log.Warn("somebody else wrote a token under this key: who else draws tokens for this appid?", "token", found, "ours", r.seen.State.Token)
	}
	r.reported.foreign = found
	rival := r.rival(local)
	switch {
	case rival == "" || rival == r.reported.rival:
	case r.contest.rival == r.config.AppID:
		r.log.Warn("another host of WeChat is used under this key: give all replicas the same wechat.base_url",
			"other_host", r.contest.host, "ours", r.slot.Issuer)
	default:
		r.log.Warn("another appid lives under this key: give each its own key", "other_appid", r.contest.rival)
	}
	r.reported.rival = rival
}

// rival says who else lives under this key, and what to do about it; "" for nobody.
func (r *refresher) rival(local time.Time) string {
	switch {
	case !r.contest.open(local):
		return ""
	case r.contest.rival == r.config.AppID: // two names of one WeChat look like this as well
		return "another host of WeChat is used under this key: " + r.contest.host + ", ours is " + r.slot.Issuer +
			": give all replicas the same wechat.base_url"
	}
	return "another appid lives under this key: " + r.contest.rival + ": give each its own key"
}

// state is what a reader of the key would meet.
func (r *refresher) state(local time.Time) web.State {
	s, now := r.seen.State, r.now(local)
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

// now is Redis server time, carried on from the last observation.
func (r *refresher) now(local time.Time) time.Time {
	return r.seen.Now.Add(local.Sub(r.seen.local))
}

// redisTime is now, or zero before the first observation.
func (r *refresher) redisTime() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.local.IsZero() {
		return time.Time{}
	}
	return r.now(time.Now())
}

// status is the credential for people and programs. It waits for nobody.
func (r *refresher) status() web.Credential {
	r.mu.Lock()
	defer r.mu.Unlock()
	local := time.Now()
	c := web.Credential{Key: r.config.Key, AppID: r.config.AppID, Kind: kind, API: r.config.API, State: r.state(local)}
	if r.reported.redis != "" {
		c.Notes = append(c.Notes, "Redis does not answer: "+r.reported.redis)
	}
	if r.seen.local.IsZero() {
		return c
	}
	s := r.seen.State
	rival := r.rival(local)
	if rival != "" {
		c.Notes = append(c.Notes, rival)
	}
	if s.Rivals > 1 && passed(s.RivalAt, r.seen.Now) < time.Hour {
		c.Notes = append(c.Notes, "somebody else keeps drawing tokens for this appid: find and stop them; wxtokend answers once in five minutes")
	}
	switch hold := r.seen.decision.hold; {
	case rival != "": // it is what is waited for
	case hold != "" && !r.policy.mint:
		c.Notes = append(c.Notes, "due, but this replica has mint: false: another one has to draw the token")
	case hold != "":
		c.Notes = append(c.Notes, "due, but waiting: "+hold)
	}
	if s.Force > 0 && (view{Observation: r.seen.Observation}).spent(r.policy) {
		c.Notes = append(c.Notes, "the day's forced refreshes are used up: until 00:00 UTC+8 the token is replaced in its turn only")
	}
	if local.Before(r.blind) {
		c.Notes = append(c.Notes, "WeChat's quota for questions about a token is used up: nobody notices whether it was replaced")
	}
	if r.reported.warning != "" {
		c.Notes = append(c.Notes, r.reported.warning)
	}
	at := dueAt(view{Observation: r.seen.Observation, barred: r.seen.barred}, r.policy, r.seen.decision)
	c.DueAt, c.Failures, c.Life = &at, s.Failures, s.Life
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

// Unready says why readers of this credential cannot rely on its key, "" if they can.
func (r *refresher) unready() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	local := time.Now()
	state, rival := r.state(local), r.rival(local)
	switch {
	case rival != "":
		return r.config.Key + ": " + rival
	case state == web.Fresh, state == web.Due:
		return ""
	case state == web.Unknown:
		return r.config.Key + ": unknown: no answer from Redis: " + r.reported.redis
	case r.seen.State.LastError != nil:
		return r.config.Key + ": " + string(state) + ": " + r.seen.State.LastError.Message
	}
	reason := r.config.Key + ": " + string(state)
	for _, why := range []string{r.seen.decision.hold, r.reported.warning} {
		if why != "" {
			reason += ": " + why
		}
	}
	return reason
}
