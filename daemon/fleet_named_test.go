package daemon

import (
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/wechatsim"
)

// when has do happen once, as soon as somebody comes to the step.
func (f *fleet) when(s keeper.Step, do func(m *member)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.traps = append(f.traps, trap{step: s, fault: fault{name: "as scheduled",
		act: func(_ *fleet, m *member) (string, time.Duration) {
			do(m)
			return "", 2 * f.config.Refresh.Lease
		}}})
}

// schedule is a trace that once found a hole, in a model or in a fleet.
type schedule struct {
	name    string
	set     func(f *fleet) // before the next refresh
	mints   [2]int         // at most until all is quiet again: calls with stable, tokens with classic
	refused time.Duration  // longest that readers of a classic token may be refused
}

// momentary is from the issue of a repairing mint to its commit.
const momentary = time.Second

func schedules() []schedule {
	return []schedule{
		{"nothing", func(*fleet) {}, [2]int{1, 1}, 0},
		{"B2: begin applied, its reply lost", func(f *fleet) {
			f.when(keeper.Beginning, func(m *member) { m.toRedis.DropReplies(1, isBegin) })
		}, [2]int{1, 1}, 0},
		{"B5: observed, then somebody else's whole refresh, then begin", func(f *fleet) {
			f.when(keeper.Beginning, func(m *member) { m.pause(10 * time.Second) })
		}, [2]int{1, 1}, 0},
		{"B8: WeChat processes the first request after the second", func(f *fleet) {
			f.when(keeper.Drawing, func(m *member) { m.toWeChat.HoldRequests(1, isMint, 25*time.Second) })
		}, [2]int{2, 3}, momentary},
		{"B8: the same with nothing to read", func(f *fleet) {
			f.when(keeper.Drawing, func(m *member) {
				m.toWeChat.HoldRequests(1, isMint, 25*time.Second)
				f.server.lose(f.redis.FlushAll)
			})
		}, [2]int{3, 4}, 40 * time.Second},
		{"C1: stopped before the commit for longer than the lease", func(f *fleet) {
			f.when(keeper.Committing, func(m *member) { m.pause(40 * time.Second) })
		}, [2]int{3, 3}, momentary},
		{"C1: the same, and Redis was flushed meanwhile", func(f *fleet) {
			f.when(keeper.Committing, func(m *member) {
				m.pause(40 * time.Second)
				f.after(10*time.Second, func() { f.server.lose(f.redis.FlushAll) })
			})
		}, [2]int{3, 4}, 40 * time.Second},
		{"C3: a late request after another's, its mark before the other's commit", func(f *fleet) {
			f.when(keeper.Drawing, func(m *member) { m.oversleep.Store(int64(33 * time.Second)) })
			f.when(keeper.Committing, func(m *member) { m.pause(8 * time.Second) })
		}, [2]int{3, 3}, 8 * time.Second},
		{"C5: commit applied, its reply lost", func(f *fleet) {
			f.when(keeper.Committing, func(m *member) { m.toRedis.DropReplies(1, isCommit) })
		}, [2]int{1, 1}, 0},
		{"C6: a loser's mint killed the winner's token", func(f *fleet) {
			f.when(keeper.Drawing, func(m *member) { m.oversleep.Store(int64(33 * time.Second)) })
		}, [2]int{3, 3}, momentary},
		{"A1: the same, and the loser's reply is lost too", func(f *fleet) {
			f.when(keeper.Drawing, func(m *member) {
				m.oversleep.Store(int64(33 * time.Second))
				m.toWeChat.DropReplies(1, isMint)
			})
		}, [2]int{3, 3}, momentary},
		{"A3: the first attempt unknown, the second certainly failed", func(f *fleet) {
			f.when(keeper.Drawing, func(m *member) { m.toWeChat.DropReplies(1, isMint) })
			f.when(keeper.Aborting, func(*member) {
				f.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Path: f.path(), Times: 1})
			})
		}, [2]int{3, 2}, momentary},
		{"R3: a failover loses the commit", func(f *fleet) {
			f.when(keeper.Committed, func(*member) { f.server.failover(1); f.server.away(time.Second) })
		}, [2]int{2, 2}, momentary},
		{"R8: a failover loses begin and commit", func(f *fleet) {
			f.when(keeper.Committed, func(*member) { f.server.failover(2); f.server.away(time.Second) })
		}, [2]int{2, 3}, momentary},
		{"B3: a failover leaves a lease of hours", func(f *fleet) {
			f.when(keeper.Observing, func(*member) {
				f.server.change(func() {
					_ = f.redis.Set("{"+testKey+"}:lease", "aa:1:1:30000")
					f.redis.SetTTL("{"+testKey+"}:lease", 5*time.Hour)
				})
			})
		}, [2]int{1, 1}, 0},
		{"S4: a rogue's newer token is not buried", func(f *fleet) {
			f.when(keeper.Observing, func(m *member) { named("rogue writes").act(f, m) })
		}, [2]int{3, 4}, momentary},
		{"the clock of Redis goes back by less than the token's age", func(f *fleet) {
			f.server.setClock(-6 * time.Minute)
		}, [2]int{1, 1}, 0},
		{"a refresh that Redis loses twice", func(f *fleet) {
			f.when(keeper.Drawing, func(*member) { f.server.lose(f.redis.FlushAll) })
			f.when(keeper.Committing, func(*member) { f.server.lose(f.redis.FlushAll) })
		}, [2]int{3, 4}, 40 * time.Second},
	}
}

// TestNamedSchedules replays the traces that each guard is there for.
func TestNamedSchedules(t *testing.T) {
	withoutRace(t)
	for i, api := range []string{"stable", "classic"} {
		for _, s := range schedules() {
			t.Run(api+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				f := inFleet(t, peaceful(api, 2), func(f *fleet) { f.throughOneRefresh(s.set) })
				f.report(t, f.made()-1, s.mints[i], map[string]time.Duration{"classic": s.refused}[api])
			})
		}
	}
}

// TestEachStep crashes and stops a daemon at each step of a refresh.
func TestEachStep(t *testing.T) {
	withoutRace(t)
	harms := map[string]func(m *member){
		"crash": func(m *member) { m.die(5 * time.Second) },
		"stop":  func(m *member) { m.pause(45 * time.Second) },
	}
	for _, api := range []string{"stable", "classic"} {
		for _, s := range []keeper.Step{keeper.Observing, keeper.Beginning, keeper.Drawing, keeper.Committing,
			keeper.Committed, keeper.Verifying, keeper.Judging, keeper.Reasserting, keeper.Restoring, keeper.Aborting} {
			for name, harm := range harms {
				t.Run(fmt.Sprintf("%s/%s before %s", api, name, s), func(t *testing.T) {
					t.Parallel()
					f := inFleet(t, peaceful(api, 2), func(f *fleet) {
						f.throughOneRefresh(func(f *fleet) {
							f.when(s, harm)
							if s == keeper.Reasserting {
								f.server.change(func() { f.redis.Del(testKey) })
							}
							if s == keeper.Restoring {
								f.server.lose(f.redis.FlushAll)
							}
							if s == keeper.Aborting {
								f.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Path: f.path(), Times: 1})
							}
						})
					})
					if f.struck.Load() == 0 {
						t.Error("nobody came to the step")
					}
					f.report(t, f.made()-1, 3, momentary)
				})
			}
		}
	}
}

// made is how often the fleet drew. Stable issues one token however often it is
// asked, so there the calls count.
func (f *fleet) made() int {
	if f.plan.api == "stable" {
		return f.calls()
	}
	return f.mints()
}

// throughOneRefresh goes to just before the next refresh, sets the schedule
// and waits until all must be quiet again.
func (f *fleet) throughOneRefresh(set func(f *fleet)) {
	f.wait(time.Minute)
	ahead := f.world.ahead(f.life)
	f.wait(f.life - ahead - 70*time.Second)
	set(f)
	f.wait(overlap + 2*time.Minute) // until what was superseded must be dead
}

// report holds a fleet to what a schedule may cost.
func (f *fleet) report(t *testing.T, mints, most int, refused time.Duration) {
	t.Helper()
	bad := f.judge.violations()
	if mints < 1 || mints > most {
		bad = append(bad, fmt.Sprintf("%d mints, want 1 to %d", mints, most))
	}
	longest := time.Duration(0)
	for _, o := range f.judge.outages {
		if o.refused {
			longest = max(longest, o.end.Sub(o.start))
		}
	}
	if longest > refused {
		bad = append(bad, fmt.Sprintf("readers were refused for %v, want at most %v", longest, refused))
	}
	for _, line := range bad {
		t.Error(line)
	}
	if len(bad) > 0 {
		t.Logf("how it came to this:\n%s\n%s", f.ending(), f.world.story())
	}
}
