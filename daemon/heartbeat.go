package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// heartbeat calls a job at once and then by a schedule, several times a poll
// where there are many credentials. It carries no state: whoever misses beats
// finds everything in Redis at the next one.
type heartbeat struct {
	poll     time.Duration
	schedule cron.Schedule
	job      func()
	panicky  func(reason any) // told of a panic in job
	log      *slog.Logger
	soon     chan struct{} // asks for a beat before the next one; capacity 1

	mu      sync.Mutex
	started time.Time // of the last beat, monotonic
	ended   time.Time
}

// every is cron's schedule for beats; cron's own @every cannot go below a
// second. It only ever shortens the wait, so that a fleet spreads out but
// nobody falls behind.
type every struct {
	beat   time.Duration
	jitter func() float64
}

func (e every) Next(t time.Time) time.Time {
	return t.Add(time.Duration((0.8 + 0.2*e.jitter()) * float64(e.beat)))
}

// run beats until ctx ends and the last beat has returned.
func (h *heartbeat) run(ctx context.Context) {
	// One beat at a time. cron's own wrapper for that would lose a beat that
	// soon asks for in the last moments of another one.
	turn := make(chan struct{}, 1)
	beat := func() {
		defer func() { <-turn }()
		h.beat()
	}
	job := cron.FuncJob(func() {
		select {
		case turn <- struct{}{}:
			beat()
		default: // the last one has not ended
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
	watchdog := time.NewTicker(h.poll)
	defer watchdog.Stop()
	for {
		select {
		case <-ctx.Done():
			<-clock.Stop().Done()
			return
		case <-h.soon:
			select {
			case turn <- struct{}{}:
				beat()
			case <-ctx.Done():
			}
		case <-watchdog.C:
			if h.silence() > 3*h.poll {
				h.log.Warn("no tick for three polls: this process was stopped for a while, or the wall clock jumped back; starting the schedule afresh")
				clock.Remove(id)
				id = clock.Schedule(h.schedule, job)
				job.Run()
			}
		}
	}
}

// hasten asks for a beat before the next one of the schedule.
func (h *heartbeat) hasten() {
	select {
	case h.soon <- struct{}{}:
	default:
	}
}

// silence is for how long no beat ran, zero while one does: starting afresh
// cannot cure one that hangs.
func (h *heartbeat) silence() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended.Before(h.started) {
		return 0
	}
	return time.Since(h.ended)
}

// beat turns a panic into a count: the next beat comes all the same.
func (h *heartbeat) beat() {
	h.mark(&h.started)
	defer h.mark(&h.ended)
	defer func() {
		if reason := recover(); reason != nil {
			h.panicky(reason)
		}
	}()
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
