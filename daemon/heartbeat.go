package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// heartbeat calls a job at once and then by a schedule. Each call is a tick,
// and there are several in a poll where there are many credentials. It carries
// no state: whoever misses ticks finds everything in Redis at the next one.
type heartbeat struct {
	rhythm   func() pace
	schedule cron.Schedule
	job      func()
	panics   *panics
	log      *slog.Logger
	// Asks for a tick before the next one; its capacity is 1.
	soon chan struct{}

	mu sync.Mutex
	// The last tick, by the monotonic clock.
	started, ended time.Time
}

// every is cron's schedule for ticks; cron's own @every cannot go below a
// second. It only ever shortens the wait, so that a fleet spreads out but
// nobody falls behind.
type every struct {
	rhythm func() pace
	jitter func() float64
}

func (e every) Next(t time.Time) time.Time {
	return t.Add(time.Duration((0.8 + 0.2*e.jitter()) * float64(e.rhythm().tick)))
}

// run ticks until ctx ends and the last tick has returned.
func (h *heartbeat) run(ctx context.Context) {
	// One tick at a time. cron's own wrapper for that would lose a tick that
	// soon asks for in the last moments of another one.
	turn := make(chan struct{}, 1)
	tick := func() {
		defer func() { <-turn }()
		h.tick()
	}
	job := cron.FuncJob(func() {
		select {
		case turn <- struct{}{}:
			tick()
		default:
			// The last one has not ended.
		}
	})
	clock := cron.New(cron.WithLogger(cronLogger{h.log}))
	h.mark(&h.started)
	h.mark(&h.ended)
	job.Run()
	id := clock.Schedule(h.schedule, job)
	clock.Start()
	// cron lives by the wall clock: when that jumps back ten hours, cron is
	// silent for ten hours. This ticker is monotonic, and starts it afresh.
	watchdog := time.NewTicker(h.rhythm().round)
	defer watchdog.Stop()
	for {
		select {
		case <-ctx.Done():
			<-clock.Stop().Done()
			return
		case <-h.soon:
			select {
			case turn <- struct{}{}:
				tick()
			case <-ctx.Done():
			}
		case <-watchdog.C:
			if h.silence() > 3*h.rhythm().round {
				h.log.Warn("no tick for three polls: this process was stopped for a while, " +
					"or the wall clock jumped back; starting the schedule afresh")
				clock.Remove(id)
				id = clock.Schedule(h.schedule, job)
				job.Run()
			}
		}
	}
}

// tickSoon asks for a tick before the next one of the schedule.
func (h *heartbeat) tickSoon() {
	select {
	case h.soon <- struct{}{}:
	default:
	}
}

// silence is for how long no tick ran, zero while one does: starting afresh
// cannot cure one that hangs.
func (h *heartbeat) silence() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended.Before(h.started) {
		return 0
	}
	return time.Since(h.ended)
}

// tick turns a panic into a count: the next tick comes all the same.
func (h *heartbeat) tick() {
	h.mark(&h.started)
	defer h.mark(&h.ended)
	defer h.panics.catch(func() {})
	h.job()
}

func (h *heartbeat) mark(t *time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*t = time.Now()
}

func (h *heartbeat) since(t *time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(*t)
}

// cronLogger keeps cron's own lines out of everyday logs.
type cronLogger struct{ log *slog.Logger }

func (l cronLogger) Info(msg string, fields ...any) { l.log.Debug("cron: "+msg, fields...) }

func (l cronLogger) Error(err error, msg string, fields ...any) {
	l.log.Error("cron: "+msg, append(fields, "error", err)...)
}
