package e2e

import (
	"net/http"
	"testing"
	"time"
)

// TestHungWeChat freezes WeChat before a refresh is due. Its requests wait in
// the socket, and are processed when it wakes up, after the daemon gave up.
func TestHungWeChat(t *testing.T) {
	t.Parallel()
	const life = 40 * time.Second
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			a := newAccount(api)
			a.ahead = life / 2
			w := withLife(t, a, scaled(), life, life*3/5)
			d := w.warm()
			old := w.token()
			w.sim.stop()
			d.more(`wxtokend_mint_requests_total{key="WXAccessToken",outcome="transport"`, 1, life)
			d.expect("/healthz", http.StatusOK, 0)
			d.expect("/readyz", http.StatusOK, 0)
			if token, err := w.read(); err != nil || token != old {
				t.Errorf("the stored token was touched: %v", err)
			}
			w.sim.cont()
			took := w.fresh(old, startup)
			d.settled()
			w.never(missing)
			if dead := w.worst(refused); dead > time.Second || dead > 0 && api == "stable" {
				t.Errorf("readers were refused for %s", dead)
			}
			t.Logf("a new token %s after WeChat woke up; %d calls, %d tokens", ms(took), w.calls(), len(w.issued()))
		})
	}
}
