// Package keeper keeps one credential fresh.
//
// A look at Redis is taken in by [Keeper.Take]: decide says what it calls for,
// without a clock, a memory or a side effect of its own, and hold.go has all
// that a mint can wait for. What is called for is carried out elsewhere, at most
// one action and one question at a time. A mint is an attempt in four steps:
//
//	begin → draw → commit, or abort
//
// Step says what is true if the process dies before each of them. What is known
// besides Redis, such as the token to restore, is in memory.go, what people were
// told in told.go, what they are shown in status.go.
//
// A mint is the whole of an attempt, a draw the call to WeChat within it. A mark
// is a mint whose token may have been lost, and whoever finds one mints again. To
// watch is to verify more often while something is in doubt. A bar is WeChat not
// letting this host's address in. A wish is a person's, a report a reader's. A
// target is where readers look besides the key, and its mirrors are the entries
// there. An outside draw is somebody else's for our account.
package keeper

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// Options are what a keeper works with.
type Options struct {
	Spec credential.Spec
	Kind credential.Kind
	// Parent is the credential whose token each draw needs; nil where Traits.Parent is "".
	Parent  Parent
	Store   *store.Store
	Herald  *Herald
	Causes  *Causes
	Metrics *metrics.Metrics
	Log     *slog.Logger

	// LookSoon asks for a look before the next poll.
	LookSoon func()
	// Many says that this is not the only credential.
	Many bool
	// Passing is told of each Step before it is taken, and of the attempt if it
	// belongs to one; it may delay the step.
	Passing func(s Step, attempt string)
	// Jitter spreads waits: numbers in [0,1), asked for by several goroutines.
	Jitter func() float64
	// RedisTimeout bounds one operation of Redis, CallTimeout one call to the platform.
	RedisTimeout, CallTimeout time.Duration
}

// Parent is a credential whose token others are drawn with. A Keeper is one.
type Parent interface {
	// Lend returns its token, "" if there is none now, and until when it may be used.
	Lend() (token secret.Token, until time.Time)
	// Wish brings a report to Redis, as a reader's.
	Wish(ctx context.Context, wish Wish) (status store.Status, message string, err error)
}

// Keeper keeps one credential fresh. Its looks come from one goroutine; what a
// look calls for is carried out in others: at most one action at a time, and at
// most one question beside it.
type Keeper struct {
	policy  policy
	kind    credential.Kind
	parent  Parent
	store   *store.Store
	herald  *Herald
	causes  *Causes
	metrics *metrics.Metrics
	log     *slog.Logger

	lookSoon func()
	many     bool
	passing  func(s Step, attempt string)
	jitter   func() float64

	redisTimeout, callTimeout time.Duration

	// Guards all below; never held during I/O.
	mu   sync.Mutex
	seen sight
	// Something is being done for readers.
	acting bool
	// WeChat is asked about the token, or a report is deleted.
	asking bool
	// The AppSecret's file.
	reading bool
	// The user of Redis may only read: nothing is repaired from here.
	readOnly bool
	// Nothing more begins.
	leaving bool
	own     *attempt

	// Targets in Redis are written, and files are looked after.
	mirroring, filing bool
	targets           targets

	memory memory
	// When a person last asked for a refresh, as of the last look: a later time lifts the bar.
	asked time.Time
	// Fingerprint of the AppSecret in use; read only while the last failure blames it.
	secret string
	// Fingerprint of the AppSecret that WeChat refused to this process.
	tried string
	// WeChat refuses this host's address until then, by this host's clock.
	barred time.Time

	cohabitant cohabitant
	unlike     unlike
	told       told
}

// New returns a keeper that has seen nothing yet.
func New(o Options) *Keeper {
	return &Keeper{
		policy: policy{o.Spec}, kind: o.Kind, parent: o.Parent, store: o.Store, herald: o.Herald,
		causes: o.Causes, metrics: o.Metrics,
		log:      o.Log.With("key", o.Spec.Keys.Value, "appid", o.Spec.Name),
		lookSoon: o.LookSoon, many: o.Many, passing: o.Passing, jitter: o.Jitter,
		redisTimeout: o.RedisTimeout, callTimeout: o.CallTimeout,
		told: told{failing: map[any]failing{}}, targets: newTargets(o.Spec.Targets),
	}
}

// Spec is the credential as it is configured.
func (k *Keeper) Spec() credential.Spec { return k.policy.Spec }

// sight is the last good look with what is to be done about it. An action reads
// it when its turn comes, which may be some looks later.
type sight struct {
	look
	decision decision
	// When it was made, by this host's monotonic clock; zero: never.
	local time.Time
}

// Take takes in an observation and starts what it calls for. It does not wait
// for it.
func (k *Keeper) Take(result store.Result, spawn Spawner) {
	local, orphan := time.Now(), k.parent != nil && k.parentsToken() == ""
	k.mu.Lock()
	defer k.mu.Unlock()
	k.memory.tick(local, 3*k.policy.Poll+2*k.redisTimeout)
	k.lookFailed(result.Err)
	if result.Err != nil {
		k.tellState(local)
		k.start(&k.filing, k.toFile, spawn, k.assertFiles)
		return
	}
	v := k.look(result.Observation, local)
	v.orphan, v.drawn = orphan, k.see(result.Mirrors, v)
	k.seen = sight{v, decide(v, k.policy), local}
	k.tell(local)
	k.startAll(spawn)
}

// parentsToken is what a draw is made with, "" if there is none now.
func (k *Keeper) parentsToken() secret.Token {
	token, _ := k.parent.Lend()
	return token
}

// Settle tries once more to end an attempt that the platform has answered and
// Redis does not know of: this process will not be there for another look.
func (k *Keeper) Settle(ctx context.Context) {
	k.mu.Lock()
	own := k.own
	k.mu.Unlock()
	if own != nil && own.answered() {
		k.pursue(ctx, own)
	}
}

// look completes an observation with what only this process knows.
func (k *Keeper) look(o store.Observation, local time.Time) look {
	v := look{
		Observation: o, memory: k.memory.observe(o, local), readOnly: k.readOnly,
		secret: k.secret, tried: k.tried, barred: k.barred.Sub(local),
	}
	v.left = k.memory.left(o.State, local)
	k.cohabitant.meet(o, local, k.policy.Overlap)
	k.unlike.meet(o, k.policy.Spec, local)
	if !o.State.AskedAt.IsZero() && !o.State.AskedAt.Equal(k.asked) {
		k.asked, k.barred, v.barred = o.State.AskedAt, time.Time{}, 0
	}
	return v
}

// readSecret notices a changed AppSecret, where the old one was refused: that
// ends the wait. It is no part of a tick, as a file system may hang.
func (k *Keeper) readSecret(ctx context.Context, _ Errand) (more bool) {
	ctx, cancel := context.WithTimeout(ctx, k.redisTimeout)
	defer cancel()
	// An unreadable file is told of when a mint needs it.
	appSecret, _ := k.policy.Secret(ctx)
	k.mu.Lock()
	changed := k.secret != appSecret.Fingerprint()
	k.secret = appSecret.Fingerprint()
	k.mu.Unlock()
	if changed {
		k.lookSoon()
	}
	return false
}

// act carries out the newest decision, unless it has become another Errand
// than the one whose turn it is. An attempt without a definite answer comes
// before anything new: two at a time would be two mints.
func (k *Keeper) act(ctx context.Context, what Errand) (more bool) {
	k.mu.Lock()
	v, d, own, now := k.seen.look, k.seen.decision, k.own, k.toAct()
	k.mu.Unlock()
	switch {
	case now != what:
	case own != nil:
		k.pursue(ctx, own)
	case d.action == mint:
		k.pursue(ctx, k.newAttempt(v, d))
	case d.action == reassert:
		k.passing(Reasserting, "")
		after, status, err := k.store.Reassert(ctx, k.policy.Slot, v.Observation)
		return k.mended(status, err, d, after)
	case d.action == restore:
		k.passing(Restoring, "")
		after, status, err := k.store.Restore(ctx, k.policy.Slot, v.Observation, *v.memory)
		return k.mended(status, err, d, after)
	}
	return false
}

// question deletes a report that calls for nothing, and asks WeChat.
func (k *Keeper) question(ctx context.Context, what Errand) (more bool) {
	k.mu.Lock()
	v, d, leaving := k.seen.look, k.seen.decision, k.leaving
	k.mu.Unlock()
	if leaving {
		return false
	}
	if d.drop {
		k.discard(ctx, v)
	}
	if d.ask && what == ToAsk {
		k.verify(ctx, v)
	}
	return false
}

// mended takes in what readers get after the known token was written back. What
// comes next is decided already and needs no other look, as it fails if the
// world is not the one that was left; and a look would let whoever breaks the
// key in a loop set the pace.
func (k *Keeper) mended(status store.Status, err error, d decision, after store.Observation) (more bool) {
	k.metrics.RedisOperation(metrics.OpRestore, err)
	k.noteFailure(opMend, err)
	if err != nil || status != store.Restored {
		return false
	}
	k.metrics.Restore(k.policy.Keys.Value, metrics.Reason(d.reason))
	k.log.Info("wrote the known token back, without asking WeChat",
		"action", string(d.action), "reason", string(d.reason), "token", after.State.Token)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen.decision != d {
		// Another look has come meanwhile.
		return false
	}
	k.seen.Observation, k.seen.decision.action = after, nothing
	if d.ready() {
		k.seen.decision.action, k.seen.decision.reason = mint, d.mint
	}
	return true
}
