package daemon

import (
	"bytes"
	"runtime"
	"testing"
	"time"
)

// use is what a process may use more and more of.
type use struct {
	heap                    uint64
	goroutines, connections int
}

func (f *fleet) use() use {
	f.world.logs.forget()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return use{m.HeapAlloc, runtime.NumGoroutine(), f.redis.CurrentConnectionCount()}
}

// flat holds a fleet to what it used earlier. WeChat's list of issues and the
// judge's of outages grow, by some hundred bytes each.
func flat(t *testing.T, what string, first, last use) {
	t.Helper()
	if last.heap > first.heap+2<<20 || last.goroutines > first.goroutines+3 || last.connections > first.connections {
		t.Errorf("%s: at first %+v, in the end %+v", what, first, last)
	}
	figure(t, what, "heap %.1f MiB at first, %.1f MiB in the end; goroutines %d and %d, connections %d and %d",
		float64(first.heap)/(1<<20), float64(last.heap)/(1<<20), first.goroutines, last.goroutines, first.connections,
		last.connections)
}

// TestMonth: memory, goroutines and connections of a fleet are the same after
// thirty days as after one.
func TestMonth(t *testing.T) {
	alone(t)
	p := peaceful("classic", 2)
	p.life, p.poll = 2*time.Hour, 30*time.Second
	f := inFleet(t, p, func(f *fleet) {
		day := func() {
			for range 24 {
				f.wait(time.Hour)
			}
		}
		day()
		first := f.use()
		for range 29 {
			day()
		}
		flat(t, "thirty days, two daemons", first, f.use())
	})
	f.acquit(t)
}

// TestDayOfFaults: and after a day of whatever goes wrong as after three hours.
func TestDayOfFaults(t *testing.T) {
	alone(t)
	for _, api := range []string{"stable", "classic"} {
		p := peaceful(api, 3)
		p.poll = 5 * time.Second
		f := inFleet(t, p, func(f *fleet) {
			until := func(end time.Duration) use {
				for time.Since(f.begin) < end {
					f.strikeTwice()
				}
				f.server.setClock(0)
				f.wait(2 * time.Hour) // the longest wait that a fault may ask for
				return f.use()
			}
			first := until(3 * time.Hour)
			flat(t, api+", a day of faults, three daemons", first, until(24*time.Hour))
			if !f.ready() {
				t.Error("not every daemon is ready")
			}
		})
		f.acquit(t)
		figure(t, "a day of faults", "%s", f.summary())
	}
}

// forget empties the log, which grows with what happens.
func (b *safeBuffer) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b = bytes.Buffer{}
}
