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
// beat, and lets each of them decide. What one of them does wrong, or waits
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

	// As in Options.
	passing  func(s keeper.Step, attempt string)
	panicked func(reason any)
	// soon asks for a beat before the next one.
	soon func()

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

// look is one beat: it observes who is due, and starts what that calls for.
// When ctx ends meanwhile nothing begins: it could not be finished in time.
func (o *observer) look(ctx, work context.Context) {
	taken, more := o.registry.due(time.Now(), batch)
	if more {
		defer o.soon()
	}
	if len(taken) > 0 {
		o.observe(ctx, work, taken)
	}
	if ctx.Err() == nil {
		o.metrics.Tick(time.Now())
	}
}

func (o *observer) observe(ctx, work context.Context, taken []*registered) {
	o.passing(keeper.Observing, "")
	slots := make([]store.Slot, len(taken))
	for i, e := range taken {
		slots[i] = e.Spec().Slot
	}
	results := o.store.Observe(work, slots)
	if ctx.Err() != nil {
		return
	}
	// The first failure stands for all, without the key that it names.
	var failed error
	answered, clock := false, time.Time{}
	for i, e := range taken {
		err := results[i].Err
		answered = answered || err == nil || store.Definite(err)
		if err == nil {
			clock = results[i].Observation.Now
		}
		if failed == nil {
			failed = errors.Unwrap(err)
		}
		o.loss.note(e, err != nil)
		o.take(work, e, results[i])
	}
	if !clock.IsZero() {
		o.metrics.ClockAhead(metrics.ClockRedis, time.Until(clock))
	}
	// The nodes of a Cluster speak for themselves, but not one in a full batch did.
	if !answered && (o.oneServer || len(taken) == batch) {
		o.spare(work, failed)
	}
	o.metrics.RedisOperation(metrics.OpObserve, failed)
	o.loss.tell(failed)
}

// spare tells all others that are due that Redis does not answer, instead of
// letting each batch wait for it: a chain of failures is what allows a token
// to be restored, and must not break because there are many.
func (o *observer) spare(work context.Context, failed error) {
	if o.oneServer {
		o.loss.all(o.registry.all())
	}
	others, _ := o.registry.due(time.Now(), math.MaxInt)
	for _, e := range others {
		o.loss.note(e, true)
		o.take(work, e, store.Result{Err: fmt.Errorf("observe %s: %w", e.key(), failed)})
	}
}

// take hands an observation to its credential. A panic in there is its own.
func (o *observer) take(work context.Context, e *registered, result store.Result) {
	defer func() {
		if reason := recover(); reason != nil {
			e.broken.Store(true)
			o.panicked(reason)
		}
	}()
	e.Take(result, func(what keeper.Errand, action func(context.Context)) { o.spawn(work, e, what, action) })
	e.broken.Store(false)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.well = time.Now()
}

// spawn runs an action when its turn comes.
func (o *observer) spawn(work context.Context, e *registered, what keeper.Errand, action func(context.Context)) {
	l := lane{errand: what}
	if what == keeper.Drawing || what == keeper.Asking {
		l.host = e.Spec().Issuer
	}
	o.pool.submit(l, &e.slow, func() {
		defer func() {
			if reason := recover(); reason != nil {
				o.panicked(reason)
			}
		}()
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
	// How many credentials there are, of how many the last look failed, and of
	// how many at a time since people were told.
	of, failing, most int
	// What people were told: that looks fail, and that all of them do.
	told, toldFull bool
}

// note takes in how a look at e ended.
func (l *loss) note(e *registered, failing bool) {
	switch {
	case failing && !e.failing:
		l.failing++
	case !failing && e.failing:
		l.failing--
	}
	e.failing = failing
	l.most = max(l.most, l.failing)
}

// all notes that nobody has an answer.
func (l *loss) all(entries []*registered) {
	if l.failing == l.of {
		return
	}
	for _, e := range entries {
		l.note(e, true)
	}
}

// tell is called after each beat, with its error if it had one.
func (l *loss) tell(failed error) {
	full := l.failing == l.of
	switch {
	case l.failing == 0 && l.told:
		l.log.Info("redis answers again", "credentials", l.most)
		l.told, l.toldFull, l.most = false, false, 0
	case failed != nil && (!l.told || full && !l.toldFull):
		what, trouble := "redis does not answer, nothing is minted meanwhile", store.Explain(failed)
		if store.Definite(failed) {
			what = "redis refuses to be read, nothing is minted meanwhile"
		}
		l.told, l.toldFull = true, full
		l.log.Warn(what, "trouble", trouble.What, "error", failed, "cure", trouble.Cure,
			"credentials", l.failing, "next_attempt", "in "+l.next.String())
	}
}
