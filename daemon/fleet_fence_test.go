package daemon

import (
	"encoding/json"
	"strconv"
	"time"
)

// fenced is a commit on its way: only the holder of the lease may change what
// readers get.
type fenced struct {
	attempt, lease, value string
	// When it was sent, and so runs.
	at time.Time
}

// scripted is told of a script that is about to run.
func (j *judge) scripted(argument string) {
	var a struct {
		Attempt string `json:"attempt"`
	}
	if !isCommit([]byte(argument)) || json.Unmarshal([]byte(argument), &a) != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.commit = &fenced{attempt: a.Attempt, lease: j.last.lease, value: j.last.value, at: time.Now()}
}

// fence: a process that lost its lease never changes the key, and while one is
// held nobody else changes which token is stored.
func (j *judge) fence(g glance, now time.Time) {
	c, meddled := j.commit, j.meddled
	changed := g.value != j.last.value || g.state["token"] != j.last.state["token"]
	if c != nil && (changed || now.After(c.at)) {
		// Until then another script may run before it, which came in the same instant.
		j.commit = nil
	}
	j.meddled = false
	switch {
	case meddled: // nobody is to blame
	case c == nil && g.state["token"] != j.last.state["token"] && j.last.lease != "":
		j.fail("another token was stored while %q held the lease", j.last.lease)
	case c != nil && g.value != c.value && c.attempt != c.lease && (g.token != "" || j.last.ttl > now.Sub(j.lastAt)):
		j.fail("attempt %s changed the key, the lease was held by %q", c.attempt, c.lease)
	}
}

// order: nothing stale is written. Of the fleet's own tokens readers never get
// one again that an older one of the same channel replaces.
func (j *judge) order(g glance) {
	i, known := j.issue(g.token)
	if !known || j.log[i].Reason == rogue {
		return
	}
	channel := j.log[i].Channel
	if newest, some := j.newest[channel]; some && i < newest {
		j.fail("the older token %s was written over %s", g.token.Fingerprint(), j.log[newest].Token.Fingerprint())
	}
	j.newest[channel] = i
}

// spacing: two begins are never in one breath.
func (j *judge) spacing(g glance) {
	begun := g.state["begun_at"]
	if begun != j.begun && j.begun != "" && begun != "" {
		if gap := milliseconds(begun).Sub(milliseconds(j.begun)); gap >= 0 && gap < j.f.config.Refresh.BackoffMin {
			j.fail("two begins %v apart", gap)
		}
		if j.needless(j.last) {
			j.fail("a needless refresh of %s", j.last.token.Fingerprint())
		}
	}
	j.begun = begun
}

// needless: readers got a good token that is not due yet, no mint was
// outstanding, and nobody had asked for one.
func (j *judge) needless(g glance) bool {
	i, known := j.issue(g.token)
	if !known || g.state["token"] != string(g.token) || g.state["generation"] != g.state["settled"] ||
		g.state["force"] > "0" {
		return false
	}
	for _, m := range j.mirrors.all {
		if m.token != "" && m.place < 0 {
			// A target has what an app or a failover put there: it looks like an outside
			// draw to whoever does not know the token, and is answered.
			return false
		}
	}
	return !j.f.server.clockMoved() && j.f.wechat.Accepts(testAppID, string(g.token)) &&
		j.log[i].ExpiresAt.Sub(j.lastAt) > j.f.ahead()+j.f.longestLease() // counted from the begin
}

func milliseconds(text string) time.Time {
	ms, _ := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms)
}

// lifetime: the key never outlives its token. A clock of Redis that goes back
// gives a key more life, until a process that knows better has seen it.
func (j *judge) lifetime(g glance, now time.Time) {
	i, known := j.issue(g.token)
	if !known || now.Before(j.skewed) {
		j.endless = time.Time{}
		return
	}
	if g.ttl > 0 {
		j.endless = time.Time{}
		if over := now.Add(g.ttl).Sub(j.log[i].ExpiresAt); over > time.Millisecond {
			j.fail("the key outlives its token %s by %v", g.token.Fingerprint(), over)
		}
		return
	}
	if j.endless.IsZero() {
		j.endless = now
	}
	if over := now.Sub(later(j.endless, j.trouble).Add(j.heal())); over > 0 {
		j.fail("the key never ends, and nobody has mended that for %v", now.Sub(j.endless))
		j.endless = now.Add(24 * time.Hour) // said once
	}
}

// spend counts a day's calls, or one that never left. There are never more than
// daily_limit, but Redis may forget those that were counted before.
func (j *judge) spend(b begun, calls int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	day := b.day
	j.spent[day] += calls
	if b.at.After(j.forgot) {
		j.remembered[day] += calls
	}
	if limit := j.f.plan.limit; limit > 0 && j.remembered[day] > limit {
		j.fail("%d calls in a day, the limit is %d", j.remembered[day], limit)
	}
}

// touched is look after the test itself changed something, or even had Redis
// forget more than what readers read.
func (j *judge) touched(forgets bool) {
	j.mu.Lock()
	j.meddled = true
	if forgets {
		j.forgot, j.begun = time.Now(), ""
		clear(j.newest)
		clear(j.remembered)
		for _, m := range j.mirrors.all {
			m.place = -1
		}
	}
	j.mu.Unlock()
	j.look()
}
