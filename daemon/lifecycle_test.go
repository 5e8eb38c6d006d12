package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechat"
	"wxtokend/daemon/wechatsim"
	"wxtokend/metrics"
)

// startWith is start, with a daemon that change has tampered with.
func (w *world) startWith(change func(*Daemon)) {
	w.Helper()
	d, err := New(Options{
		Config: w.config, Build: metrics.Build{Version: "test"}, Log: slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		DialRedis:  Dial(w.toRedis.Wrap(func(context.Context, string, string) (net.Conn, error) { return w.redis.Dial() })),
		DialWeChat: Dial(w.toWeChat.Wrap(w.listener.From(w.ip))),
	})
	if err != nil {
		w.Fatal(err)
	}
	change(d)
	ctx, cancel := context.WithCancel(w.Context())
	w.daemon, w.stop, w.ended, w.page = d, cancel, make(chan error, 1), testnet.NewListener("10.0.0.3:80")
	go func() { w.ended <- d.Run(ctx, w.page) }()
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
				if !w.accepted() || w.redis.Exists("{"+testKey+"}:lease") || w.calls() != before+1 || w.logged("token refreshed") != 2 {
					w.Errorf("readers get %q, leased %v, %d calls\n%s", w.read(), w.redis.Exists("{"+testKey+"}:lease"), w.calls(), w.story())
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
		"Redis is slow":     func(w *world) { w.toRedis.Delay(900 * time.Millisecond) }, // twice: a new connection says hello first
		"Redis hangs":       func(w *world) { w.toRedis.Hang(true) },
		"Redis refuses":     func(w *world) { w.toRedis.Refuse(true) },
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
	for name, away := range map[string]func(f *testnet.Faults, on bool){"refuses": (*testnet.Faults).Refuse, "hangs": (*testnet.Faults).Hang} {
		for _, outage := range []time.Duration{time.Second, 10*time.Second + 300*time.Millisecond, time.Minute + 700*time.Millisecond, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%s for %v", name, outage), func(t *testing.T) {
				inWorld(t, "stable", func(w *world) {
					away(w.toRedis, true)
					w.start()
					w.wait(outage)
					if err := w.daemon.Live(); err != nil {
						w.Errorf("not alive: %v", err)
					}
					reasons := strings.Join(w.daemon.Ready(), "\n")
					if !strings.Contains(reasons, testKey+": unknown: no answer from Redis") || !w.running() {
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
			w.Errorf("readers get %q, not %q; %d calls; not ready: %v\n%s", w.read(), token, w.calls(), w.daemon.Ready(), w.story())
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

// broken is a WeChat client with a bug.
type broken struct {
	issuer
	mending atomic.Bool
	calls   atomic.Int32
	cause   any
}

func (b *broken) Mint(ctx context.Context, r wechat.Request) (wechat.Grant, error) {
	if b.mending.Load() {
		return b.issuer.Mint(ctx, r)
	}
	b.calls.Add(1)
	panic(b.cause)
}

// TestPanicInMint: it is counted, counts as a mint that may have happened,
// backs off like any failure, and is over when the bug is.
func TestPanicInMint(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		bug := &broken{cause: "index out of range"}
		w.startWith(func(d *Daemon) { bug.issuer, d.refreshers[0].wechat = d.refreshers[0].wechat, bug })
		w.wait(time.Second / 2)
		if bug.calls.Load() != 1 || w.logged("level=ERROR") != 1 {
			w.Fatalf("%d mints, %d errors", bug.calls.Load(), w.logged("level=ERROR"))
		}
		w.wait(4 * time.Second) // one tick writes it down, the next one sees it
		s := w.daemon.Status().Credentials[0]
		if s.LastError == nil || s.LastError.Class != "unknown" || s.LastError.Message != "mint: the client panicked" {
			w.Errorf("status %+v", s.LastError)
		}
		w.wait(10 * time.Minute)
		panics, state := int(bug.calls.Load()), "{"+testKey+"}:state"
		if panics < 15 || panics > 26 || w.logged("panic; the next tick comes all the same") != panics {
			w.Errorf("%d mints in ten minutes, %d panics logged", panics, w.logged("panic; the next tick"))
		}
		if err := w.daemon.Live(); err != nil {
			w.Error(err)
		}
		if got := w.page1("/metrics"); !strings.Contains(got, fmt.Sprintf("wxtokend_panics_total %d\n", panics)) {
			w.Errorf("metrics do not count %d panics", panics)
		}
		if generation, settled := w.redis.HGet(state, "generation"), w.redis.HGet(state, "settled"); generation == "" || settled != "" {
			w.Errorf("generation %q, settled %q: a mint may have happened", generation, settled)
		}
		bug.mending.Store(true)
		w.wait(40 * time.Second)
		if !w.accepted() || w.daemon.Ready() != nil {
			w.Errorf("after the bug: %v", w.daemon.Ready())
		}
	})
}

// page1 is the body of one page of the daemon.
func (w *world) page1(path string) string {
	_, body := w.get(path)
	return body
}

// TestFrames: a stack may be logged without the lines that hold arguments.
func TestFrames(t *testing.T) {
	stack := "goroutine 7 [running]:\nmain.mint({0xc000012345?, \"secret\"})\n\t/src/mint.go:12 +0x1d\nmain.main()\n\t/src/main.go:3\n"
	if got := fmt.Sprint(frames([]byte(stack))); got != "[/src/mint.go:12 /src/main.go:3]" {
		t.Error(got)
	}
}

// TestPanicInTick: a bug in a tick is no reason to stop ticking.
func TestPanicInTick(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.startWith(func(d *Daemon) {
			d.refreshers[0].config.Key = "a key that no metric knows\xff" // labels must be UTF-8
		})
		w.wait(time.Minute)
		if n := w.logged("panic; the next tick comes all the same"); n < 30 || w.daemon.Live() != nil {
			w.Errorf("%d panics in a minute; alive: %v", n, w.daemon.Live())
		}
		if strings.Contains(w.logs.String(), "no metric knows") {
			w.Error("the reason of a panic is in the log")
		}
	})
}

// TestQuiet: nothing happens, nothing is logged.
func TestQuiet(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(time.Minute)
		if w.logged("level=INFO") != w.loud() || w.loud() > 4 || w.logged("token refreshed") != 1 {
			w.Errorf("a start says\n%s", w.story())
		}
		before := w.loud()
		w.wait(time.Hour)
		if w.loud() != before {
			w.Errorf("an hour without events says\n%s", w.story())
		}
		w.wait(time.Hour) // one refresh
		if said := w.loud() - before; said != w.logged("token refreshed")-1+w.logged("state changed")-2 || said > 5 {
			w.Errorf("an hour with a refresh says %d lines\n%s", said, w.story())
		}
	})
}

// TestRedisAwayIsSaidOnce: one line when it goes, one when nothing is known any
// more, and one for each when it is back.
func TestRedisAwayIsSaidOnce(t *testing.T) {
	for name, away := range map[string]func(f *testnet.Faults, on bool){"refuses": (*testnet.Faults).Refuse, "hangs": (*testnet.Faults).Hang} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "stable", func(w *world) {
				w.start()
				w.wait(time.Minute)
				before, calls := w.loud(), w.calls()
				away(w.toRedis, true)
				w.wait(time.Hour)
				if w.loud() != before+2 || w.logged("redis does not answer") != 1 || w.logged("to=unknown") != 1 {
					w.Errorf("an hour without Redis says\n%s", w.story())
				}
				away(w.toRedis, false)
				w.wait(time.Minute)
				if w.loud() != before+4 || w.logged("redis answers again") != 1 || w.logged("level=WARN") != 1 {
					w.Errorf("its return says\n%s", w.story())
				}
				if w.calls() != calls {
					w.Errorf("%d calls", w.calls()-calls)
				}
				w.rest()
			})
		})
	}
}

// TestFailureIsSaidOnce: one WARN per failed refresh, each with the next attempt.
func TestFailureIsSaidOnce(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultStatus})
		w.start()
		w.wait(20 * time.Minute)
		failed := w.logged(`level=WARN msg="refresh failed`)
		if failed != w.calls() || failed < 30 || failed != w.logged("next_attempt=") || w.logged("level=WARN") != failed {
			w.Errorf("%d calls, %d warnings of failed refreshes, %d in all, %d with the next attempt",
				w.calls(), failed, w.logged("level=WARN"), w.logged("next_attempt="))
		}
		if w.logged("level=INFO") != 1 { // the state is missing
			w.Errorf("%s", w.story())
		}
	})
}

// TestUnreadableSecret is a failure before a mint: said once, not each poll,
// and over when the file is there.
func TestUnreadableSecret(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		file := filepath.Join(w.TempDir(), "appsecret")
		w.config.Credentials[0].Secret, w.config.Credentials[0].SecretFile = "", file
		w.start()
		w.wait(10 * time.Minute)
		if w.logged("level=WARN") != 1 || w.logged("could not read the AppSecret") != 1 || w.calls() != 0 {
			w.Errorf("%d calls\n%s", w.calls(), w.story())
		}
		notes := strings.Join(w.daemon.Status().Credentials[0].Notes, "\n")
		if !strings.Contains(notes, "could not read the AppSecret") {
			w.Errorf("the page says %q", notes)
		}
		if err := os.WriteFile(file, []byte(testSecret+"\n"), 0o600); err != nil {
			w.Fatal(err)
		}
		w.wait(4 * time.Second)
		if notes := w.daemon.Status().Credentials[0].Notes; !w.accepted() || len(notes) != 0 {
			w.Errorf("with the file: notes %q\n%s", notes, w.story())
		}
	})
}
