package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// TestTwentyRestarts ends the daemon at a different moment of its start each
// time, by SIGKILL and SIGTERM in turn.
func TestTwentyRestarts(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			w := inParallel(t, api, settings{})
			d := w.warm()
			for i := range 20 {
				if i%2 == 0 {
					d.kill()
				} else {
					d.signal(syscall.SIGTERM)
					if status := d.wait(t, startup); status.ExitStatus() != 0 {
						t.Errorf("SIGTERM ended it with %v", status)
					}
				}
				d = w.start()
				<-time.After(time.Duration(i) * 10 * time.Millisecond)
			}
			d.settled()
			w.mints(1, 1)
			w.never(missing, refused)
			t.Logf("20 restarts, %d call", w.calls())
		})
	}
}

// TestTermWhileDrawing: a token in flight exists nowhere else, so the process
// waits for it.
func TestTermWhileDrawing(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			w := inParallel(t, api, settings{})
			w.once(`"kind":"delay","delay":"2s"`)
			d := w.start()
			eventually(t, startup, "WeChat is called", func() error {
				if w.calls() == 0 {
					return fmt.Errorf("not yet")
				}
				return nil
			})
			start := time.Now()
			d.signal(syscall.SIGTERM)
			// wechat.timeout + 2 x redis.timeout is the most that it may take.
			status := d.wait(t, startup)
			took := time.Since(start)
			if status.ExitStatus() != 0 || took > 10*time.Second {
				t.Errorf("ended with %v after %s", status, took)
			}
			w.good(startup)
			w.mints(1, 1)
			t.Logf("exit 0 after %s, with the token stored", ms(took))
		})
	}
}
