package e2e

import (
	"fmt"
	"testing"
	"time"
)

// crashLoop is a container that dies again and again, faster than any backoff
// in memory could matter. Its time runs faster by scale.
type crashLoop struct {
	name, api string
	scale     time.Duration
	fault     string // of every call
	failpoint string // where each process dies, if it gets there
	// Calls to WeChat: some at first, at growing distances, then at most one
	// every so often. Fewer than least would show nothing.
	least, head int
	every       time.Duration // before scaling; 0: never
}

const loopTime = 18 * time.Second

var crashLoops = []crashLoop{
	// 1, 2, 4 … 256 s, then every 5 min: 22 calls in an hour, where 25 are the bound.
	{name: "failing", api: "classic", scale: 200, fault: `"kind":"errcode","code":-1`, least: 5, head: 10,
		every: 5 * time.Minute},
	// 1, 2 … 16 s, then every 30 s: 126 calls in an hour, where 130 are the bound.
	{name: "failing", api: "stable", scale: 67, fault: `"kind":"errcode","code":-1`, least: 5, head: 6,
		every: 30 * time.Second},
	// WeChat answers, but each process dies before it can store the token. The
	// lease alone would let 30 calls pass.
	{name: "dying with the token", api: "classic", scale: 100, failpoint: "committing", least: 5, head: 9,
		every: 5 * time.Minute},
	{name: "succeeding", api: "classic", scale: 200, least: 1, head: 1},
	{name: "succeeding", api: "stable", scale: 200, least: 1, head: 1},
}

// most is the bound for a loop that ran so long.
func (c crashLoop) most(ran time.Duration) int {
	if c.every == 0 {
		return c.head
	}
	return c.head + int(ran*c.scale/c.every)
}

func TestCrashLoop(t *testing.T) {
	t.Parallel()
	for _, c := range crashLoops {
		t.Run(c.api+"/"+c.name, func(t *testing.T) {
			s := scaled()
			if c.every != 0 {
				// A lease so short that it does not hold the calls back by itself.
				s.redisTimeout, s.mintTimeout, s.lease = 150*time.Millisecond, 300*time.Millisecond, 600*time.Millisecond
			}
			s.poll = 20 * time.Millisecond
			s.backoffMin, s.backoffMax = (time.Second / c.scale).Truncate(time.Millisecond),
				(5 * time.Minute / c.scale).Truncate(time.Millisecond)
			w := inParallel(t, c.api, s)
			if c.fault != "" {
				w.sim.fault(w.account, c.fault)
			}
			var env []string
			if c.failpoint != "" {
				env = []string{failpoint(c.failpoint)}
			}
			if c.every == 0 {
				w.warm() // or the first one may be killed in its call
			}
			start := time.Now()
			restarts, ran := 0, time.Duration(0)
			for ; ran < loopTime || restarts < 60; ran = time.Since(start) { // fewer would show nothing
				restarts++
				d := launch(w.T, w.config(), env...)
				eventually(t, startup, "the daemon starts", func() error {
					if !d.out.has("wxtokend starts") {
						return fmt.Errorf("not yet: %s", d.out.tail(3))
					}
					return nil
				})
				select { // time for some polls and a call
				case <-d.ended:
				case <-time.After(60 * time.Millisecond):
				}
				d.kill()
			}
			calls, most := w.calls(), c.most(ran)
			if calls < c.least || calls > most {
				t.Errorf("%d calls, want %d to %d", calls, c.least, most)
			}
			t.Logf("%d restarts in %s, which stand for %s: %d calls, %d is the bound", restarts, ms(ran),
				(ran * c.scale).Round(time.Minute), calls, most)
		})
	}
}
