package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/secret"
)

// broken is a WeChat client with a bug.
type broken struct {
	credential.Kind
	mending atomic.Bool
	calls   atomic.Int32
	cause   any
}

func (b *broken) Draw(ctx context.Context, in credential.Inputs) (credential.Grant, error) {
	if b.mending.Load() {
		return b.Kind.Draw(ctx, in)
	}
	b.calls.Add(1)
	panic(b.cause)
}

// TestPanicInMint: it is counted, counts as a mint that may have happened,
// backs off like any failure, and is over when the bug is.
func TestPanicInMint(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		bug := &broken{cause: "index out of range"}
		w.startWith(func(o *keeper.Options) { bug.Kind, o.Kind = o.Kind, bug })
		w.wait(time.Second / 2)
		if bug.calls.Load() != 1 || w.logged("level=ERROR") != 1 {
			w.Fatalf("%d mints, %d errors", bug.calls.Load(), w.logged("level=ERROR"))
		}
		w.wait(4 * time.Second) // one tick writes it down, the next one sees it
		s := w.daemon.registry.all()[0].Credential()
		if s.LastError == nil || s.LastError.Class != "unknown" || s.LastError.Message != "mint: the client panicked" {
			w.Errorf("status %+v", s.LastError)
		}
		w.wait(10 * time.Minute)
		panics, state := int(bug.calls.Load()), "{"+testKey+"}:state"
		if panics < 15 || panics > 26 || w.logged("panic; the next tick comes all the same") != 1 {
			w.Errorf("%d mints in ten minutes, their cause logged %d times", panics, w.logged("panic; the next tick"))
		}
		if err := w.daemon.Live(); err != nil {
			w.Error(err)
		}
		if got := w.page1("/metrics"); !strings.Contains(got, fmt.Sprintf("wxtokend_panics_total %d\n", panics)) {
			w.Errorf("metrics do not count %d panics", panics)
		}
		if generation, settled := w.redis.HGet(state, "generation"),
			w.redis.HGet(state, "settled"); generation == "0" || settled != "0" {
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
	stack := "goroutine 7 [running]:\nmain.mint({0xc000012345?, \"secret\"})\n\t/src/mint.go:12 +0x1d\nmain.main()\n" +
		"\t/src/main.go:3\n"
	if got := fmt.Sprint(frames([]byte(stack))); got != "[/src/mint.go:12 /src/main.go:3]" {
		t.Error(got)
	}
}

// TestPanicInTick: a bug in a tick is no reason to stop ticking. It is said
// once, and a process all of whose ticks end so may be restarted.
func TestPanicInTick(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.startWith(unmeasured(testKey))
		w.wait(9 * time.Second)
		if err := w.daemon.Live(); err != nil {
			w.Errorf("after four polls: %v", err)
		}
		w.wait(time.Minute)
		if err := w.daemon.Live(); err == nil || !strings.Contains(err.Error(), "every tick ended in a panic") {
			w.Errorf("after a minute: %v", err)
		}
		var panics int
		_, counted, _ := strings.Cut(w.page1("/metrics"), "\nwxtokend_panics_total ")
		if _, err := fmt.Sscan(counted, &panics); err != nil || panics < 30 ||
			w.logged("panic; the next tick comes all the same") != 1 {
			w.Errorf("%d panics in a minute (%v), logged %d times", panics, err, w.logged("panic"))
		}
		if strings.Contains(w.logs.String(), "invalid memory address") {
			w.Error("the reason of a panic is in the log")
		}
	})
}

// TestPanicStarvesNobody: a credential whose tick always panics is a matter of
// its own. The page and /readyz name it, and the process lives on for the others.
func TestPanicStarvesNobody(t *testing.T) {
	for name, breaks := range map[string]func(key string) func(*keeper.Options){
		"in what it makes of a look": unmeasured, "in what a look saw": unreadable,
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOfMany(t, 3, "stable", func(w *world) {
				w.startWith(breaks(w.config.Credentials[0].Key))
				w.wait(time.Minute)
				w.redis.Del(w.config.Credentials[1].Key)
				w.wait(5 * time.Second)
				if err := w.daemon.Live(); err != nil {
					w.Error(err)
				}
				if reasons := w.daemon.Ready(); len(reasons) != 1 || !strings.Contains(reasons[0], bugFound) {
					w.Errorf("not ready: %q", reasons)
				}
				for i, c := range w.daemon.shown() {
					if broken := slices.Contains(c.Notes, bugFound); broken != (i == 0) || i > 0 && c.State != keeper.Fresh {
						w.Errorf("credential %d is %s, notes %q", i, c.State, c.Notes)
					}
				}
				if n := w.logged("panic; the next tick comes all the same"); n != 1 {
					w.Errorf("logged %d times", n)
				}
			})
		})
	}
}

// unreadable makes each look at that key panic that finds a token.
func unreadable(key string) func(*keeper.Options) {
	return func(o *keeper.Options) {
		encode, committed := o.Spec.Encode, atomic.Bool{}
		if o.Spec.Keys.Value == key {
			o.Spec.Encode = func(token secret.Token, expiresIn time.Duration, expiresAt time.Time) string {
				if committed.Swap(true) {
					panic("a bug in the layout")
				}
				return encode(token, expiresIn, expiresAt)
			}
		}
	}
}

// unmeasured makes each look at that key panic.
func unmeasured(key string) func(*keeper.Options) {
	return func(o *keeper.Options) {
		if o.Spec.Keys.Value == key {
			o.Metrics = nil
		}
	}
}
