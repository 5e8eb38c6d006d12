package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
	"wxtokend/daemon/wechatsim"
)

// judge watches what readers get, and asks the only oracle that counts. It
// looks before each command that Redis carries out. That is enough to see all:
// a token that WeChat refuses is never accepted again, so whatever readers got
// between two commands, they still get at the second.
type judge struct {
	f *fleet

	mu      sync.Mutex
	broken  []string // what must not happen and did
	last    glance
	lastAt  time.Time
	commit  *fenced
	begun   string
	outage  *outage
	bad     time.Time // since when readers have got no good token, zero while they do
	outages []outage
	issues  map[secret.Token]int // by place in the list of issues
	log     []wechatsim.Issue

	trouble time.Time // the end of all faults so far
	doubt   time.Time // until then only verification may notice that a token is dead
	lost    time.Time // when Redis last lost something, or its clock moved
	skewed  time.Time // until then a token of another clock may live on in Redis
	cached  struct{ reads, refused int }
}

// glance is what lies in Redis at one instant.
type glance struct {
	value string
	token secret.Token
	ttl   time.Duration
	state map[string]string
	lease string
}

// fenced is a commit on its way: only the holder of the lease may change what
// readers get.
type fenced struct{ attempt, lease, value string }

// outage is a time in which readers got nothing, or a token that WeChat refuses.
type outage struct {
	refused    bool
	token      secret.Token
	start, end time.Time
}

func newJudge(f *fleet) *judge {
	return &judge{f: f, lastAt: time.Now(), trouble: time.Now(), issues: map[secret.Token]int{}}
}

// fail records the first few things that went wrong; called with the lock held.
func (j *judge) fail(format string, args ...any) {
	if len(j.broken) < 5 {
		j.broken = append(j.broken, j.f.clock()+"  "+fmt.Sprintf(format, args...))
	}
}

// accuse is fail for whoever does not hold the lock.
func (j *judge) accuse(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail(format, args...)
}

// ended is when the last fault ends.
func (j *judge) ended() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.trouble
}

// violations is what went wrong so far.
func (j *judge) violations() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.broken...)
}

// glance reads what a reader reads, and what the daemons wrote about it.
func (s *redisServer) glance() glance {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	g := glance{state: map[string]string{}}
	g.value, _ = s.f.redis.Get(testKey)
	g.ttl = s.f.redis.TTL(testKey)
	g.token = store.DecodeValue(g.value)
	g.lease, _ = s.f.redis.Get("{" + testKey + "}:lease")
	g.lease, _, _ = strings.Cut(g.lease, ":")
	for _, field := range []string{"next_attempt_at", "begun_at"} {
		g.state[field] = s.f.redis.HGet("{"+testKey+"}:state", field)
	}
	return g
}

// look judges the time since the last look.
func (j *judge) look() {
	g, now := j.f.server.glance(), time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fence(g)
	j.spacing(g)
	j.lifetime(g, now)
	j.served(g, now)
	j.last, j.lastAt = g, now
}

// touched is look after the test itself changed something: nobody is to blame.
func (j *judge) touched() {
	j.mu.Lock()
	j.commit, j.lost = nil, time.Now()
	j.begun = ""
	j.mu.Unlock()
	j.look()
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
	j.commit = &fenced{attempt: a.Attempt, lease: j.last.lease, value: j.last.value}
}

// fence: a process that lost its lease never changes the key.
func (j *judge) fence(g glance) {
	if c := j.commit; c != nil && g.value != c.value && c.attempt != c.lease && g.token != "" {
		j.fail("attempt %s wrote the key, the lease was held by %q", c.attempt, c.lease)
	}
	j.commit = nil
}

// spacing: two begins are never in one breath.
func (j *judge) spacing(g glance) {
	begun := g.state["begun_at"]
	if begun != j.begun && j.begun != "" && begun != "" {
		if gap := milliseconds(begun).Sub(milliseconds(j.begun)); gap >= 0 && gap < j.f.config.Refresh.BackoffMin {
			j.fail("two begins %v apart", gap)
		}
	}
	j.begun = begun
}

func milliseconds(text string) time.Time {
	ms, _ := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms)
}

// lifetime: the key never outlives its token.
func (j *judge) lifetime(g glance, now time.Time) {
	i, known := j.issue(g.token)
	if !known || g.ttl <= 0 || now.Sub(j.lost) < j.f.life {
		return
	}
	if over := now.Add(g.ttl).Sub(j.log[i].ExpiresAt); over > time.Millisecond {
		j.fail("the key outlives its token %s by %v", g.token.Fingerprint(), over)
	}
}

func (j *judge) issue(token secret.Token) (place int, known bool) {
	if token == "" {
		return 0, false
	}
	if _, known = j.issues[token]; !known {
		j.log = j.f.wechat.Issued()
		for i, issue := range j.log {
			j.issues[issue.Token] = i
		}
	}
	place, known = j.issues[token]
	return place, known
}

// served: readers get a token that WeChat accepts, or soon do again.
func (j *judge) served(g glance, now time.Time) {
	accepted := g.token != "" && j.f.wechat.Accepts(testAppID, string(g.token))
	if o := j.outage; o != nil && (accepted || o.token != g.token) {
		o.end = j.lastAt
		if d := o.end.Sub(o.start); d > time.Second {
			j.f.tell("readers got %q for %v", o.token.Fingerprint(), d)
		}
		j.outages, j.outage = append(j.outages, *o), nil
	}
	if accepted {
		j.bad = time.Time{}
		return
	}
	if j.outage == nil {
		j.outage = &outage{refused: g.token != "", token: g.token, start: j.since(g, now)}
	}
	if j.bad.IsZero() {
		j.bad = j.outage.start
	}
	if limit := j.limit(g); now.After(limit) {
		what := "nothing"
		if g.token != "" {
			what = "the refused token " + g.token.Fingerprint()
		}
		j.fail("readers got %s from %v on, for longer than until %v (trouble ended %v)", what,
			j.bad.Sub(j.f.begin), limit.Sub(j.f.begin), j.trouble.Sub(j.f.begin))
		j.bad = now.Add(24 * time.Hour) // said once
	}
}

// since is when readers began to feel what g shows.
func (j *judge) since(g glance, now time.Time) time.Time {
	switch i, known := j.issue(g.token); {
	case !known && j.last.ttl > 0 && g.token == "":
		return j.lastAt.Add(min(j.last.ttl, now.Sub(j.lastAt)))
	case !known:
		return j.lastAt
	default:
		if died := j.death(i); died.After(j.lastAt) && died.Before(now) {
			return died
		}
		return j.lastAt
	}
}

// death is when WeChat stopped accepting the token of an issue, worked out
// from the list of issues and the published rules alone.
func (j *judge) death(i int) time.Time {
	j.log = j.f.wechat.Issued()
	died, newer := j.log[i].ExpiresAt, 0
	for _, issue := range j.log[i+1:] {
		if issue.Channel != j.log[i].Channel {
			continue
		}
		if newer++; newer == 1 {
			died = earlier(died, issue.At.Add(overlap))
		} else {
			return earlier(died, issue.At)
		}
	}
	return died
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// heal is the promise: lease, poll, a mint, and the connections that it takes.
// With the defaults it is 50 s.
func (j *judge) heal() time.Duration {
	c := j.f.config
	return c.Refresh.Lease + 2*j.f.plan.poll + c.WeChat.Timeout + 11*time.Second
}

// limit is until when the fleet must have mended what readers feel now.
func (j *judge) limit(g glance) time.Time {
	at := later(j.bad, j.trouble)
	waits := later(milliseconds(g.state["next_attempt_at"]).Add(-j.f.server.skewed()), j.f.barred())
	at = later(at, earlier(waits, at.Add(j.f.longestWait())))
	if j.outage.refused && j.f.plan.api == "stable" && !j.f.did("somebody forces") && !j.f.did("person forces") && j.outage.start.After(j.skewed) {
		return j.outage.start // never
	}
	if j.outage.refused && at.Before(j.doubt) {
		return at.Add(j.heal() + j.f.config.Refresh.VerifyEvery + 4*j.f.plan.poll)
	}
	return at.Add(j.heal())
}

// longestWait is what the failures that were injected may ask for at most,
// jitter included; the daemons' own word for it is not taken.
func (f *fleet) longestWait() time.Duration {
	wait := f.config.Refresh.BackoffMax
	if f.did("secret rotated") || f.did("address barred") || f.did("wechat rate") {
		wait *= 2
	}
	if f.did("quota exhausted") {
		wait = time.Hour
	}
	return wait * 6 / 5
}

// skewed is how far the clock of Redis is ahead of everybody's.
func (s *redisServer) skewed() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.skew
}

// barred is until when no process at all may ask WeChat, zero if one may.
func (f *fleet) barred() time.Time {
	var first time.Time
	for _, m := range f.members {
		d := m.current.Load()
		if d == nil {
			continue
		}
		r := d.refreshers[0]
		r.mu.Lock()
		barred := r.barred
		r.mu.Unlock()
		if !barred.After(time.Now()) {
			return time.Time{}
		}
		if first.IsZero() || barred.Before(first) {
			first = barred
		}
	}
	return first
}

// suffer notes a fault that lasts d, and whether it may leave a dead token
// that nothing but verification finds.
func (j *judge) suffer(d time.Duration, doubtful bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	end := time.Now().Add(d)
	j.trouble = later(j.trouble, end)
	if doubtful {
		j.doubt = later(j.doubt, end.Add(j.f.life))
	}
}

// clockMoves is told of a step of the clock of Redis. After one back only the
// processes that saw the token before know when it ends.
func (j *judge) clockMoves(by time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if by < 0 {
		j.skewed = time.Now().Add(j.f.life)
	}
}

// remember is a reader that reads now and uses the token after d.
func (j *judge) remember(d time.Duration) {
	token := j.f.server.glance().token
	if token == "" {
		return
	}
	time.AfterFunc(d, func() {
		accepted := j.f.wechat.Accepts(testAppID, string(token))
		j.mu.Lock()
		defer j.mu.Unlock()
		j.cached.reads++
		if !accepted {
			j.cached.refused++
		}
	})
}

// bystander sits between a daemon and WeChat.
type bystander struct {
	issuer
	m *member
	r *refresher
}

// Mint sees that no call is made without the lease.
func (b bystander) Mint(ctx context.Context, r wechat.Request) (wechat.Grant, error) {
	b.r.mu.Lock()
	own := b.r.own
	b.r.mu.Unlock()
	g := b.m.fleet.server.glance()
	if ctx.Err() == nil && own != nil && g.lease != own.begin.Attempt {
		j := b.m.fleet.judge
		j.mu.Lock()
		if j.lost.Before(own.begun) {
			j.fail("a call without the lease: attempt %s, held by %q", own.begin.Attempt, g.lease)
		}
		j.mu.Unlock()
	}
	if late := time.Duration(b.m.oversleep.Swap(0)); late > 0 {
		time.Sleep(late)
		overslept, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		ctx = overslept
	}
	grant, err := b.issuer.Mint(ctx, r)
	if err == nil {
		b.m.fleet.granted.Add(1)
	}
	return grant, err
}
