package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
	"wxtokend/metrics"
)

// issuer is WeChat as the refresher sees it.
type issuer interface {
	Mint(ctx context.Context, r wechat.Request) (wechat.Grant, error)
	Verify(ctx context.Context, t secret.Token) error
}

// refresher keeps one credential fresh. Its ticks come from one goroutine;
// what a tick decides is carried out in another: at most one action at a time,
// and at most one question beside it.
type refresher struct {
	config  config.Credential
	policy  policy
	store   *store.Store
	slot    store.Credential
	wechat  issuer
	metrics *metrics.Metrics
	log     *slog.Logger

	stored  func()         // asks for a look before the next poll
	many    bool           // this is not the only credential
	passing func(Step)     // as in Options
	jitter  func() float64 // as in Options

	redisTimeout, mintTimeout time.Duration

	mu      sync.Mutex // guards all below; never held during I/O
	seen    sight
	latest  latest
	acting  bool // something is being done for readers
	asking  bool // a report is being taken, or WeChat asked about the token
	reading bool // the AppSecret's file
	own     *attempt

	memory  memory
	floor   floor
	asked   time.Time // by a person, as seen last
	mended  time.Time // last time the key was written back
	secret  string    // fingerprint of the AppSecret in use, as far as it matters
	tried   string    // fingerprint of the AppSecret that WeChat refused to this process
	barred  time.Time // this process does not mint before, by its own clock
	blind   time.Time // WeChat answers this process no verification before, by its own clock
	contest contest

	reported reported
}

// sight is the last good observation with what was decided on it.
type sight struct {
	store.Observation
	decision decision
	barred   time.Duration // as in view
	local    time.Time     // when it was made, by this host's monotonic clock; zero: never
}

// latest is the last good view with what is to be done about it. An action
// reads it when its turn comes, which may be some looks later.
type latest struct {
	view     view
	decision decision
}

// floor is what this process knows of the day's calls, should Redis forget it.
type floor struct {
	day   int64
	calls int
}

func (f *floor) raise(day int64, calls int) {
	if day > f.day {
		*f = floor{day: day}
	}
	if day == f.day {
		f.calls = max(f.calls, calls)
	}
}

// contest notices a second appid that lives under the same key. A changed
// configuration takes over at once; two daemons that both live would take it
// from each other for ever, so after the first time each waits an overlap.
type contest struct {
	owned bool      // our own state was seen under this key
	taken time.Time // when we last took it over, by this host's clock
	met   time.Time // when another appid was last found where ours had been
	rival string    // that appid
	host  string    // of the WeChat that its token comes from
}

// open says that two appids may still live under this key: the other one
// waits an overlap for its turn as well.
func (c *contest) open(local time.Time) bool { return c.rival != "" && local.Sub(c.met) < 2*overlap }

// observe answers whether to leave the key alone for now.
func (c *contest) observe(other string, mine bool, local time.Time) (rival bool) {
	if other != "" && c.owned {
		c.met, c.rival = local, other
	}
	rival = other != "" && c.owned && local.Sub(c.taken) < overlap
	switch {
	case mine:
		c.owned = true
	case other != "" && !rival:
		c.taken = local
	}
	return rival
}

// spawner runs an action elsewhere when its turn comes.
type spawner func(what errand, action func(context.Context))

// tick takes in an observation and starts what it calls for. It does not wait
// for it.
func (r *refresher) tick(result store.Result, spawn spawner) {
	local := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.memory.tick(local, 3*r.policy.poll+2*r.redisTimeout)
	r.reportRedis(result.Err)
	if result.Err != nil {
		r.publishState(local)
		return
	}
	v := r.look(result.Observation, local)
	d := due(v, r.policy)
	r.seen = sight{Observation: v.Observation, decision: d, barred: v.barred, local: local}
	r.publish(local)
	d.ask = d.ask && !local.Before(r.blind)
	r.latest = latest{v, d}
	r.start(&r.asking, r.toAsk, spawn, r.question)
	r.start(&r.acting, r.toAct, spawn, r.act)
	r.start(&r.reading, r.toRead, spawn, r.readSecret)
}

// toAct is what the next action needs, 0 if there is nothing to do. Called with
// mu held.
func (r *refresher) toAct() errand {
	switch action := r.latest.decision.action; {
	case r.own != nil && (r.own.commit != nil || r.own.abort != nil):
		return writing
	case r.own != nil, action == mint:
		return drawing
	case action != nothing:
		return writing
	}
	return 0
}

// toAsk is what the next question needs. Called with mu held.
func (r *refresher) toAsk() errand {
	switch d := r.latest.decision; {
	case r.own != nil, d.action == mint:
		return 0
	case d.ask:
		return asking
	case r.reportable(r.latest.view):
		return writing
	}
	return 0
}

// toRead is what noticing a changed AppSecret needs: that ends the wait after a
// failure that the old one caused. Called with mu held.
func (r *refresher) toRead() errand {
	if last := r.latest.view.State.LastError; last != nil && secretToBlame(wechat.Class(last.Class)) {
		return reading
	}
	return 0
}

// start spawns what has its turn, unless the last one still runs. A question
// that WeChat leaves unanswered must not keep readers waiting for an action, so
// the two take turns of their own. Called with mu held.
func (r *refresher) start(turn *bool, need func() errand, spawn spawner, do func(context.Context, errand)) {
	if *turn {
		return
	}
	what := need()
	if what == 0 {
		return
	}
	*turn = true
	spawn(what, func(ctx context.Context) {
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			*turn = false
		}()
		do(ctx, what)
	})
}

// unsettled is an attempt that WeChat has answered and Redis does not know of, nil
// if there is none. This process tries once more to end it before it ends itself.
func (r *refresher) unsettled() *attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own != nil && (r.own.commit != nil || r.own.abort != nil) {
		return r.own
	}
	return nil
}

// look completes an observation with what only this process knows.
func (r *refresher) look(o store.Observation, local time.Time) view {
	v := view{Observation: o, memory: r.memory.observe(o, local, r.policy.poll), secret: r.secret, tried: r.tried, barred: r.barred.Sub(local)}
	v.left = r.memory.left(o.State, local)
	v.contest = r.contest.observe(o.Other, o.State.AppID != "", local)
	if o.Other != "" {
		r.contest.host = o.OtherIssuer
	}
	if !o.State.AskedAt.IsZero() && !o.State.AskedAt.Equal(r.asked) {
		r.asked, r.barred, v.barred = o.State.AskedAt, time.Time{}, 0
	}
	if o.Lease == "" { // the call of an attempt under way may still be given back
		r.floor.raise(o.State.Day, o.State.Calls)
	}
	return v
}

// readSecret notices a changed AppSecret. It is no part of a tick, as a file
// system may hang.
func (r *refresher) readSecret(context.Context, errand) {
	// An unreadable file is reported when a mint needs it.
	appSecret, _ := r.config.ReadSecret()
	r.mu.Lock()
	changed := r.secret != appSecret.Fingerprint()
	r.secret = appSecret.Fingerprint()
	r.mu.Unlock()
	if changed {
		r.stored()
	}
}

// act carries out the newest decision, unless it has become another errand
// than the one whose turn it is. An attempt without a definite answer comes
// before anything new: two at a time would be two mints.
func (r *refresher) act(ctx context.Context, what errand) {
	r.mu.Lock()
	v, d, own, now := r.latest.view, r.latest.decision, r.own, r.toAct()
	r.mu.Unlock()
	switch {
	case now != what:
	case own != nil:
		r.pursue(ctx, own)
	case d.action == reassert:
		r.passing(Reasserting)
		status, err := r.store.Reassert(ctx, r.slot, v.Observation)
		r.restored(status, err, d, v.State.Token)
	case d.action == restore:
		r.passing(Restoring)
		status, err := r.store.Restore(ctx, r.slot, v.Observation, *v.memory)
		r.restored(status, err, d, v.memory.Token)
	case d.action == mint:
		r.pursue(ctx, r.newAttempt(v, d))
	}
}

// question takes a report and asks WeChat: both, or readers who report without
// a pause would keep the answer away.
func (r *refresher) question(ctx context.Context, what errand) {
	r.mu.Lock()
	v := r.latest.view
	r.mu.Unlock()
	if r.reportable(v) {
		r.takeReport(ctx, v)
	}
	if what == asking {
		r.verify(ctx, v)
	}
}

func (r *refresher) restored(status store.Status, err error, d decision, token secret.Token) {
	r.metrics.RedisOperation(metrics.OpRestore, err)
	switch {
	case err != nil:
		r.warnOnce("could not write the known token back", err)
	case status == store.Restored:
		r.metrics.Restore(r.config.Key, metrics.Reason(d.reason))
		r.log.Info("wrote the known token back, without asking WeChat", "action", string(d.action), "reason", d.reason, "token", token)
		r.lookAfterMending(d.next)
	}
}

// lookAfterMending makes the daemon ready before the next poll; once a poll,
// or somebody who breaks the key in a loop would set the pace, unless a mint
// waits for it: at the next poll the key may be broken again.
func (r *refresher) lookAfterMending(mintNext bool) {
	r.mu.Lock()
	soon := mintNext || time.Since(r.mended) > r.policy.poll
	r.mended = time.Now()
	r.mu.Unlock()
	if soon {
		r.stored()
	}
}
