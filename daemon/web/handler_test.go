package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"wxtokend/daemon/web"
)

type response struct {
	*http.Response
	body string
}

// ask sends one request to a handler of src whose registry has one counter.
func ask(t *testing.T, src web.Source, method, path string) response {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "sample_total", Help: "A sample."}), broken{})
	recorder := httptest.NewRecorder()
	web.NewHandler(src, reg).ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	resp := recorder.Result()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{resp, string(body)}
}

// broken is a collector that fails in every scrape, as the one of the process
// does where /proc is not readable.
type broken struct{}

func (broken) Describe(ch chan<- *prometheus.Desc) {
	ch <- prometheus.NewDesc("broken", "A collector that fails.", nil, nil)
}

func (broken) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("broken", "A collector that fails.", nil, nil), errors.New("no /proc"))
}

func TestProbes(t *testing.T) {
	tests := []struct {
		name, path string
		src        source
		code       int
		body       string
	}{
		{"alive", "/healthz", source{}, 200, "ok\n"},
		{"ready", "/readyz", source{}, 200, "ok\n"},
		{"stuck", "/healthz", source{live: errStuck}, 503, "no tick has ended for 14s\n"},
		{"one reason", "/readyz", source{ready: []string{"a: missing"}}, 503, "a: missing\n"},
		{"two reasons", "/readyz", source{ready: []string{"a: missing", "b: rejected"}}, 503, "a: missing\nb: rejected\n"},
		{"not ready is alive", "/healthz", source{ready: []string{"a: missing"}}, 200, "ok\n"},
		{"stuck may be ready", "/readyz", source{live: errStuck}, 200, "ok\n"},
		{"a reason stays on its line", "/readyz", source{ready: []string{"a\nok: \x1b[2J"}}, 503, "a ok:  [2J\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := ask(t, tt.src, http.MethodGet, tt.path)
			if resp.StatusCode != tt.code || resp.body != tt.body {
				t.Errorf("%d %q, want %d %q", resp.StatusCode, resp.body, tt.code, tt.body)
			}
			if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/status"} {
		for _, method := range []string{"GET", "HEAD"} {
			if resp := ask(t, source{}, method, path); resp.StatusCode != 200 {
				t.Errorf("%s %s: %d", method, path, resp.StatusCode)
			}
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
			resp := ask(t, source{}, method, path)
			if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, resp.StatusCode, resp.Header.Get("Allow"))
			}
		}
	}
	for _, path := range []string{"/token", "/status/", "/healthz/x", "/debug/pprof/", "/index.html", "/favicon.ico", "/page.css"} {
		if resp := ask(t, source{}, "GET", path); resp.StatusCode != 404 {
			t.Errorf("GET %s: %d", path, resp.StatusCode)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/status", "/nothing"} {
		for _, method := range []string{"GET", "POST"} {
			h := ask(t, sample(), method, path).Header
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s %s: %s is %q", method, path, name, got)
				}
			}
			if policy := h.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s %s: policy %q", method, path, policy)
			}
		}
	}
}

func TestMetricsOutliveABrokenCollector(t *testing.T) {
	resp := ask(t, source{}, http.MethodGet, "/metrics")
	if resp.StatusCode != 200 || !strings.Contains(resp.body, "sample_total 0") {
		t.Errorf("%d %s", resp.StatusCode, resp.body)
	}
}
