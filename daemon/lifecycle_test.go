package daemon

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

// startWith is start, with keepers that work with something else.
func (w *world) startWith(tamper func(*keeper.Options)) {
	w.Helper()
	w.tamper = tamper
	w.start()
}

// loadScripts leaves a Redis that is empty and knows all scripts of a refresh,
// so that from now on each operation is one request.
func (w *world) loadScripts() {
	w.Helper()
	w.start()
	w.wait(time.Second)
	w.kill()
	w.redis.FlushAll()
}

// rest ends the daemon and the one goroutine of the Redis client that outlives
// its Close, a probe of a dead address: a dial's timeout and a second at most.
func (w *world) rest() {
	w.kill()
	w.wait(w.config.Redis.Timeout + time.Second)
}

// calls is how often WeChat was asked for a token.
func (w *world) calls() int {
	made := w.wechat.Calls(testAppID)
	return made[wechatsim.PathStableToken] + made[wechatsim.PathToken]
}

// story is the log as an operator sees it by default.
func (w *world) story() string {
	var story strings.Builder
	for line := range strings.Lines(w.logs.String()) {
		if !strings.Contains(line, "level=DEBUG") {
			story.WriteString(line)
		}
	}
	return story.String()
}

// logged counts the lines of the story that contain text; the levels are
// level=WARN and so on.
func (w *world) logged(text string) int {
	count := 0
	for line := range strings.Lines(w.story()) {
		if strings.Contains(line, text) {
			count++
		}
	}
	return count
}

func (w *world) loud() int { return strings.Count(w.story(), "\n") }

func (w *world) running() bool {
	synctest.Wait()
	return len(w.ended) == 0
}

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

// TestSlowAnswer is waited for over several ticks, and not asked for twice.
func TestSlowAnswer(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.config.Refresh.Poll = 100 * time.Millisecond
		w.toWeChat.Delay(4500 * time.Millisecond)
		w.start()
		w.wait(5 * time.Second)
		if w.calls() != 1 || !w.accepted() {
			w.Errorf("%d calls; readers get %q", w.calls(), w.read())
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

// TestListenerBreaks: a daemon that nobody can ask any more ends, with an error.
func TestListenerBreaks(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(time.Minute)
		if err := w.page.Close(); err != nil {
			w.Fatal(err)
		}
		w.wait(time.Second)
		if w.running() {
			w.Fatal("Run goes on")
		}
		if err := <-w.ended; err == nil || !strings.Contains(err.Error(), "serve http") {
			w.Errorf("Run returns %v", err)
		}
		w.daemon = nil
	})
}

// TestRestart: a fresh token in Redis is enough to be ready, after one tick.
func TestRestart(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.start()
		w.wait(time.Minute)
		token := w.read()
		for range 10 {
			w.kill()
			w.start()
			synctest.Wait() // the first tick takes no time
			if reasons := w.daemon.Ready(); reasons != nil {
				w.Errorf("after the first tick: %v", reasons)
			}
			w.wait(10 * time.Second)
		}
		if w.calls() != 1 || w.read() != token {
			w.Errorf("ten restarts made %d calls", w.calls()-1)
		}
	})
}

// TestRedisDownAtStart: the daemon comes up and says what is missing, asks
// WeChat nothing, and is ready soon after Redis is.
func TestRedisDownAtStart(t *testing.T) {
	for name, away := range map[string]func(f *testnet.Faults, on bool){"refuses": (*testnet.Faults).Refuse,
		"hangs": (*testnet.Faults).Hang} {
		for _, outage := range []time.Duration{time.Second, 10*time.Second + 300*time.Millisecond,
			time.Minute + 700*time.Millisecond, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%s for %v", name, outage), func(t *testing.T) {
				inWorld(t, "stable", func(w *world) {
					away(w.toRedis, true)
					w.start()
					w.wait(outage)
					if err := w.daemon.Live(); err != nil {
						w.Errorf("not alive: %v", err)
					}
					reasons := strings.Join(w.daemon.Ready(), "\n")
					if !strings.Contains(reasons, testKey+": unknown: nothing is known from Redis") || !w.running() {
						w.Errorf("not ready because %q; running %v", reasons, w.running())
					}
					if outage > 2*time.Second && !strings.Contains(reasons, "observe "+testKey) {
						w.Errorf("the reason does not say what failed: %q", reasons)
					}
					if w.calls() != 0 {
						w.Errorf("%d calls without Redis", w.calls())
					}
					away(w.toRedis, false)
					back := time.Now()
					for w.daemon.Ready() != nil && time.Since(back) < time.Minute {
						w.wait(10 * time.Millisecond)
					}
					w.Logf("ready after %v", time.Since(back))
					if took := time.Since(back); took > recovery || !w.accepted() || w.calls() != 1 {
						w.Errorf("ready %v after Redis; %d calls; readers get %q", took, w.calls(), w.read())
					}
					w.rest()
				})
			})
		}
	}
}

// TestRestoreAfterHang: while Redis hangs a tick takes many polls, and each is
// a link of the chain all the same.
func TestRestoreAfterHang(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.config.Refresh.Poll = 100 * time.Millisecond
		w.start()
		w.wait(10 * time.Second)
		token := w.read()
		w.toRedis.Hang(true)
		w.wait(time.Minute)
		w.redis.FlushAll()
		w.toRedis.Hang(false)
		w.wait(recovery)
		if w.read() != token || w.calls() != 1 || w.daemon.Ready() != nil {
			w.Errorf("readers get %q, not %q; %d calls; not ready: %v\n%s", w.read(), token, w.calls(), w.daemon.Ready(),
				w.story())
		}
		w.rest()
	})
}

// TestRestoredIsReady: not a poll later, but at once.
func TestRestoredIsReady(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"deleted": func(w *world) { w.redis.Del(testKey) },
		"flushed": func(w *world) { w.redis.FlushAll() },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "stable", func(w *world) {
				w.start()
				w.wait(10 * time.Second)
				lose(w)
				for range 40 {
					w.wait(100 * time.Millisecond)
					if w.read() == "" {
						continue
					}
					if reasons := w.daemon.Ready(); reasons != nil {
						w.Fatalf("readers have a token, and the daemon is not ready: %v", reasons)
					}
				}
				if w.calls() != 1 || w.logged("wrote the known token back") != 1 {
					w.Errorf("%d calls\n%s", w.calls(), w.story())
				}
			})
		})
	}
}

// recovery is how long after Redis the daemon may be back: one poll, the
// second in which the Redis client tries a dead address once, the timeout of a tick that was under way.
const recovery = 2*time.Second + time.Second + 2*time.Second
