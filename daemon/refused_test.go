package daemon

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"wxtokend/daemon/wechatsim"
)

// refuseWrites makes Redis answer every script but a look with an error, "" none.
func (w *world) refuseWrites() (set func(answer string)) {
	w.Helper()
	var refusal atomic.Value
	refusal.Store("")
	w.redis.Server().SetPreHook(func(peer *server.Peer, cmd string, args ...string) bool {
		answer := refusal.Load().(string)
		if cmd != "EVALSHA" && cmd != "EVAL" || answer == "" || len(args[len(args)-1]) < 100 {
			return false
		}
		peer.WriteError(answer)
		return true
	})
	return func(answer string) { refusal.Store(answer) }
}

// TestRefusedWritesAreSaidOnce: Redis is read and takes no writes. Many polls say so
// once, whatever actions it stops, and when it is over there is nothing left to say.
func TestRefusedWritesAreSaidOnce(t *testing.T) {
	withoutRace(t)
	answers := map[string]string{
		"NOREPLICAS":      "NOREPLICAS Not enough good replicas to write.",
		"OOM":             "OOM command not allowed when used memory > 'maxmemory'.",
		"READONLY":        "READONLY You can't write against a read only replica.",
		"MISCONF":         "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
		"a missing right": "NOPERM User wxtokend has no permissions to run the 'hset' command",
	}
	for _, api := range []string{"stable", "classic"} {
		for name, answer := range answers {
			t.Run(api+"/"+name, func(t *testing.T) {
				t.Parallel()
				inWorldOf(t, api, shortLife, func(w *world) {
					w.start()
					w.wait(time.Minute)
					refuse := w.refuseWrites()
					warnings, calls := w.logged("level=WARN"), w.calls()
					refuse(answer)
					w.redis.Del(testKey)
					w.must(w.redis.Set("{"+testKey+"}:rejected", "nonsense"))
					// Questions and a mint come due meanwhile.
					w.wait(shortLife)
					if n := w.logged("level=WARN") - warnings; n != 1 || w.calls() != calls {
						w.Errorf("%d WARN, want 1; %d calls\n%s", n, w.calls()-calls, w.story())
					}
					if w.logged("level=INFO") > 8 {
						w.Errorf("too many lines\n%s", w.story())
					}
					before := w.loud()
					refuse("")
					w.wait(time.Minute)
					if !w.accepted() || w.daemon.Ready() != nil || len(w.daemon.registry.all()[0].Credential().Notes) != 0 {
						w.Errorf("not mended: %v %q\n%s", w.daemon.Ready(), w.daemon.registry.all()[0].Credential().Notes, w.story())
					}
					if more := w.loud() - before; more < 1 || more > 4 || w.logged("level=WARN")-warnings != 1 {
						w.Errorf("its end says %d lines\n%s", more, w.story())
					}
					// The same trouble again is another one.
					refuse(answer)
					w.redis.Del(testKey)
					w.wait(time.Minute)
					if n := w.logged("level=WARN") - warnings; n != 2 {
						w.Errorf("the second time: %d WARN in all, want 2\n%s", n, w.story())
					}
					// Another cause is told as well.
					refuse("LOADING Redis is loading the dataset in memory")
					w.wait(time.Minute)
					if n := w.logged("level=WARN") - warnings; n != 3 {
						w.Errorf("another cause: %d WARN in all, want 3\n%s", n, w.story())
					}
				})
			})
		}
	}
}

// TestClockOfRedisFarOff: its clock is hours ahead or behind. The daemon lives by it,
// and says by how much whoever compares it with another one is wrong.
func TestClockOfRedisFarOff(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 8 * time.Hour, "behind": -8 * time.Hour,
		"a minute": time.Minute, "well kept": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "stable", func(w *world) {
				stop, ended := make(chan struct{}), make(chan struct{})
				var skew atomic.Int64
				skew.Store(int64(off))
				go func() {
					defer close(ended)
					for {
						select {
						case <-stop:
							return
						default:
							w.redis.SetTime(time.Now().Add(time.Duration(skew.Load())))
							time.Sleep(50 * time.Millisecond)
						}
					}
				}()
				w.wait(time.Second)
				w.start()
				w.wait(10 * time.Minute)
				const warning = "the clock of Redis is not this host's"
				want := 1
				if off.Abs() < 30*time.Second {
					want = 0
				}
				if w.logged(warning) != want {
					w.Errorf("said %d times, want %d\n%s", w.logged(warning), want, w.story())
				}
				notes := w.daemon.registry.all()[0].Credential().Notes
				if len(notes) != want {
					w.Errorf("notes %q", notes)
				}
				if !w.accepted() || w.daemon.Ready() != nil || w.mints() != 1 {
					w.Errorf("not ready: %v, %d mints", w.daemon.Ready(), w.mints())
				}
				skew.Store(0)
				w.wait(10 * time.Minute)
				if notes := w.daemon.registry.all()[0].Credential().Notes; len(notes) != 0 || w.logged(warning) != want {
					w.Errorf("mended, and still said: %q\n%s", notes, w.story())
				}
				close(stop)
				<-ended
			})
		})
	}
}

// TestUnansweredQuestions: WeChat does not say whether it accepts the token. After
// three times in a row people are told, with its code, until it says so again.
func TestUnansweredQuestions(t *testing.T) {
	cases := map[string]struct {
		fault wechatsim.Fault
		says  string
	}{
		"48001":       {wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 48001}, "48001"},
		"a relay's":   {wechatsim.Fault{Kind: wechatsim.FaultStatus, Code: 404}, "404"},
		"a dead host": {wechatsim.Fault{Kind: wechatsim.FaultReset}, "reset"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "stable", func(w *world) {
				w.start()
				w.wait(time.Minute)
				c.fault.Path = wechatsim.PathDomainIP
				w.inject(c.fault)
				notes := func() string { return strings.Join(w.daemon.registry.all()[0].Credential().Notes, "\n") }
				asked := w.verifications()
				for w.verifications()-asked < 3-1 {
					w.wait(time.Second)
				}
				w.wait(10 * time.Second)
				if notes() != "" {
					w.Errorf("told after %d questions: %s", w.verifications()-asked, notes())
				}
				w.wait(time.Hour)
				const warning = "WeChat does not say whether it accepts the token"
				if !strings.Contains(notes(), c.says) || w.logged(warning) != 1 || w.logged("level=WARN") != 1 {
					w.Errorf("notes %q\n%s", notes(), w.story())
				}
				if !w.accepted() || w.daemon.Ready() != nil || w.calls() != 1 {
					w.Errorf("not ready: %v, %d calls", w.daemon.Ready(), w.calls())
				}
				// It is asked soon again, as often as the hour allows.
				if n := w.verifications() - asked; n < 12 || n > 2*24+12 {
					w.Errorf("%d questions in an hour", n)
				}
				w.wechat.ClearFaults()
				w.wait(2 * w.config.Refresh.VerifyEvery)
				if notes() != "" {
					w.Errorf("still told: %s", notes())
				}
			})
		})
	}
}

// refusal is an error that Redis answered.
type refusal string

func (r refusal) Error() string { return string(r) }
func (refusal) RedisError()     {}

// TestWatchersAreToldARightToLook: who only watches is not told to let its user
// write, unless another one in this process may draw tokens.
func TestWatchersAreToldARightToLook(t *testing.T) {
	watching, drawing := &entry{}, &entry{}
	drawing.config.Mint = true
	var log bytes.Buffer
	l := &loss{log: slog.New(slog.NewTextHandler(&log, nil)), failing: map[*entry]bool{}}
	refused := refusal("NOPERM User app has no permissions to run the 'evalsha' command")
	l.note(watching, true)
	l.tell(refused, 2)
	if !strings.Contains(log.String(), "refuses to be read") || strings.Contains(log.String(), "+set") {
		t.Errorf("a watcher is told\n%s", log.String())
	}
	l.note(drawing, true)
	l.tell(refused, 2)
	if !strings.Contains(log.String(), "+set") {
		t.Errorf("one that draws is told\n%s", log.String())
	}
}
