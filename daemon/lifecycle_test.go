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
