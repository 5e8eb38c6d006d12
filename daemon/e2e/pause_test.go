package e2e

import (
	"fmt"
	"testing"
)

// The pause of a whole process (a frozen VM, a suspended laptop) is longer
// than its lease, and another daemon takes over meanwhile.

// paused is a daemon that holds the lease, frozen at a step of its first refresh.
func paused(t *testing.T, api, step string) (w *world, late *daemon) {
	t.Helper()
	w = inParallel(t, api, scaled())
	// It is time enough to freeze it there, and less than its call may take.
	late = run(t, w.config(), failpoint(step+":sleep=1500ms"))
	reached := map[string]func() bool{
		"drawing":    func() bool { return w.redis.Exists(w.Context(), "{"+w.key+"}:lease").Val() == 1 },
		"committing": func() bool { return len(w.issued()) == 1 },
	}[step]
	eventually(t, startup, "the first daemon is at "+step, func() error {
		if !reached() {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	late.stop()
	if w.redis.Exists(w.Context(), w.key).Val() == 1 {
		t.Fatal("too late: this machine takes more than a second to freeze a process")
	}
	return w, late
}

func TestPauseBetweenBeginAndMint(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			w, late := paused(t, api, "drawing")
			next := w.start()
			took := w.good(startup)
			key := w.redis.Get(w.Context(), w.key).Val()
			late.cont()
			late.settled()
			next.settled()
			if got := w.redis.Get(w.Context(), w.key).Val(); got != key {
				t.Error("the late daemon changed the key")
			}
			w.mints(1, 1) // it saw that its time was over, and did not call
			w.never(refused)
			t.Logf("the other daemon has a token after %s; %d call", ms(took), w.calls())
		})
	}
}

func TestPauseBetweenMintAndCommit(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			w, late := paused(t, api, "committing")
			next := w.start()
			took := w.good(startup)
			late.cont()
			eventually(t, startup, "the late commit is refused", func() error {
				if late.metric(fenced) != 1 {
					return fmt.Errorf("not yet")
				}
				return nil
			})
			late.settled()
			next.settled()
			w.good(startup)
			if late.metric(fenced) != 1 || next.metric(fenced) != 0 {
				t.Errorf("%v and %v commits were refused, want 1 and 0", late.metric(fenced), next.metric(fenced))
			}
			issued := w.issued()
			if api == "classic" {
				for _, print := range w.prints() {
					if print == issued[0] {
						t.Error("readers got the token that came too late")
					}
				}
			}
			w.never(refused)
			// The late mint may have superseded the winner's, so one more settles it.
			w.mints(3, map[string]int{"stable": 1, "classic": 3}[api])
			t.Logf("the other daemon has a token after %s; %d calls, %d tokens; the late commit was refused", ms(took),
				w.calls(), len(issued))
		})
	}
}
