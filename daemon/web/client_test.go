package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"wxtokend/daemon/web"
)

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// closedPort is the address of a listener that is gone.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "http://" + ln.Addr().String()
}

// of is a client of the daemon at base.
func of(t *testing.T, base string) web.Client {
	t.Helper()
	c, err := web.NewClient(base)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientStatus(t *testing.T) {
	base := listen(t, web.NewHandler(sample(), sample().Live, prometheus.NewRegistry()))
	s, err := of(t, base).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := web.PrintTable(&out, s); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.txt", out.String())
}

func TestClientStatusErrors(t *testing.T) {
	answer := func(code int, body string) string {
		return listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}))
	}
	endless := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range 64 {
			if _, err := w.Write(chunk); err != nil {
				// What should happen after 8 MiB.
				return
			}
		}
		_, _ = io.WriteString(w, "{}")
	}))
	short := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{}")
	}))
	tests := []struct{ name, base, want string }{
		{"nobody", closedPort(t), "no daemon answers at %s: connection refused; is it running, is http.listen the same?"},
		{"404", answer(404, "not here"), "%s/status answered 404 Not Found: is this wxtokend?"},
		{"redirect", answer(302, ""), "%s/status answered 302 Found: is this wxtokend?"},
		{"a web page", answer(200, "<html>"), "%s/status is not a status of wxtokend: invalid character"},
		{"other json", answer(200, `{"credentials":7}`), "%s/status is not a status of wxtokend: json: cannot unmarshal"},
		{"an empty object", answer(200, `{}`),
			"%s/status is not a status of wxtokend: it names no version and instance: is this wxtokend?"},
		{"no instance", answer(200, `{"version":"1","credentials":[]}`),
			"%s/status is not a status of wxtokend: it names no version and instance: is this wxtokend?"},
		{"too much", endless, "%s/status is not a status of wxtokend: unexpected end of JSON input"},
		{"half", short, "read %s/status: unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := of(t, tt.base).Status(t.Context())
			want := strings.ReplaceAll(tt.want, "%s", tt.base)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestClientStatusNeverFollows(t *testing.T) {
	elsewhere := listen(t, web.NewHandler(sample(), sample().Live, prometheus.NewRegistry()))
	base := listen(t, http.RedirectHandler(elsewhere+"/status", http.StatusFound))
	if s, err := of(t, base).Status(t.Context()); err == nil {
		t.Errorf("believed the status of another server: %v", s)
	}
}

func TestClientsStopWithTheirContext(t *testing.T) {
	base := listen(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	err := of(t, base).Probe(ctx, "/healthz")
	if !errors.Is(err, context.DeadlineExceeded) ||
		!strings.HasPrefix(err.Error(), "the daemon at "+base+" gives no answer within ") {
		t.Errorf("%v", err)
	}
}

func TestProbe(t *testing.T) {
	src := unready("no token is stored", "WeChat refuses the stored token")
	base := listen(t, web.NewHandler(src, src.Live, prometheus.NewRegistry()))
	if err := of(t, base).Probe(t.Context(), "/healthz"); err != nil {
		t.Errorf("healthz: %v", err)
	}
	want := base + "/readyz answered 503 Service Unavailable: 2 of 2 credentials are not ready; a: no token is " +
		"stored; b: WeChat refuses the stored token"
	if err := of(t, base).Probe(t.Context(), "/readyz"); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	for _, body := range []string{"", "OK\n", "ok, more or less", "<html>It works!</html>"} {
		base := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		want := base + `/healthz answered 200 OK, but not "ok": is this wxtokend?`
		if err := of(t, base).Probe(t.Context(), "/healthz"); err == nil || err.Error() != want {
			t.Errorf("%q: %v", body, err)
		}
	}
	base = closedPort(t)
	want = fmt.Sprintf("no daemon answers at %s: connection refused; is it running, is http.listen the same?", base)
	if err := of(t, base).Probe(t.Context(), "/readyz"); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestRefresh(t *testing.T) {
	for _, tt := range []struct {
		name          string
		code          int
		body          string
		message, fail string
	}{
		{"accepted", 202, `{"result":"accepted","message":"K: accepted: see status"}`, "K: accepted: see status", ""},
		{"limited", 429, `{"result":"limited","message":"K: not taken:\nwait"}`, "", "429 Too Many Requests: K: not taken:"},
		{"an error", 403, `{"error":"switched off"}`, "", "403 Forbidden: switched off"},
		{"somebody else", 200, "<html>", "", "200 OK: <html>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent, authorization string
			base := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent, authorization = r.URL.Path+string(body), r.Header.Get("Authorization")
				w.WriteHeader(tt.code)
				_, _ = io.WriteString(w, tt.body)
			}))
			message, err := of(t, base).Refresh(t.Context(), "K", true, "bearer")
			if sent != `/refresh/K{"force":true}` || authorization != "Bearer bearer" {
				t.Errorf("sent %s with %s", sent, authorization)
			}
			if message != tt.message || (err == nil) != (tt.fail == "") {
				t.Errorf("%q, %v", message, err)
			}
			if want := base + " refused the refresh: " + tt.fail; err != nil &&
				(!strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("got %v\nwant %s", err, want)
			}
		})
	}
}

func TestListenURL(t *testing.T) {
	tests := map[string]string{
		":9477":            "http://127.0.0.1:9477",
		"0.0.0.0:9477":     "http://127.0.0.1:9477",
		"127.0.0.1:80":     "http://127.0.0.1:80",
		"127.0.0.2:80":     "http://127.0.0.2:80",
		"10.1.2.3:9477":    "http://10.1.2.3:9477",
		"[::]:9477":        "http://[::1]:9477",
		"[::1]:9477":       "http://[::1]:9477",
		"[fe80::1%eth0]:9": "http://[fe80::1%25eth0]:9",
		"localhost:9477":   "http://localhost:9477",
	}
	for listen, want := range tests {
		if got := web.ListenURL(listen); got != want {
			t.Errorf("ListenURL(%q) = %q, want %q", listen, got, want)
		}
	}
}
