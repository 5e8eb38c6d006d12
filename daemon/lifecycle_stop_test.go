package daemon

import (
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

// TestStopCommits: a mint that is under way when the daemon is told to stop
// still reaches the readers.
func TestStopCommits(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		inWorld(t, api, func(w *world) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultDelay, Delay: 3 * time.Second})
			w.start()
			w.wait(time.Second)
			w.stop()
			w.wait(1900 * time.Millisecond)
			if w.calls() != 1 || w.read() != "" || !w.running() {
				w.Fatalf("while WeChat thinks: %d calls, readers get %q, running %v", w.calls(), w.read(), w.running())
			}
			w.wait(200 * time.Millisecond)
			if !w.accepted() || w.running() {
				w.Errorf("after WeChat's answer: readers get %q, running %v\n%s", w.read(), w.running(), w.story())
			}
		})
	}
}

// TestStopSettles: a commit that got no answer is sent once more before the end.
func TestStopSettles(t *testing.T) {
	for name, lose := range map[string]func(f *testnet.Faults){
		"the commit was lost": func(f *testnet.Faults) { f.DropRequests(1, isCommit) },
		"its reply was lost":  func(f *testnet.Faults) { f.DropReplies(1, isCommit) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "classic", func(w *world) {
				w.loadScripts()
				before := w.calls()
				lose(w.toRedis)
				w.start()
				w.wait(time.Second)
				if w.toRedis.Pending() != 0 || w.logged("a new token is not stored yet") != 1 || w.logged("token refreshed") != 1 {
					w.Fatalf("the fault did not hit\n%s", w.story())
				}
				w.kill()
				if !w.accepted() || w.redis.Exists("{"+testKey+"}:lease") || w.calls() != before+1 ||
					w.logged("token refreshed") != 2 {
					w.Errorf("readers get %q, leased %v, %d calls\n%s", w.read(), w.redis.Exists("{"+testKey+"}:lease"), w.calls(),
						w.story())
				}
			})
		})
	}
}

// TestStopBeforeMint: an attempt that WeChat was not asked for is not taken up
// again after the stop.
func TestStopBeforeMint(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.loadScripts()
		before := w.calls()
		w.toRedis.DropReplies(1, isBegin)
		w.start()
		w.wait(time.Second)
		w.kill()
		if w.toRedis.Pending() != 0 || w.calls() != before {
			w.Errorf("%d calls", w.calls()-before)
		}
	})
}

// TestStopInTime: whatever hangs, Run returns nil within wechat.timeout +
// 2 × redis.timeout. That all goroutines end is what the bubble watches.
func TestStopInTime(t *testing.T) {
	const grace = 9 * time.Second
	faults := map[string]func(w *world){
		"nothing":           func(*world) {},
		"WeChat hangs":      func(w *world) { w.toWeChat.Hang(true) },
		"WeChat never ends": func(w *world) { w.inject(wechatsim.Fault{Kind: wechatsim.FaultSlowBody}) },
		"WeChat is slow":    func(w *world) { w.toWeChat.Delay(4900 * time.Millisecond) },
		"Redis is slow":     func(w *world) { w.toRedis.Delay(900 * time.Millisecond) },
		// twice: a new connection says hello first
		"Redis hangs":   func(w *world) { w.toRedis.Hang(true) },
		"Redis refuses": func(w *world) { w.toRedis.Refuse(true) },
		"both are slow": func(w *world) {
			w.toWeChat.Delay(4900 * time.Millisecond)
			w.toRedis.Delay(900 * time.Millisecond)
		},
		"WeChat hangs, Redis is slow and then hangs": func(w *world) {
			w.toWeChat.Hang(true)
			w.toRedis.Delay(900 * time.Millisecond)
			time.AfterFunc(5*time.Second, func() { w.toRedis.Hang(true) })
		},
		"Redis hangs during the mint": func(w *world) {
			w.toWeChat.Delay(4900 * time.Millisecond)
			time.AfterFunc(time.Millisecond, func() { w.toRedis.Hang(true) })
		},
	}
	for name, fault := range faults {
		for _, after := range []time.Duration{0, 100 * time.Millisecond, 2 * time.Second, 4 * time.Second, 12 * time.Second} {
			t.Run(fmt.Sprintf("%s, stopped after %v", name, after), func(t *testing.T) {
				inWorld(t, "classic", func(w *world) {
					w.loadScripts()
					fault(w)
					w.start()
					w.wait(after)
					stopped := time.Now()
					w.kill()
					if took := time.Since(stopped); took > grace {
						w.Errorf("took %v\n%s", took, w.story())
					}
					w.rest()
				})
			})
		}
	}
}

// TestStopDuringTick: a tick that ends after the stop begins nothing.
func TestStopDuringTick(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.loadScripts()
		before := w.calls()
		w.toRedis.Delay(900 * time.Millisecond)
		w.start()
		w.wait(100 * time.Millisecond)
		w.kill()
		if w.calls() != before || len(w.redis.Keys()) != 0 {
			w.Errorf("%d mints began after the stop; Redis has %q", w.calls()-before, w.redis.Keys())
		}
	})
}

// TestStopTwice: a start and a stop without a tick in between, over and over.
func TestStopTwice(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		for range 20 {
			w.start()
			w.kill()
		}
		if w.calls() > 1 {
			w.Errorf("%d calls", w.calls())
		}
	})
}
