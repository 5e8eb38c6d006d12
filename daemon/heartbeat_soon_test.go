package daemon

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestHeartbeatSoon(t *testing.T) {
	inPulse(t, quick, nil, func(t *testing.T, p *pulse) {
		for n := 2; n < 7; n++ {
			p.wait(10 * time.Millisecond)
			p.tickSoon()
			synctest.Wait()
			if ticks := p.seen(); len(ticks) != n || ticks[n-1] != time.Duration(n-1)*10*time.Millisecond {
				t.Fatalf("asked %d times: ticks at %v", n-1, ticks)
			}
		}
		p.wait(time.Minute)
		if n := len(p.seen()); n < 35 {
			t.Errorf("the rhythm is lost: %d ticks in a minute", n)
		}
	})
}

// TestHeartbeatSoonInTick: a tick that is asked for during another one comes
// when that has ended.
func TestHeartbeatSoonInTick(t *testing.T) {
	job := func(n int) {
		if n == 1 {
			time.Sleep(500 * time.Millisecond)
		}
	}
	inPulse(t, job, nil, func(t *testing.T, p *pulse) {
		p.tickSoon()
		p.wait(time.Second)
		if ticks := p.seen(); len(ticks) != 2 || ticks[1] != 500*time.Millisecond {
			t.Errorf("ticks at %v", ticks)
		}
	})
	hang := func(n int) {
		if n == 2 {
			time.Sleep(500 * time.Millisecond)
		}
	}
	inPulse(t, hang, nil, func(t *testing.T, p *pulse) {
		for len(p.seen()) < 2 {
			p.wait(time.Millisecond)
		}
		p.tickSoon()
		p.wait(600 * time.Millisecond)
		if ticks := p.seen(); len(ticks) != 3 || ticks[2] != ticks[1]+500*time.Millisecond {
			t.Errorf("ticks at %v", ticks)
		}
		p.stop()
		p.tickSoon()
		<-p.ended
	})
}

// TestHeartbeatCrowd is for the race detector: ticks, requests for ticks,
// probes and clock jumps at once.
func TestHeartbeatCrowd(t *testing.T) {
	var running, most atomic.Int32
	job := func(int) {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		time.Sleep(heartPoll / 3)
	}
	prepare := func(p *pulse) { p.schedule = &leap{every: every{steady(heartPoll), rand.Float64}} }
	inPulse(t, job, prepare, func(t *testing.T, p *pulse) {
		var crowd sync.WaitGroup
		for i := range 20 {
			crowd.Go(func() {
				for range 50 {
					time.Sleep(time.Duration(i+1) * 37 * time.Millisecond)
					p.tickSoon()
					if since := p.since(&p.heartbeat.ended); since > 6*heartPoll {
						t.Errorf("no tick ended for %v", since)
					}
				}
			})
		}
		crowd.Wait()
		if most.Load() != 1 {
			t.Errorf("%d jobs at once", most.Load())
		}
	})
}
