package testnet_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/testnet"
)

// TestHoldRequests: the server gets a held request although its client has
// given up, closed and even been cut off meanwhile.
func TestHoldRequests(t *testing.T) {
	ends := map[string]func(f *testnet.Faults, close func() error){
		"the client waits":   func(*testnet.Faults, func() error) {},
		"the client closes":  func(_ *testnet.Faults, close func() error) { _ = close() },
		"the client is dead": func(f *testnet.Faults, _ func() error) { f.Refuse(true); f.Heal() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, f := newEcho(t), &testnet.Faults{}
				c := dial(t, f.Wrap(e.ln.Dial))
				f.HoldRequests(1, testnet.Containing("late"), time.Minute)
				wantErr(t, c, "late", os.ErrDeadlineExceeded)
				end(f, c.Close)
				mustAsk(t, dial(t, f.Wrap(e.ln.Dial)), "second")
				if got := e.lines(); got != "second" {
					t.Errorf("the server saw %q at once", got)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := e.lines(); got != "second,late" {
					t.Errorf("the server saw %q in the end", got)
				}
			})
		})
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, f := newEcho(t), &testnet.Faults{}
		next := time.Duration(0)
		f.Latency(func() time.Duration { next += time.Second; return next })
		c := dial(t, f.Wrap(e.ln.Dial))
		for want := time.Second; want <= 3*time.Second; want += time.Second {
			start := time.Now()
			mustAsk(t, c, "a")
			if took := time.Since(start); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
			// A property of the path, no fault.
			f.Heal()
		}
	})
}
