package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxtokend/daemon/wechat"
)

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
		s := w.daemon.refreshers[0].Credential()
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
		if generation, settled := w.redis.HGet(state, "generation"), w.redis.HGet(state, "settled"); generation == "0" || settled != "0" {
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
