package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

// get asks the daemon as a probe does: a new connection each time.
func (w *world) get(path string) (status int, body string) {
	w.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return w.page.Dial(ctx, network, addr)
		},
	}}
	answer, err := client.Get("http://10.0.0.3" + path)
	if err != nil {
		w.Fatalf("%s: %v", path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatalf("%s: %v", path, err)
	}
	return answer.StatusCode, string(text)
}

// probes checks both probes; a reason must contain every one of the words.
func (w *world) probes(when string, live, ready int, words ...string) {
	w.Helper()
	if status, body := w.get("/healthz"); status != live {
		w.Errorf("%s: /healthz is %d, want %d: %s", when, status, live, body)
	}
	status, body := w.get("/readyz")
	if status != ready {
		w.Errorf("%s: /readyz is %d, want %d: %s", when, status, ready, body)
	}
	for _, word := range words {
		if !strings.Contains(body, word) {
			w.Errorf("%s: /readyz says %q, not %q", when, body, word)
		}
	}
}

// status is the one credential of GET /status.
func (w *world) status() map[string]any {
	w.Helper()
	code, body := w.get("/status")
	var s struct{ Credentials []map[string]any }
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK || len(s.Credentials) != 1 {
		w.Fatalf("/status: %d %v %s", code, err, body)
	}
	return s.Credentials[0]
}

// TestProbesOverALife walks through all that readiness depends on; liveness
// depends on none of it.
func TestProbesOverALife(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40164, Times: 1,
			Message: "invalid ip 192.0.2.7, not in whitelist"})
		w.start()
		w.wait(10 * time.Millisecond)
		w.probes("before the first answer is seen", 200, 503, testKey, "missing")
		w.wait(2 * time.Second)
		w.probes("after a refusal", 200, 503, testKey+": missing", "40164", "192.0.2.7")
		if s := w.status(); s["state"] != "missing" || s["last_error"] == nil || s["expires_at"] != nil ||
			s["fingerprint"] != nil {
			w.Errorf("status %v", s)
		}
		w.wait(15 * time.Minute)
		w.probes("with a token", 200, 200, "ok")
		if s := w.status(); s["state"] != "fresh" || s["last_error"] != nil || s["expires_in_seconds"].(float64) > 7200 {
			w.Errorf("status %v", s)
		}
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultStatus})
		w.wait(7200*time.Second - 15*time.Minute - 15*time.Minute)
		for w.status()["state"] == "fresh" {
			w.wait(10 * time.Second)
		}
		w.probes("due, and WeChat is down", 200, 200, "ok")
		if s := w.status(); s["state"] != "due" || s["expires_in_seconds"].(float64) > 271 {
			w.Errorf("status %v", s)
		}
		w.wait(5 * time.Minute)
		w.probes("expired", 200, 503, testKey+": expired", "502")
		w.wechat.ClearFaults()
		w.wait(time.Minute)
		w.probes("WeChat is back", 200, 200, "ok")
	})
}

// TestProbesWithoutRedis: ready for as long as a lease on the word of the last
// observation, alive throughout.
func TestProbesWithoutRedis(t *testing.T) {
	for name, away := range map[string]func(f *testnet.Faults, on bool){"refuses": (*testnet.Faults).Refuse,
		"hangs": (*testnet.Faults).Hang} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "stable", func(w *world) {
				w.start()
				w.wait(time.Minute)
				away(w.toRedis, true)
				w.wait(27 * time.Second)
				w.probes("within a lease", 200, 200)
				w.wait(4 * time.Second)
				w.probes("after a lease", 200, 503, testKey+": unknown: nothing is known from Redis", "observe "+testKey)
				if s := w.status(); s["state"] != "unknown" || s["fingerprint"] == nil {
					w.Errorf("status %v", s)
				}
				if page := w.page1("/"); !strings.Contains(page, "nothing is known from Redis") {
					w.Errorf("the page does not say why: %s", page)
				}
				for range 20 {
					w.wait(29 * time.Second)
					w.probes("much later", 200, 503)
				}
				away(w.toRedis, false)
				w.wait(recovery)
				w.probes("with Redis again", 200, 200)
				if w.calls() != 1 {
					w.Errorf("%d calls", w.calls())
				}
				w.rest()
			})
		})
	}
}

// TestExpiryWithoutRedis: the last observation is read by the time of now, not
// by that of its making.
func TestExpiryWithoutRedis(t *testing.T) {
	inWorldOf(t, "stable", shortLife, func(w *world) {
		w.start()
		w.wait(time.Second)
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultStatus})
		w.wait(w.life - 11*time.Second)
		w.toRedis.Refuse(true)
		w.wait(8 * time.Second)
		w.probes("before the expiry", 200, 200)
		if s := w.status(); s["state"] != "due" || s["expires_in_seconds"].(float64) > 3 {
			w.Errorf("status %v", s)
		}
		w.wait(4 * time.Second)
		w.probes("after the expiry", 200, 503, testKey+": expired")
		w.rest()
	})
}

// gate is a log that can be shut: its lines then wait, as behind a pipe that
// nobody reads.
type gate struct {
	io.Writer
	shut atomic.Bool
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	if g.shut.Load() {
		<-g.open
	}
	return g.Writer.Write(p)
}

// TestHungTickIsNotAlive: the one thing that a restart cures.
func TestHungTickIsNotAlive(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		pipe := &gate{Writer: w.logs, open: make(chan struct{})}
		w.startWith(func(o *keeper.Options) { o.Log = slog.New(slog.NewTextHandler(pipe, nil)) })
		w.wait(time.Minute)
		pipe.shut.Store(true)
		if err := w.redis.Set(testKey, "98_"+strings.Repeat("x", 100)); err != nil { // worth a line in the next tick
			w.Fatal(err)
		}
		w.wait(7 * time.Second)
		if status, body := w.get("/healthz"); status != 200 {
			w.Errorf("after 7 s: %d %s", status, body)
		}
		w.wait(6 * time.Second)
		if status, body := w.get("/healthz"); status != 503 || !strings.Contains(body, "no tick ended for 1") ||
			!strings.Contains(body, "limit 10s") {
			w.Errorf("after 13 s: %d %s", status, body)
		}
		pipe.shut.Store(false)
		close(pipe.open)
		w.wait(4 * time.Second)
		w.probes("when the log is read again", 200, 200)
	})
}

// TestMetricsAfterALife checks that what happened is what is counted.
func TestMetricsAfterALife(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Times: 2})
		w.start()
		w.wait(time.Minute)
		w.redis.Del(testKey)
		w.wait(4 * time.Second)
		text := w.page1("/metrics")
		for _, line := range []string{
			`wxtokend_refreshes_total{key="WXAccessToken",result="new"} 1`,
			`wxtokend_refreshes_total{key="WXAccessToken",result="failed"} 2`,
			`wxtokend_mint_requests_total{key="WXAccessToken",outcome="ok"} 1`,
			`wxtokend_mint_requests_total{key="WXAccessToken",outcome="transient"} 2`,
			`wxtokend_restores_total{key="WXAccessToken",reason="deleted"} 1`,
			`wxtokend_redis_operations_total{op="begin",result="ok"} 3`,
			`wxtokend_redis_operations_total{op="abort",result="ok"} 2`,
			`wxtokend_redis_operations_total{op="commit",result="ok"} 1`,
			`wxtokend_redis_operations_total{op="observe",result="error"} 0`,
			`wxtokend_calls_today{key="WXAccessToken"} 3`,
			`wxtokend_daily_limit{key="WXAccessToken"} 1000`,
			`wxtokend_panics_total 0`,
			`wxtokend_ready{key="WXAccessToken"} 1`,
			`wxtokend_config_last_reload_successful 1`,
			`wxtokend_credential_info{api="classic",appid="wx0123456789abcdef",key="WXAccessToken",` +
				`kind="official_account",mint="true"} 1`,
			`wxtokend_mint_duration_seconds_count{key="WXAccessToken"} 3`,
		} {
			if !strings.Contains(text, line+"\n") {
				w.Errorf("no %s", line)
			}
		}
		for name, near := range map[string]time.Time{
			"wxtokend_token_expiry_timestamp_seconds":         time.Now().Add(2*time.Hour - time.Minute),
			"wxtokend_token_due_timestamp_seconds":            time.Now().Add(90*time.Minute - time.Minute),
			"wxtokend_last_refresh_success_timestamp_seconds": time.Now().Add(-time.Minute),
			"wxtokend_last_attempt_timestamp_seconds":         time.Now().Add(-time.Minute),
		} {
			got := metric(w, text, name+`{key="WXAccessToken"}`)
			if diff := got - float64(near.Unix()); diff < -15 || diff > 15 {
				w.Errorf("%s is %v s off", name, diff)
			}
		}
		if got := metric(w, text, "wxtokend_tick_timestamp_seconds"); float64(time.Now().Unix())-got > 3 {
			w.Errorf("last tick at %v", got)
		}
	})
}

// metric finds the value of one series.
func metric(w *world, text, series string) (value float64) {
	w.Helper()
	for line := range strings.Lines(text) {
		if number, found := strings.CutPrefix(line, series+" "); found {
			if _, err := fmt.Sscan(number, &value); err != nil {
				w.Fatalf("%s: %v", line, err)
			}
			return value
		}
	}
	w.Errorf("no %s", series)
	return 0
}

const testPassword = "CANARY-password-of-redis/+&%"
