package daemon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

// Each script's arguments have a member that no other's have.
var (
	isBegin  = testnet.Containing("secrets_every")
	isCommit = testnet.Containing("unchanged_wait")
	isAbort  = testnet.Containing("give_back")
	isMint   = testnet.Containing(wechatsim.PathToken+"?", wechatsim.PathStableToken)
)

// shortLife makes tests of one refresh cheap; it is still well above the
// overlap.
const shortLife = 20 * time.Minute

// TestFaultTable breaks each side effect of a refresh in both ways, with and
// without a token that readers use meanwhile.
func TestFaultTable(t *testing.T) {
	effects := []struct {
		name  string
		net   func(w *world) *testnet.Faults
		match testnet.Match
		mints [2]int // at most, per way of failing: not applied, applied
	}{
		{"begin", func(w *world) *testnet.Faults { return w.toRedis }, isBegin, [2]int{1, 1}},
		// An unknown outcome is settled by one more mint.
		{"mint", func(w *world) *testnet.Faults { return w.toWeChat }, isMint, [2]int{2, 3}},
		{"commit", func(w *world) *testnet.Faults { return w.toRedis }, isCommit, [2]int{1, 1}},
	}
	for _, api := range []string{"stable", "classic"} {
		for _, e := range effects {
			for way, name := range []string{"failed, not applied", "failed, applied"} {
				for _, warm := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%s/%s/warm=%v", api, e.name, name, warm), func(t *testing.T) {
						inWorldOf(t, api, shortLife, func(w *world) {
							before := 0
							if warm {
								before = w.warm()
							}
							if way == 0 {
								e.net(w).DropRequests(1, e.match)
							} else {
								e.net(w).DropReplies(1, e.match)
							}
							if !warm {
								w.start()
							}
							w.recovers(warm)
							if e.net(w).Pending() != 0 {
								t.Fatal("the fault did not happen")
							}
							if got := w.mints() - before; got < 1 || got > e.mints[way] {
								t.Errorf("%d mints, want 1 to %d\n%s", got, e.mints[way], w.logs)
							}
						})
					})
				}
			}
		}
	}
}

// TestAbortFaults loses the abort of a mint that WeChat answered with "busy".
func TestAbortFaults(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		for way, name := range []string{"failed, not applied", "failed, applied"} {
			t.Run(api+"/"+name, func(t *testing.T) {
				inWorldOf(t, api, shortLife, func(w *world) {
					before := w.warm()
					w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Times: 1})
					if way == 0 {
						w.toRedis.DropRequests(1, isAbort)
					} else {
						w.toRedis.DropReplies(1, isAbort)
					}
					w.recovers(true)
					if got := w.mints() - before; w.toRedis.Pending() != 0 || got != 1 {
						t.Errorf("%d mints, want 1; %d faults left\n%s", got, w.toRedis.Pending(), w.logs)
					}
				})
			})
		}
	}
}

// warm starts a daemon and goes to just before its next refresh.
func (w *world) warm() (mints int) {
	w.start()
	w.wait(time.Second)
	if !w.accepted() {
		w.Fatalf("no token to begin with\n%s", w.logs)
	}
	ahead := w.ahead(w.life)
	w.wait(w.life - ahead - 10*time.Second)
	return w.mints()
}

// recovers lets ten minutes pass. A reader that has a token never meets a
// refused one; without one it gets one within fifty seconds, for good.
func (w *world) recovers(warm bool) {
	w.Helper()
	for second := range 600 {
		w.wait(time.Second)
		if (warm || second > 50) && !w.accepted() {
			w.Fatalf("after %d s WeChat refuses what a reader reads (%q)\n%s", second, w.read(), w.logs)
		}
	}
}

func (w *world) inject(f wechatsim.Fault) {
	w.Helper()
	if _, err := w.wechat.Inject(f); err != nil {
		w.Fatal(err)
	}
}

// TestWeek is one daemon over a week of virtual time. Each refresh comes a
// fraction of a poll late, so once a week a classic day has one less than 16.
func TestWeek(t *testing.T) {
	for api, want := range map[string][2]int{"stable": {12, 13}, "classic": {15, 16}} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			inWorld(t, api, func(w *world) {
				w.config.Refresh.Poll = weekPoll
				w.start()
				w.wait(time.Minute)
				first := w.mints()
				for day := range weekDays {
					before := w.mints()
					for range 24 * 360 {
						w.wait(10 * time.Second)
						if !w.accepted() {
							w.Fatalf("day %d: WeChat refuses what a reader reads\n%s", day, w.logs)
						}
					}
					if got := w.mints() - before; got < want[0] || got > want[1] {
						w.Errorf("day %d: %d mints, want %v", day, got, want)
					}
				}
				if got := w.mints() - first; api == "classic" && got < 16*weekDays-1 {
					w.Errorf("%d mints in %d days", got, weekDays)
				}
			})
		})
	}
}

// TestFaultyWeek is the same with everything that WeChat's network and servers
// do to their clients, at random: a tenth of all calls fail in some way.
func TestFaultyWeek(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			inWorld(t, api, func(w *world) {
				w.config.Refresh.Poll = weekPoll
				w.start()
				w.wait(time.Minute)
				for _, f := range usualFaults() {
					f.Probability = 0.1 / float64(len(usualFaults()))
					f.Path = wechatsim.PathToken
					w.inject(f)
					f.Path = wechatsim.PathStableToken
					w.inject(f)
				}
				dice, lost := rand.New(rand.NewPCG(seed, 0)), 0
				for range weekDays * 24 * 360 {
					w.wait(10 * time.Second)
					if dice.IntN(360) == 0 {
						w.disturb(dice)
					}
					if w.accepted() {
						lost = 0
						continue
					}
					// Only a reader that came between a disturbance and the next poll, or
					// a classic mint whose repair was lost as well, finds nothing.
					if lost++; lost > 6 {
						w.Fatalf("seed %d: for a minute WeChat refuses what a reader reads (%q)\n%s", seed, w.read(), w.logs)
					}
				}
				w.Logf("seed %d: %d mints, %v calls", seed, w.mints(), w.wechat.Calls(testAppID))
			})
		})
	}
}

// disturb does to Redis what people and crashes do.
func (w *world) disturb(dice *rand.Rand) {
	switch dice.IntN(5) {
	case 0:
		w.redis.Del(testKey)
	case 1:
		_ = w.redis.Set(testKey, "garbage")
	case 2:
		w.redis.FlushAll()
	case 3:
		w.toRedis.DropReplies(1, nil)
	case 4:
		w.kill()
		w.start()
	}
}

// usualFaults are failures that may come at any time; Probability is the caller's.
func usualFaults() []wechatsim.Fault {
	kinds := []wechatsim.FaultKind{
		wechatsim.FaultEmpty, wechatsim.FaultHTML, wechatsim.FaultTruncated, wechatsim.FaultNoToken,
		wechatsim.FaultReset, wechatsim.FaultReplyLost, wechatsim.FaultHang, wechatsim.FaultRedirect,
	}
	faults := []wechatsim.Fault{
		{Kind: wechatsim.FaultErrcode, Code: -1},
		{Kind: wechatsim.FaultErrcode, Code: 45011},
		{Kind: wechatsim.FaultStatus, Code: 502},
	}
	for _, kind := range kinds {
		faults = append(faults, wechatsim.Fault{Kind: kind})
	}
	return faults
}

// ahead is how long before the end of a token of that life its refresh is due.
func (w *world) ahead(life time.Duration) time.Duration {
	return min(w.config.Credentials[0].Ahead, life/2)
}

// deadlines lets a test see until when a call may take.
type deadlines struct {
	credential.Kind
	seen func(time.Time)
}

func (d deadlines) Draw(ctx context.Context, in credential.Inputs) (credential.Grant, error) {
	end, _ := ctx.Deadline()
	d.seen(end)
	return d.Kind.Draw(ctx, in)
}

// TestLeaseEndsTheCall: a process that was stopped between begin and the call
// has less than wechat.timeout left. No configuration says so, as none knows
// of the stop: here the timeout alone would outlast the lease.
func TestLeaseEndsTheCall(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		calls := 0
		w.tamper = func(o *keeper.Options) {
			o.CallTimeout = time.Minute
			o.Kind = deadlines{o.Kind, func(end time.Time) {
				calls++
				if left, most := time.Until(end), o.Spec.Lease-o.RedisTimeout; left > most {
					t.Errorf("a call may take %v, the lease and a commit leave %v", left, most)
				}
			}}
		}
		w.start()
		if w.wait(time.Minute); calls != 1 {
			t.Errorf("%d calls, want 1", calls)
		}
	})
}
