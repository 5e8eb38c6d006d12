package daemon

import (
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/wechatsim"
)

// figure prints a number that docs/reliability.md tells.
func figure(t *testing.T, what, format string, args ...any) {
	t.Helper()
	t.Logf("FIGURE %s: %s", what, fmt.Sprintf(format, args...))
}

// peaceful is a plan without faults.
func peaceful(api string, members int) plan {
	return plan{seed: 7, api: api, members: members, life: shortLife, poll: 2 * time.Second}
}

// TestFleetMintsOnce: any number of daemons, one mint per refresh.
func TestFleetMintsOnce(t *testing.T) {
	withoutRace(t)
	for api, want := range map[string]int{"stable": 4, "classic": 6} { // an hour of 20 minutes less ahead each
		for _, n := range []int{1, 3, 10} {
			t.Run(fmt.Sprintf("%s/%d", api, n), func(t *testing.T) {
				f := inFleet(t, peaceful(api, n), func(f *fleet) { f.wait(59 * time.Minute) })
				if f.calls() != want || f.mints() != want {
					t.Errorf("%d calls, %d tokens, want %d", f.calls(), f.mints(), want)
				}
				if f.acquit(t); len(f.judge.outages) > 1 { // the start is one
					t.Errorf("outages %v", f.judge.outages)
				}
				figure(t, "mints per refresh", "%s, %d daemons: %d calls, %d tokens in 59 minutes", api, n, f.calls(), f.mints())
			})
		}
	}
}

// TestFleetOfFiveHundred starts all at once on an empty Redis.
func TestFleetOfFiveHundred(t *testing.T) {
	f := inFleet(t, peaceful("classic", fleetSize), func(f *fleet) {
		ready, busiest, most := time.Duration(0), 0, 0
		for second := 1; second <= 60; second++ {
			before := f.server.commands()
			f.wait(time.Second)
			busiest = max(busiest, f.server.commands()-before)
			most = max(most, f.redis.CurrentConnectionCount())
			if ready == 0 && f.ready() {
				ready = time.Since(f.begin)
			}
		}
		if f.mints() != 1 {
			t.Errorf("%d mints, want exactly 1", f.mints())
		}
		if ready == 0 || ready > 30*time.Second {
			t.Errorf("all ready after %v, want at most 30 s", ready)
		}
		if most > 2*fleetSize+1 {
			t.Errorf("%d connections of %d daemons, want at most two each", most, fleetSize)
		}
		if limit := 2000 * fleetSize / 500; busiest > limit {
			t.Errorf("%d commands in a second, want at most %d", busiest, limit)
		}
		figure(t, "many at once", "%d daemons: %d mint, all ready after %v, at most %d connections and %d commands a second",
			fleetSize, f.mints(), ready.Round(time.Second), most, busiest)
	})
	f.acquit(t)
}

// ready says that every daemon is.
func (f *fleet) ready() bool {
	for _, m := range f.members {
		if d := m.current.Load(); d == nil || d.Ready() != nil {
			return false
		}
	}
	return true
}

// TestCrashLoop restarts a daemon each second for an hour.
func TestCrashLoop(t *testing.T) {
	withoutRace(t)
	loop := func(w *world) int {
		for range 3600 {
			w.start()
			w.wait(time.Second)
			w.crash()
		}
		return w.calls()
	}
	cases := []struct {
		name  string
		set   func(w *world)
		least int
		most  map[string]int
	}{
		{"every mint fails", func(w *world) { w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1}) }, 10,
			map[string]int{"stable": 130, "classic": 25}},
		{"each dies before its commit", func(w *world) {
			w.passing = func(s keeper.Step, _ string) {
				if s == keeper.Committing {
					w.toRedis.Refuse(true)
					w.toWeChat.Refuse(true)
				}
			}
		}, 10, map[string]int{"stable": 130, "classic": 25}},
		{"mints succeed", func(*world) {}, 1, map[string]int{"stable": 1, "classic": 1}},
	}
	for _, api := range []string{"stable", "classic"} {
		for _, c := range cases {
			t.Run(api+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				inWorld(t, api, func(w *world) {
					c.set(w)
					calls := loop(w)
					if calls < c.least || calls > c.most[api] {
						t.Errorf("%d calls, want %d to %d", calls, c.least, c.most[api])
					}
					figure(t, "crash loop", "%s, an hour of restarts, one a second, %s: %d calls", api, c.name, calls)
				})
			})
		}
	}
}

// TestDayWithoutWeChat: a fleet asks a WeChat that is down or busy all day no
// more often than its quota can bear.
func TestDayWithoutWeChat(t *testing.T) {
	withoutRace(t)
	faults := map[string]wechatsim.Fault{
		"busy":  {Kind: wechatsim.FaultErrcode, Code: -1},
		"502":   {Kind: wechatsim.FaultStatus, Code: 502},
		"reset": {Kind: wechatsim.FaultReset},
	}
	for api, most := range map[string]int{"stable": 3000, "classic": 400} {
		for name, fault := range faults {
			t.Run(api+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := peaceful(api, 3)
				p.life, p.poll = 2*time.Hour, 15*time.Second
				f := inFleet(t, p, func(f *fleet) {
					f.wait(time.Minute)
					f.inject(fault)
					f.judge.suffer(25 * time.Hour)
					f.wait(24 * time.Hour)
				})
				if f.calls() > most || f.calls() < 100 {
					t.Errorf("%d calls, want 100 to %d", f.calls(), most)
				}
				f.acquit(t)
				figure(t, "a day without WeChat", "%s, %s: %d calls by three daemons", api, name, f.calls())
			})
		}
	}
}

// TestRedisDownMintsNothing: whatever is due.
func TestRedisDownMintsNothing(t *testing.T) {
	withoutRace(t)
	f := inFleet(t, peaceful("classic", 3), func(f *fleet) {
		f.wait(time.Minute)
		f.server.away(3 * time.Hour)
		f.judge.suffer(3 * time.Hour)
		f.wait(3*time.Hour - time.Minute)
		if f.calls() != 1 {
			t.Errorf("%d calls while Redis was away", f.calls()-1)
		}
	})
	f.acquit(t)
}

// TestHeals: what is broken in Redis is mended within a poll, and within the
// time that it takes to connect.
func TestHeals(t *testing.T) {
	cases := []struct {
		name  string
		harm  func(f *fleet)
		extra time.Duration // beside a poll
		calls map[string]int
	}{
		{"deleted", func(f *fleet) { f.server.change(func() { f.redis.Del(testKey) }) }, 0, nil},
		{"garbage", func(f *fleet) { f.server.change(func() { _ = f.redis.Set(testKey, "garbage") }) }, 0, nil},
		{"flushed", func(f *fleet) { f.server.lose(f.redis.FlushAll) }, 0, nil},
		// The library takes up to a second to notice that it can dial again.
		{"back empty", func(f *fleet) { f.server.lose(f.redis.FlushAll); f.server.away(3 * time.Second) }, 4 * time.Second,
			nil},
		{"flushed while WeChat is down", func(f *fleet) {
			f.inject(wechatsim.Fault{Kind: wechatsim.FaultReset})
			f.server.lose(f.redis.FlushAll)
		}, 0, nil},
		{"foreign", func(f *fleet) { named("rogue writes").act(f, f.members[0]) }, 200 * time.Millisecond,
			map[string]int{"classic": 1}},
	}
	for _, api := range []string{"stable", "classic"} {
		for _, c := range cases {
			t.Run(api+"/"+c.name, func(t *testing.T) {
				f := inFleet(t, peaceful(api, 3), func(f *fleet) {
					f.wait(time.Minute)
					ours, calls, start := f.read(), f.calls(), time.Now()
					c.harm(f)
					f.judge.suffer(time.Minute)
					for f.read() == "" || !f.ours() {
						f.wait(10 * time.Millisecond)
						if time.Since(start) > f.plan.poll+c.extra {
							t.Fatalf("not mended after %v", time.Since(start))
						}
					}
					took := time.Since(start)
					f.wait(10 * time.Second)
					if got := f.calls() - calls; got != c.calls[api] {
						t.Errorf("%d calls, want %d", got, c.calls[api])
					}
					if api == "stable" && f.read() != ours {
						t.Error("another token than before")
					}
					figure(t, "healed", "%s, %s: after %v, %d calls", api, c.name, took.Round(time.Millisecond), f.calls()-calls)
				})
				f.acquit(t)
			})
		}
	}
}

// ours says that readers get what the daemons know.
func (f *fleet) ours() bool { return f.read() == f.redis.HGet("{"+testKey+"}:state", "token") }
