package daemon

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/keeper"
)

// busyPool is a pool under test and what runs in it.
type busyPool struct {
	*pool
	mu      sync.Mutex
	running map[string]int // now
	most    map[string]int // at a time
	done    []string
}

// inPool runs body beside a pool, and closes that.
func inPool(t *testing.T, body func(p *busyPool)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		p := &busyPool{pool: newPool(), running: map[string]int{}, most: map[string]int{}}
		body(p)
		p.close()
	})
}

// do submits an action of that name that takes so long.
func (p *busyPool) do(l lane, slow *atomic.Bool, name string, took time.Duration) {
	p.submit(l, slow, func() {
		p.count(name, 1)
		time.Sleep(took)
		p.count(name, -1)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.done = append(p.done, name)
	})
}

func (p *busyPool) count(name string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[name] += n
	p.most[name] = max(p.most[name], p.running[name])
}

func (p *busyPool) now(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running[name]
}

func (p *busyPool) ended(name string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, done := range p.done {
		if done == name {
			n++
		}
	}
	return n
}

// wait lets virtual time pass.
func (p *busyPool) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestPoolBounds: so many run at a time, the others in the order in which they came.
func TestPoolBounds(t *testing.T) {
	for _, what := range []keeper.Errand{keeper.ToWrite, keeper.ToDraw, keeper.ToAsk} {
		inPool(t, func(p *busyPool) {
			var order []int
			for i := range 1000 {
				p.submit(lane{"wechat", what}, new(atomic.Bool), func() {
					p.count("all", 1)
					p.mu.Lock()
					order = append(order, i)
					p.mu.Unlock()
					time.Sleep(100 * time.Millisecond)
					p.count("all", -1)
				})
				synctest.Wait()
			}
			p.wait(time.Duration(1000/places(what)+1) * 100 * time.Millisecond)
			if len(order) != 1000 || p.most["all"] != places(what) {
				t.Errorf("errand %d: %d ran, up to %d at a time, want %d", what, len(order), p.most["all"], places(what))
			}
			for place, i := range order {
				if i > place+places(what) || i < place-places(what) { // those of one instant are not in order
					t.Errorf("errand %d: number %d ran as number %d", what, i, place)
				}
			}
		})
	}
}

// TestPoolLanes: neither questions, nor another host, nor Redis' own work waits
// for those who draw.
func TestPoolLanes(t *testing.T) {
	inPool(t, func(p *busyPool) {
		for range 1000 {
			p.do(lane{"wechat", keeper.ToDraw}, new(atomic.Bool), "drawn", 900*time.Millisecond)
		}
		others := map[string]lane{"asked": {"wechat", keeper.ToAsk}, "written": {"", keeper.ToWrite},
			"elsewhere": {"wecom", keeper.ToDraw}}
		for name, l := range others {
			p.do(l, new(atomic.Bool), name, time.Millisecond)
		}
		p.wait(10 * time.Millisecond)
		for name := range others {
			if p.ended(name) != 1 {
				t.Errorf("%s waits for those who draw", name)
			}
		}
	})
}

// TestPoolHanging: those that take long make room after a second, as far as
// there are places for them, and do not crowd the others out the next time.
func TestPoolHanging(t *testing.T) {
	inPool(t, func(p *busyPool) {
		slow := make([]atomic.Bool, 100)
		for i := range slow {
			p.do(lane{"wechat", keeper.ToDraw}, &slow[i], "hung", 5*time.Second)
		}
		p.do(lane{"wechat", keeper.ToDraw}, new(atomic.Bool), "well", time.Millisecond)
		p.wait(4100 * time.Millisecond) // 32 hang at a time, each for a second of patience
		if p.ended("well") != 1 {
			t.Error("who is well waits for all that hang")
		}
		p.wait(10 * time.Second)
		if p.ended("hung") != 100 {
			t.Fatalf("%d of 100 that hung ended", p.ended("hung"))
		}
		for i := range slow {
			p.do(lane{"wechat", keeper.ToDraw}, &slow[i], "hung", 5*time.Second)
		}
		p.do(lane{"wechat", keeper.ToDraw}, new(atomic.Bool), "well", time.Millisecond)
		p.wait(2 * time.Millisecond)
		if p.ended("well") != 2 || p.now("hung") != 100 {
			t.Errorf("the second time %d hang, and %d were well", p.now("hung"), p.ended("well"))
		}
		p.wait(6 * time.Second)
		for i := range slow {
			p.do(lane{"wechat", keeper.ToDraw}, &slow[i], "cured", time.Millisecond)
		}
		p.wait(time.Second)
		if anySlow(slow) {
			t.Error("who is quick again counts as slow")
		}
	})
}

// TestPoolFullOfHanging: in all there are never more than places.
func TestPoolFullOfHanging(t *testing.T) {
	inPool(t, func(p *busyPool) {
		for range 1000 {
			p.do(lane{"wechat", keeper.ToDraw}, new(atomic.Bool), "hung", time.Minute)
		}
		p.wait(30 * time.Second)
		if want := places(keeper.ToDraw) + places(hanging); p.now("hung") != want {
			t.Errorf("%d hang at a time, want %d", p.now("hung"), want)
		}
		p.wait(10 * time.Minute)
		if p.ended("hung") != 1000 || len(p.waiting) != 0 {
			t.Errorf("%d of 1000 ended", p.ended("hung"))
		}
		for l, n := range p.taken {
			if n != 0 {
				t.Errorf("%d places of %v are still taken", n, l)
			}
		}
	})
}

// TestPoolClose: who runs may end, who waits never begins.
func TestPoolClose(t *testing.T) {
	inPool(t, func(p *busyPool) {
		for range 100 {
			p.do(lane{"", keeper.ToWrite}, new(atomic.Bool), "written", time.Second)
		}
		p.wait(100 * time.Millisecond)
		p.close()
		p.do(lane{"", keeper.ToWrite}, new(atomic.Bool), "late", time.Second)
		p.wait(time.Minute)
		if p.ended("written") != places(keeper.ToWrite) || p.ended("late") != 0 {
			t.Errorf("%d ended, %d after the close", p.ended("written"), p.ended("late"))
		}
	})
}

func anySlow(all []atomic.Bool) bool {
	for i := range all {
		if all[i].Load() {
			return true
		}
	}
	return false
}
