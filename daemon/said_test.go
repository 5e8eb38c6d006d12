package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

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
	for name, away := range map[string]func(f *testnet.Faults, on bool){"refuses": (*testnet.Faults).Refuse,
		"hangs": (*testnet.Faults).Hang} {
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

// TestRedisAwayIsSaidOnceOfMany: one line when it goes and one when it is back,
// for any number of credentials. What becomes of their states meanwhile is the same.
func TestRedisAwayIsSaidOnceOfMany(t *testing.T) {
	withoutRace(t)
	for name, away := range map[string]func(f *testnet.Faults, on bool){"refuses": (*testnet.Faults).Refuse,
		"hangs": (*testnet.Faults).Hang} {
		t.Run(name, func(t *testing.T) {
			inWorldOfMany(t, 3*batch, "stable", func(w *world) {
				w.start()
				w.wait(time.Minute)
				before, mints := w.loud(), w.mints()
				away(w.toRedis, true)
				w.wait(10 * time.Minute)
				for _, c := range w.daemon.shown() {
					if c.State != keeper.Unknown {
						w.Fatalf("%s is %s", c.Key, c.State)
					}
				}
				if w.loud() != before+1 || w.logged(fmt.Sprintf("credentials=%d", 3*batch)) != 1 ||
					w.logged("redis does not answer") != 1 {
					w.Errorf("ten minutes without Redis say\n%s", w.story())
				}
				away(w.toRedis, false)
				w.wait(time.Minute)
				if reasons := w.daemon.Ready(); reasons != nil {
					w.Errorf("%d are not ready", len(reasons))
				}
				if w.loud() != before+2 || w.logged("redis answers again") != 1 || w.logged("level=WARN") != 1 {
					w.Errorf("its return says\n%s", w.story())
				}
				if w.mints() != mints {
					w.Errorf("%d mints", w.mints()-mints)
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
		notes := strings.Join(w.daemon.registry.all()[0].Credential().Notes, "\n")
		if !strings.Contains(notes, "could not read the AppSecret") {
			w.Errorf("the page says %q", notes)
		}
		if err := os.WriteFile(file, []byte(testSecret+"\n"), 0o600); err != nil {
			w.Fatal(err)
		}
		w.wait(4 * time.Second)
		if notes := w.daemon.registry.all()[0].Credential().Notes; !w.accepted() || len(notes) != 0 {
			w.Errorf("with the file: notes %q\n%s", notes, w.story())
		}
	})
}
