package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// observer looks at the credentials that are to be looked at, a batch at each
// tick, and lets each of them decide. What one of them does wrong, or waits
// for, is no matter of the others.
type observer struct {
	registry *registry
	// The store has a connection of its own.
	store   *store.Store
	pool    *pool
	metrics *metrics.Metrics
	loss    *loss
	// Where there is one server, a connection that fails speaks for all credentials.
	oneServer bool

	panics *panics
	// As in Options.
	passing func(s keeper.Step, attempt string)
	// tickSoon asks for a tick before the next one.
	tickSoon func()

	mu sync.Mutex
	// When a look last ended as it should, by the monotonic clock.
	well time.Time
}

// start is when the silence is counted from before the first look.
func (o *observer) start() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.well = time.Now()
}

// tick observes whose time has come, and starts what that calls for. When ctx
// ends meanwhile nothing begins: it could not be finished in time.
func (o *observer) tick(ctx, work context.Context) {
	o.depart()
	taken, more := o.registry.take(time.Now(), batch)
	if more {
		defer o.tickSoon()
	}
	if len(taken) > 0 {
		o.observe(ctx, work, taken)
	}
	if ctx.Err() == nil {
		o.metrics.Tick(time.Now())
	}
}

// depart ends the series of those that have left, unless others took their places.
func (o *observer) depart() {
	o.registry.depart(func(e *entry) {
		o.loss.forget(e)
		e.Depart()
		if e.next == nil {
			o.metrics.Forget(e.key())
		}
	})
}

func (o *observer) observe(ctx, work context.Context, taken []*entry) {
	o.passing(keeper.Observing, "")
	slots := make([]store.Slot, len(taken))
	for i, e := range taken {
		slots[i] = e.Slot()
	}
	looks := o.store.ObserveAll(work, slots)
	if ctx.Err() != nil {
		return
	}
	// The first failure stands for all, without the key that it names.
	var failed error
	answered, clock := false, time.Time{}
	for i, e := range taken {
		result := o.take(work, e, looks[i])
		answered = answered || result.Err == nil || store.Definite(result.Err)
		if now := result.Observation.Now; !now.IsZero() {
			clock = now
		}
		if failed == nil {
			failed = errors.Unwrap(result.Err)
		}
		o.loss.note(e, result.Err != nil)
	}
	if !clock.IsZero() {
		o.metrics.ClockAhead(metrics.ClockRedis, time.Until(clock))
	}
	// The nodes of a Cluster speak for themselves, but not one in a full batch did.
	if !answered && (o.oneServer || len(taken) == batch) {
		o.spare(work, failed)
	}
	o.metrics.RedisOperation(metrics.OpObserve, failed)
	o.loss.tell(failed, len(o.registry.all()))
}

// spare tells all others whose time has come that Redis does not answer, instead
// of letting each batch wait for it: a chain of failures is what allows a token
// to be restored, and must not break because there are many.
func (o *observer) spare(work context.Context, failed error) {
	if o.oneServer {
		for _, e := range o.registry.all() {
			o.loss.note(e, true)
		}
	}
	others, _ := o.registry.take(time.Now(), math.MaxInt)
	for _, e := range others {
		o.loss.note(e, true)
		o.take(work, e, func() store.Result {
			return store.Result{Err: fmt.Errorf("observe %s: %w", e.key(), failed)}
		})
	}
}

// take hands what a look saw to its credential. A panic in there is its own, also
// one over what it saw.
func (o *observer) take(work context.Context, e *entry, look func() store.Result) (result store.Result) {
	defer o.panics.catch(func() { e.broken.Store(true) })
	result = look()
	e.Take(result, func(what keeper.Errand, action func(context.Context)) { o.spawn(work, e, what, action) })
	e.broken.Store(false)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.well = time.Now()
	return result
}

// spawn runs an action when its turn comes.
func (o *observer) spawn(work context.Context, e *entry, what keeper.Errand, action func(context.Context)) {
	l := lane{errand: what}
	if what == keeper.ToDraw || what == keeper.ToAsk {
		l.host = e.Spec().Issuer
	}
	o.pool.submit(l, &e.slow, func() {
		defer o.panics.catch(func() {})
		action(work)
	})
}

// silence is for how long no look ended as it should.
func (o *observer) silence() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.well)
}

// loss tells people once that Redis does not answer, and not for each
// credential.
type loss struct {
	log *slog.Logger
	// The time until the next look.
	next time.Duration
	// Of whom the last look failed, and of how many at a time since people were told.
	failing map[*entry]bool
	most    int
	// What people were told: that looks fail, and that all of them do.
	told, toldFull bool
}

// note takes in how a look at e ended.
func (l *loss) note(e *entry, failing bool) {
	if !failing {
		delete(l.failing, e)
		return
	}
	l.failing[e] = true
	l.most = max(l.most, len(l.failing))
}

// forget takes in that nobody looks at e any more.
func (l *loss) forget(e *entry) { delete(l.failing, e) }

// tell is called after each tick, with its error if it had one, and with how
// many credentials there are.
func (l *loss) tell(failed error, of int) {
	full := len(l.failing) == of
	switch {
	case len(l.failing) == 0 && l.told:
		l.log.Info("redis answers again", "credentials", l.most)
		l.told, l.toldFull, l.most = false, false, 0
	case failed != nil && (!l.told || full && !l.toldFull):
		what, trouble := "redis does not answer, nothing is minted meanwhile", store.ExplainFor(l.rights(), failed)
		if store.Definite(failed) {
			what = "redis refuses to be read, nothing is minted meanwhile"
		}
		l.told, l.toldFull = true, full
		l.log.Warn(what, "trouble", trouble.What, "error", failed, "cure", trouble.Cure,
			"credentials", len(l.failing), "next_attempt", "in "+l.next.String())
	}
}

// rights are those that a look needs, or, where one of those that fail may ask
// for tokens, all that it needs.
func (l *loss) rights() string {
	mint := false
	for e := range l.failing {
		mint = mint || e.config.Mint
	}
	return store.RightsOf(mint)
}
