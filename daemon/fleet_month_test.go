package daemon

import (
	"runtime"
	"testing"
	"time"
)

// TestMonth: memory, goroutines and connections of a fleet are the same after
// thirty days as after one.
func TestMonth(t *testing.T) {
	withoutRace(t)
	t.Parallel()
	p := peaceful("classic", 2)
	p.life, p.poll = 2*time.Hour, 30*time.Second
	const days = 30
	type use struct {
		heap                    uint64
		goroutines, connections int
	}
	inFleet(t, p, func(f *fleet) {
		measure := func() use {
			f.world.logs.forget()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return use{m.HeapAlloc, runtime.NumGoroutine(), f.redis.CurrentConnectionCount()}
		}
		var first, last use
		for day := 1; day <= days; day++ {
			for range 24 {
				f.wait(time.Hour)
			}
			last = measure()
			if day == 1 {
				first = last
			}
		}
		// The list of issues at WeChat grows: 16 a day, of some hundred bytes.
		if last.heap > first.heap+2<<20 || last.goroutines > first.goroutines+3 || last.connections > first.connections {
			t.Errorf("after a day %+v, after %d days %+v", first, days, last)
		}
		figure(t, "a month", "%d days, two daemons: heap %.1f MiB after the first, %.1f MiB after the last; goroutines %d and %d, connections %d and %d", days,
			float64(first.heap)/(1<<20), float64(last.heap)/(1<<20), first.goroutines, last.goroutines, first.connections, last.connections)
	})
}

// forget empties the log, which grows with what happens.
func (b *safeBuffer) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}
