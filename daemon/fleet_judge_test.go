package daemon

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
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
	meddled bool // the test itself has just changed something
	begun   string
	endless time.Time                 // since when the key has had no end, zero while it has one
	newest  map[wechatsim.Channel]int // place of the fleet's own newest token that readers got
	outage  *outage
	bad     time.Time // since when readers have got no good token, zero while they do
	outages []outage

	issues  map[secret.Token]int // by place in the log
	log     []wechatsim.Issue
	origins []origin // of each in the log
	// By the port that each was made from.
	calls map[string]call

	spent, remembered map[int64]int // calls by day, and those since Redis forgot something

	trouble  time.Time // the end of all faults so far
	forgot   time.Time // when Redis last lost a lease or a state, or its clock moved
	handsOff time.Time // until then a newer version's state was left alone, and its token not verified
	skewed   time.Time // until then a token of another clock may live on in Redis
	cached   struct{ reads, refused int }

	mirrors   mirrors
	residents []*resident
}

// glance is what lies in Redis at one instant.
type glance struct {
	value string
	token secret.Token
	ttl   time.Duration
	state map[string]string
	lease string
}

// outage is a time in which readers got nothing, or a token that WeChat refuses.
type outage struct {
	refused    bool
	token      secret.Token
	cause      cause // of a refusal
	said       bool  // that it is too long
	start, end time.Time
}

func newJudge(f *fleet) *judge {
	return &judge{f: f, lastAt: time.Now(), trouble: time.Now(), issues: map[secret.Token]int{}, calls: map[string]call{},
		newest: map[wechatsim.Channel]int{}, spent: map[int64]int{}, remembered: map[int64]int{},
		mirrors: newMirrors(), residents: residents()}
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

// acquit fails the test with whatever went wrong.
func (f *fleet) acquit(t *testing.T) {
	t.Helper()
	if broken := f.judge.violations(); len(broken) > 0 {
		t.Errorf("%s\nhow it came to this:\n%s", strings.Join(broken, "\n"), f.ending())
	}
}

// glance reads what a reader reads, and what the daemons wrote about it.
func (s *redisServer) glance() glance {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	g := glance{state: map[string]string{}}
	g.value, _ = s.f.redis.Get(testKey)
	g.ttl = s.f.redis.TTL(testKey)
	g.token = layout.Decode(g.value)
	g.lease, _ = s.f.redis.Get("{" + testKey + "}:lease")
	g.lease, _, _ = strings.Cut(g.lease, ":")
	for _, field := range []string{"next_attempt_at", "begun_at", "token", "schema", "generation", "settled", "force"} {
		g.state[field] = s.f.redis.HGet("{"+testKey+"}:state", field)
	}
	return g
}

// look judges the time since the last look.
func (j *judge) look() {
	g, now := j.f.server.glance(), time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mirror(g, now)
	j.fence(g, now)
	j.order(g)
	j.spacing(g)
	j.lifetime(g, now)
	if schema, _ := strconv.Atoi(g.state["schema"]); schema > store.Schema {
		j.handsOff = now
	}
	j.served(g, now)
	j.reside(now)
	j.last, j.lastAt = g, now
}

// served: readers get a token that WeChat accepts, or soon do again.
func (j *judge) served(g glance, now time.Time) {
	accepted := g.token != "" && j.f.wechat.Accepts(testAppID, string(g.token))
	if o := j.outage; o != nil && (accepted || o.token != g.token) {
		o.end = j.lastAt
		if d := o.end.Sub(o.start); d > time.Second {
			j.f.tell("readers got %q for %v %s", o.token.Fingerprint(), d, o.cause)
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
	if limit := j.limit(g); now.After(limit) && !j.outage.said {
		what := "nothing"
		if g.token != "" {
			what = fmt.Sprintf("the refused token %s (%s)", g.token.Fingerprint(), j.outage.cause)
		}
		j.fail("readers got %s from %v on, for longer than until %v (trouble ended %v)", what,
			j.bad.Sub(j.f.begin), limit.Sub(j.f.begin), j.trouble.Sub(j.f.begin))
		j.outage.said = true
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
	return j.f.longestLease() + 2*j.f.plan.poll + c.WeChat.Timeout + 11*time.Second
}

// suffer notes a fault that lasts d.
func (j *judge) suffer(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.trouble = later(j.trouble, time.Now().Add(d))
}

// clockMoves is told of a step of the clock of Redis. After one back only the
// processes that saw the token before know when it ends. One ahead can end a
// wait: the fleet has its time from then on.
func (j *judge) clockMoves(by time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.trouble = later(j.trouble, time.Now())
	if by < 0 {
		j.skewed = time.Now().Add(j.f.life - by)
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
