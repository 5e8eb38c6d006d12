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
	many    bool           // this is not the only credential
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
	unlike     unlike
	told       told
}

// sight is the last good look with what is to be done about it. An action reads
// it when its turn comes, which may be some looks later.
type sight struct {
	look
	decision decision
	local    time.Time // when it was made, by this host's monotonic clock; zero: never
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
	r.lookFailed(result.Err)
	if result.Err != nil {
		r.tellState(local)
		return
	}
	v := r.look(result.Observation, local)
	r.seen = sight{v, decide(v, r.policy), local}
	r.tell(local)
	r.startAll(spawn)
}

// startAll starts what the last look calls for. Called with mu held.
func (r *refresher) startAll(spawn spawner) {
	r.start(&r.acting, r.toAct, spawn, r.act)
	r.start(&r.asking, r.toAsk, spawn, r.question)
	r.start(&r.reading, r.toRead, spawn, r.readSecret)
}

// toAct is what the next action needs, 0 if there is nothing to do. Called with
// mu held.
func (r *refresher) toAct() errand {
	switch action := r.seen.decision.action; {
	case r.own != nil && (r.own.commit != nil || r.own.abort != nil):
		return writing
	case r.own != nil, action == mint:
		return drawing
	case action != nothing:
		return writing
	}
	return 0
}

// toAsk is what the next question needs: it comes after an action, which changes
// what it is about. Called with mu held.
func (r *refresher) toAsk() errand {
	switch d := r.seen.decision; {
	case r.own != nil, d.action != nothing:
		return 0
	case d.ask:
		return asking
	case d.drop:
		return writing
	}
	return 0
}

// toRead is what noticing a changed AppSecret needs: that ends the wait after a
// failure that the old one caused. Called with mu held.
func (r *refresher) toRead() errand {
	if last := r.seen.State.LastError; last != nil && secretToBlame(wechat.Class(last.Class)) {
		return reading
	}
	return 0
}

// start spawns what has its turn, unless the last one still runs. A question
// that WeChat leaves unanswered must not keep readers waiting for an action, so
// the two take turns of their own. What do changed may call for more at once.
// Called with mu held.
func (r *refresher) start(turn *bool, need func() errand, spawn spawner, do func(context.Context, errand) (more bool)) {
	what := need()
	if *turn || what == 0 {
		return
	}
	*turn = true
	spawn(what, func(ctx context.Context) {
		more := false
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			*turn = false
			if more {
				r.startAll(spawn)
			}
		}()
		more = do(ctx, what)
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
func (r *refresher) look(o store.Observation, local time.Time) look {
	v := look{Observation: o, memory: r.memory.observe(o, local), secret: r.secret, tried: r.tried, barred: r.barred.Sub(local)}
	v.left = r.memory.left(o.State, local)
	r.cohabitant.meet(o, local)
	r.unlike.meet(o, r.config.API, local)
	if !o.State.AskedAt.IsZero() && !o.State.AskedAt.Equal(r.asked) {
		r.asked, r.barred, v.barred = o.State.AskedAt, time.Time{}, 0
	}
	return v
}

// readSecret notices a changed AppSecret, where the old one was refused: that
// ends the wait. It is no part of a tick, as a file system may hang.
func (r *refresher) readSecret(ctx context.Context, _ errand) (more bool) {
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
	return false
}

// act carries out the newest decision, unless it has become another errand
// than the one whose turn it is. An attempt without a definite answer comes
// before anything new: two at a time would be two mints.
func (r *refresher) act(ctx context.Context, what errand) (more bool) {
	r.mu.Lock()
	v, d, own, now := r.seen.look, r.seen.decision, r.own, r.toAct()
	r.mu.Unlock()
	switch {
	case now != what:
	case own != nil:
		r.pursue(ctx, own)
	case d.action == mint:
		r.pursue(ctx, r.newAttempt(v, d))
	case d.action == reassert:
		r.passing(Reasserting)
		after, status, err := r.store.Reassert(ctx, r.slot, v.Observation)
		return r.mended(status, err, d, after)
	case d.action == restore:
		r.passing(Restoring)
		after, status, err := r.store.Restore(ctx, r.slot, v.Observation, *v.memory)
		return r.mended(status, err, d, after)
	}
	return false
}

// question deletes a report that calls for nothing, and asks WeChat.
func (r *refresher) question(ctx context.Context, what errand) (more bool) {
	r.mu.Lock()
	v, d := r.seen.look, r.seen.decision
	r.mu.Unlock()
	if d.drop {
		r.discard(ctx, v)
	}
	if d.ask && what == asking {
		r.verify(ctx, v)
	}
	return false
}

// mended takes in what readers get after the known token was written back. What
// comes next is decided already and needs no other look, as it fails if the
// world is not the one that was left; and a look would let whoever breaks the
// key in a loop set the pace.
func (r *refresher) mended(status store.Status, err error, d decision, after store.Observation) (more bool) {
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
	r.log.Info("wrote the known token back, without asking WeChat", "action", string(d.action), "reason", d.reason, "token", after.State.Token)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.decision != d {
		// Another look has come meanwhile.
		return false
	}
	r.seen.Observation, r.seen.decision.action = after, nothing
	if d.next != "" {
		r.seen.decision.action, r.seen.decision.reason = mint, d.next
	}
	return true
}
