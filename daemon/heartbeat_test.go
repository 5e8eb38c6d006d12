package daemon

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const heartPoll = 2 * time.Second

// pulse is a heartbeat under test and what came of it.
type pulse struct {
	*heartbeat
	logs   *safeBuffer
	stop   context.CancelFunc
	ended  chan struct{}
	caught atomic.Int32

	mu    sync.Mutex
	ticks []time.Duration // since the start
}

// steady is the pace of few credentials.
func steady(poll time.Duration) func() pace { return func() pace { return pace{poll, poll} } }

// inPulse runs body beside a heartbeat whose ticks call job with their number,
// from 1 on. The heartbeat ends with body.
func inPulse(t *testing.T, job func(n int), prepare func(*pulse), body func(t *testing.T, p *pulse)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := &pulse{logs: &safeBuffer{}, ended: make(chan struct{})}
		p.heartbeat = &heartbeat{
			rhythm: steady(heartPoll), schedule: every{steady(heartPoll), rand.Float64}, soon: make(chan struct{}, 1),
			log:    slog.New(slog.NewTextHandler(p.logs, nil)),
			panics: &panics{count: func() { p.caught.Add(1) }, log: slog.New(slog.DiscardHandler), told: map[string]bool{}},
		}
		p.job = func() {
			p.mu.Lock()
			p.ticks = append(p.ticks, time.Since(start))
			n := len(p.ticks)
			p.mu.Unlock()
			job(n)
		}
		if prepare != nil {
			prepare(p)
		}
		ctx, cancel := context.WithCancel(t.Context())
		p.stop = cancel
		go func() {
			defer close(p.ended)
			p.run(ctx)
		}()
		synctest.Wait()
		body(t, p)
		cancel()
		<-p.ended
	})
}

func (p *pulse) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// seen are the times of the ticks so far.
func (p *pulse) seen() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Duration(nil), p.ticks...)
}

func quick(int) {}

func TestHeartbeatRhythm(t *testing.T) {
	inPulse(t, quick, nil, func(t *testing.T, p *pulse) {
		if ticks := p.seen(); len(ticks) != 1 || ticks[0] != 0 {
			t.Fatalf("at once: ticks at %v", ticks)
		}
		p.wait(10 * time.Minute)
		ticks := p.seen()
		spread := map[time.Duration]bool{}
		for i := 1; i < len(ticks); i++ {
			gap := ticks[i] - ticks[i-1]
			if gap < heartPoll*8/10 || gap > heartPoll {
				t.Errorf("tick %d comes after %v", i, gap)
			}
			spread[gap] = true
		}
		if len(ticks) < 300 || len(spread) < len(ticks)/2 {
			t.Errorf("%d ticks with %d different gaps in ten minutes", len(ticks), len(spread))
		}
		if p.logs.String() != "" {
			t.Errorf("an everyday heartbeat logs %s", p.logs)
		}
	})
}

// TestHeartbeatShortPoll: cron's own @every cannot go below a second.
func TestHeartbeatShortPoll(t *testing.T) {
	inPulse(t, quick, func(p *pulse) {
		p.rhythm, p.schedule = steady(20*time.Millisecond), every{steady(20 * time.Millisecond), rand.Float64}
	}, func(t *testing.T, p *pulse) {
		p.wait(time.Second)
		if n := len(p.seen()); n < 50 || n > 64 {
			t.Errorf("%d ticks in a second", n)
		}
	})
}

// TestHeartbeatPanic: each of ten panics is counted, and the next tick comes in time.
func TestHeartbeatPanic(t *testing.T) {
	job := func(n int) {
		if n <= 10 {
			panic(errors.New("a bug"))
		}
	}
	inPulse(t, job, nil, func(t *testing.T, p *pulse) {
		for i := 1; i <= 10; i++ {
			if n := len(p.seen()); n < i || int(p.caught.Load()) != min(n, 10) {
				t.Fatalf("after %d polls: %d ticks, %d panics counted", i-1, n, p.caught.Load())
			}
			p.wait(heartPoll)
		}
		p.wait(10 * heartPoll)
		if n := len(p.seen()); n < 20 || p.caught.Load() != 10 {
			t.Errorf("%d ticks, %d panics counted", n, p.caught.Load())
		}
		if p.since(&p.heartbeat.ended) > heartPoll {
			t.Error("a tick that panicked did not end")
		}
	})
}

// TestHeartbeatHang: a job that hangs has no second one beside it, and ticks
// go on when it ends. The first tick is another code path than the later ones.
func TestHeartbeatHang(t *testing.T) {
	for _, hanging := range []int{1, 3} {
		release := new(chan struct{})
		var running, most atomic.Int32
		job := func(n int) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			if n == hanging {
				<-*release
			}
		}
		prepare := func(*pulse) { *release = make(chan struct{}) }
		inPulse(t, job, prepare, func(t *testing.T, p *pulse) {
			p.wait(time.Hour)
			p.tickSoon()
			p.wait(time.Minute)
			if n := len(p.seen()); n != hanging || p.since(&p.heartbeat.ended) < time.Hour {
				t.Fatalf("tick %d hangs, and there are %d; the last ended %v ago", hanging, n, p.since(&p.heartbeat.ended))
			}
			if p.logs.String() != "" {
				t.Errorf("a tick that hangs logs %s", p.logs)
			}
			close(*release)
			p.wait(time.Minute)
			if n := len(p.seen()); n < hanging+29 || most.Load() != 1 {
				t.Errorf("after tick %d hung: %d ticks, up to %d at once", hanging, n, most.Load())
			}
		})
	}
}

// leap is a schedule whose next tick lies ten hours ahead, the third, sixth, …
// time it is asked: so it looks to cron when the wall clock jumps back ten hours.
type leap struct {
	every
	asked atomic.Int32
}

func (l *leap) Next(t time.Time) time.Time {
	if l.asked.Add(1)%3 == 0 {
		return t.Add(10 * time.Hour)
	}
	return l.every.Next(t)
}

func TestHeartbeatWallClock(t *testing.T) {
	prepare := func(p *pulse) { p.schedule = &leap{every: every{steady(heartPoll), rand.Float64}} }
	inPulse(t, quick, prepare, func(t *testing.T, p *pulse) {
		p.wait(time.Minute)
		ticks, late := p.seen(), 0
		for i := 1; i < len(ticks); i++ {
			gap := ticks[i] - ticks[i-1]
			if gap > 4*heartPoll {
				t.Errorf("silent for %v", gap)
			}
			if gap > 3*heartPoll {
				late++
			}
		}
		if late < 4 || time.Minute-ticks[len(ticks)-1] > 4*heartPoll {
			t.Errorf("%d jumps; ticks at %v", late, ticks)
		}
		if inTime := len(ticks) - 1 - late; inTime < late {
			t.Errorf("the rhythm did not come back: %d ticks in time, %d late", inTime, late)
		}
		// From here the two causes look alike: the log must not pick one.
		both := "this process was stopped for a while, or the wall clock jumped back"
		if said := strings.Count(p.logs.String(), "level=WARN"); said != late ||
			strings.Count(p.logs.String(), both) != late {
			t.Errorf("%d jumps, and %d warnings:\n%s", late, said, p.logs)
		}
	})
}

// TestHeartbeatStop: run returns after the job that is under way, and no tick follows.
func TestHeartbeatStop(t *testing.T) {
	job := func(n int) {
		if n == 2 {
			time.Sleep(time.Minute)
		}
	}
	inPulse(t, job, nil, func(t *testing.T, p *pulse) {
		p.wait(2 * heartPoll) // the second tick is under way
		p.stop()
		p.wait(50 * time.Second)
		select {
		case <-p.ended:
			t.Fatal("run returned before its job")
		default:
		}
		p.wait(time.Minute)
		select {
		case <-p.ended:
		default:
			t.Fatal("run did not return after its job")
		}
		p.tickSoon()
		p.wait(time.Minute)
		if n := len(p.seen()); n != 2 {
			t.Errorf("%d ticks", n)
		}
	})
}

func TestEvery(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, poll := range []time.Duration{time.Millisecond, heartPoll, time.Hour} {
		for range 2000 {
			if wait := (every{steady(poll), rand.Float64}).Next(now).Sub(now); wait < poll*8/10 || wait > poll {
				t.Fatalf("poll %v: next after %v", poll, wait)
			}
		}
	}
}
