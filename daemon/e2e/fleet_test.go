package e2e

import (
	"fmt"
	"testing"
	"time"
)

// TestFleet: three daemons keep one key through several refreshes, and each
// costs one call.
func TestFleet(t *testing.T) {
	t.Parallel()
	const life, overlap, refreshes = 8 * time.Second, 4 * time.Second, 5
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			a := newAccount(api)
			a.ahead = overlap - 500*time.Millisecond // stable renews only in the last part of a life
			w := withLife(t, a, scaled(), life, overlap)
			w.warm()
			fleet := []*daemon{w.start(), w.start()}
			eventually(t, startup+refreshes*life, "five refreshes", func() error {
				if n := len(w.issued()); n <= refreshes {
					return fmt.Errorf("%d", n)
				}
				return nil
			})
			for _, d := range fleet {
				d.settled()
			}
			w.never(missing, refused)
			calls, issued := w.calls(), len(w.issued())
			if calls != issued {
				t.Errorf("%d calls for %d tokens", calls, issued)
			}
			all := w.sim.issues(w.appid)
			for i := 1; i < len(all); i++ {
				// A slow machine makes a call late, so not all of it.
				if gap := all[i].At.Sub(all[i-1].At); gap < (life-a.ahead)/2 {
					t.Errorf("two tokens within %v, one lasts %v until the next is due", gap, life-a.ahead)
				}
			}
			t.Logf("3 daemons, %d tokens, %d calls: %.2f for each refresh", issued, calls, float64(calls)/float64(issued))
		})
	}
}
