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

	stored  func()         // asks for a look soon: after a commit, or when another AppSecret is there
	passing func(Step)     // as in Options
	jitter  func() float64 // as in Options

	redisTimeout, mintTimeout time.Duration

	mu      sync.Mutex // guards all below; never held during I/O
	seen    sight
	acting  bool // something is being done for readers
	asking  bool // WeChat is asked about the token, or a report is deleted
	reading bool // the AppSecret's file
	own     *attempt

	memory memory
	asked  time.Time // by a person, as seen last
	secret string    // fingerprint of the AppSecret in use, as far as it matters
	tried  string    // fingerprint of the AppSecret that WeChat refused to this process
	barred time.Time // WeChat refuses this host's address until then, by its own clock

	cohabitant cohabitant
	told       told
}

// sight is the last good look with what was decided on it.
type sight struct {
	store.Observation
	decision decision
	local    time.Time // when it was made, by this host's monotonic clock; zero: never
}

// tick takes in an observation and starts what it calls for. It does not wait
// for it: spawn runs the action elsewhere.
func (r *refresher) tick(result store.Result, spawn func(func(context.Context))) {
	local := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.memory.tick(local, 3*r.policy.poll+2*r.redisTimeout)
	r.lookFailed(result.Err)
	if result.Err != nil {
		r.tellState(local)
		return
	}
	v := r.look(result.Observation, local)
	d := decide(v, r.policy)
	r.seen = sight{Observation: v.Observation, decision: d, local: local}
	r.tell(local)
	r.tellReport(v, d)
	own := r.own
	switch {
	case own != nil:
		r.start(&r.acting, spawn, func(ctx context.Context) { r.pursue(ctx, own) })
	case d.action != nothing:
		r.start(&r.acting, spawn, func(ctx context.Context) { r.act(ctx, v, d, spawn) })
	case d.ask || d.drop:
		r.start(&r.asking, spawn, func(ctx context.Context) { r.question(ctx, v, d) })
	}
	if s := v.State; s.LastError != nil && secretToBlame(wechat.Class(s.LastError.Class)) {
		r.start(&r.reading, spawn, r.readSecret)
	}
}

// start spawns what has its turn, unless the last one still runs. A question
// that WeChat leaves unanswered must not keep readers waiting for an action, so
// the two take turns of their own. Called with mu held.
func (r *refresher) start(turn *bool, spawn func(func(context.Context)), do func(context.Context)) {
	if *turn {
		return
	}
	*turn = true
	spawn(func(ctx context.Context) {
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			*turn = false
		}()
		do(ctx)
	})
}

// settle tries once more to end an attempt that WeChat has answered: this
// process will not be there for another tick.
func (r *refresher) settle(ctx context.Context) {
	r.mu.Lock()
	own := r.own
	r.mu.Unlock()
	if own != nil && (own.commit != nil || own.abort != nil) {
		r.pursue(ctx, own)
	}
}

// look completes an observation with what only this process knows.
func (r *refresher) look(o store.Observation, local time.Time) look {
	v := look{Observation: o, memory: r.memory.observe(o, local), secret: r.secret, tried: r.tried, barred: r.barred.Sub(local)}
	v.left = r.memory.left(o.State, local)
	r.cohabitant.meet(o, local)
	if !o.State.AskedAt.IsZero() && !o.State.AskedAt.Equal(r.asked) {
		r.asked, r.barred, v.barred = o.State.AskedAt, time.Time{}, 0
	}
	return v
}

// readSecret notices a changed AppSecret, where the old one was refused: that
// ends the wait. It is no part of a tick, as a file system may hang.
func (r *refresher) readSecret(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.redisTimeout)
	defer cancel()
	// An unreadable file is told of when a mint needs it.
	appSecret, _ := r.config.ReadSecret(ctx)
	r.mu.Lock()
	changed := r.secret != appSecret.Fingerprint()
	r.secret = appSecret.Fingerprint()
	r.mu.Unlock()
	if changed {
		r.stored()
	}
}

// act carries out a decision. What comes after it is decided already, and
// needs no other look: it fails if the world is not the one that it left.
func (r *refresher) act(ctx context.Context, v look, d decision, spawn func(func(context.Context))) {
	switch d.action {
	case reassert:
		r.passing(Reasserting)
		after, status, err := r.store.Reassert(ctx, r.slot, v.Observation)
		if !r.mended(status, err, d, v.State.Token) {
			return
		}
		v.Observation = after
		if d.next != "" {
			r.pursue(ctx, r.newAttempt(v, d.next, d))
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if d.ask || d.drop {
			r.start(&r.asking, spawn, func(ctx context.Context) { r.question(ctx, v, d) })
		}
	case restore:
		r.passing(Restoring)
		status, err := r.store.Restore(ctx, r.slot, v.Observation, *v.memory)
		if r.mended(status, err, d, v.memory.Token) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.seen.State.Token, r.seen.State.Life = v.memory.Token, v.memory.Life
			r.seen.State.ExpiresAt, r.seen.State.MintedAt = v.memory.ExpiresAt, v.memory.MintedAt
		}
	case mint:
		r.pursue(ctx, r.newAttempt(v, d.reason, d))
	}
}

// question deletes a report that calls for nothing, and asks WeChat.
func (r *refresher) question(ctx context.Context, v look, d decision) {
	if d.drop {
		r.discard(ctx, v)
	}
	if d.ask {
		r.verify(ctx, v)
	}
}

// mended tells of a token that was written back, and whether it was.
func (r *refresher) mended(status store.Status, err error, d decision, token secret.Token) bool {
	const what = "could not write the known token back"
	r.metrics.RedisOperation(metrics.OpRestore, err)
	if err != nil {
		r.warnOnce(what, err)
		return false
	}
	r.works(what)
	if status != store.Restored {
		return false
	}
	r.metrics.Restore(r.config.Key, metrics.Reason(d.reason))
	r.log.Info("wrote the known token back, without asking WeChat", "action", string(d.action), "reason", d.reason, "token", token)
	r.mu.Lock()
	defer r.mu.Unlock()
	// Readers have it from now on, and the next look comes in its turn: whoever
	// breaks the key in a loop would set the pace.
	r.seen.Value.Token = token
	return true
}
