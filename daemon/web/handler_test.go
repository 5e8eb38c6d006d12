package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/web"
)

type response struct {
	*http.Response
	body string
}

// ask sends one request to a handler of src whose registry has one counter.
func ask(t *testing.T, src source, method, path string) response {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "sample_total", Help: "A sample."}), broken{})
	recorder := httptest.NewRecorder()
	web.NewHandler(src, src.Live, reg).ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
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
	ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("broken", "A collector that fails.", nil, nil),
		errors.New("no /proc"))
}

func TestProbes(t *testing.T) {
	two := unready("missing", "rejected", "")
	many := unready(append(slices.Repeat([]string{"missing"}, 12), "")...)
	tests := []struct {
		name, path string
		src        source
		code       int
		body       string
	}{
		{"alive", "/healthz", source{}, 200, "ok\n"},
		{"ready", "/readyz", source{}, 200, "ok\n"},
		{"all ready", "/readyz", unready("", ""), 200, "ok\n"},
		{"stuck", "/healthz", source{live: errStuck}, 503, "no tick has ended for 14s\n"},
		{"one of one", "/readyz", unready("missing"), 503, "a: missing\n"},
		{"two of three", "/readyz", two, 503, "2 of 3 credentials are not ready\na: missing\nb: rejected\n"},
		{"twelve", "/readyz", many, 503,
			"12 of 13 credentials are not ready\na: missing\nb: missing\nc: missing\nd: missing\ne: missing\n" +
				"f: missing\ng: missing\nh: missing\ni: missing\nj: missing\nand 2 more: see /status\n"},
		{"not ready is alive", "/healthz", unready("missing"), 200, "ok\n"},
		{"stuck may be ready", "/readyz", source{live: errStuck}, 200, "ok\n"},
		{"a reason stays on its line", "/readyz", unready("no\nok: \x1b[2J"), 503, "a: no ok: \\x1b[2J\n"},
		{"one that is ready", "/readyz/c", two, 200, "ok\n"},
		{"one that is not", "/readyz/b", two, 503, "b: rejected\n"},
		{"one of one that is not", "/readyz/a", unready("missing"), 503, "a: missing\n"},
		{"unknown", "/readyz/d", two, 404, "no credential has the key d; /status lists those that have one\n"},
		{"no key", "/readyz/", two, 404, "no credential has the key ; /status lists those that have one\n"},
		{"hostile", "/readyz/%1b%5b2J%e2%80%ae", two, 404,
			"no credential has the key \\x1b[2J\\u202e; /status lists those that have one\n"},
		{"long", "/readyz/" + strings.Repeat("x", 5000), two, 404, "no credential has the key " + strings.Repeat("x", 200) +
			"… (4800 bytes more); /status lists those that have one\n"},
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

// A key may hold whatever Redis takes: any of it can be asked for.
func TestReadyOfOddKeys(t *testing.T) {
	paths := map[string]string{
		"shop/1": "shop/1", "shop/2": "shop%2F2", "a//b": "a%2F%2Fb", "..": "%2E%2E", ".": "%2E", "x/../y": "x%2F..%2Fy",
		"50%":   "50%25",
		"a b+c": "a%20b+c", "公众号": "%E5%85%AC%E4%BC%97%E5%8F%B7",
		"{tag}:k?x=1#y": "%7Btag%7D:k%3Fx=1%23y", "\xff": "%ff",
		"/": "%2F",
	}
	for key, path := range paths {
		c := credential(key, keeper.Missing)
		c.Unready = "missing"
		resp := ask(t, source{status: web.Status{Credentials: []web.Credential{credential("other", keeper.Fresh), c}}},
			http.MethodGet, "/readyz/"+path)
		if resp.StatusCode != 503 {
			t.Errorf("%q: %d %s", key, resp.StatusCode, resp.body)
		}
	}
}

func TestRoutes(t *testing.T) {
	for _, path := range []string{"/", "/healthz", "/readyz", "/readyz/WXAccessToken", "/metrics", "/status"} {
		for _, method := range []string{"GET", "HEAD"} {
			if resp := ask(t, sampleReady(), method, path); resp.StatusCode != 200 {
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
	for _, path := range []string{"/token", "/status/", "/healthz/x", "/debug/pprof/", "/index.html", "/favicon.ico",
		"/page.css"} {
		if resp := ask(t, source{}, "GET", path); resp.StatusCode != 404 {
			t.Errorf("GET %s: %d", path, resp.StatusCode)
		}
	}
}

// sampleReady has one credential, and nothing to say about it.
func sampleReady() source {
	return source{status: web.Status{Credentials: []web.Credential{fresh("WXAccessToken", time.Hour)}}}
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
			if policy := h.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") ||
				strings.Contains(policy, "unsafe") {
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
