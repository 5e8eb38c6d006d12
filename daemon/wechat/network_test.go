package wechat_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"wxtokend/daemon/wechat"
)

func TestRedirectIsNotFollowed(t *testing.T) {
	var followed atomic.Int32
	target := serve(t, func(w http.ResponseWriter, r *http.Request) { followed.Add(1); answer(granted)(w, r) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target+r.URL.String(), status) })
		for _, api := range []string{"stable", "classic"} {
			_, err := mint(within(t), client(t, wechat.Options{BaseURL: base}), api)
			if e := failure(t, err); e.Class != wechat.ClassGarbage || e.Issued != wechat.MaybeIssued ||
				!strings.HasPrefix(e.Message, fmt.Sprintf("HTTP %d", status)) {
				t.Errorf("%d: %#v", status, e)
			}
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// countingConn counts the bytes that the client takes from the network.
type countingConn struct {
	net.Conn
	read *atomic.Int64
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func TestEndlessBody(t *testing.T) {
	chunk := bytes.Repeat([]byte(" "), 1<<16)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, granted[:len(granted)-1])
		for {
			if _, err := w.Write(chunk); err != nil {
				return // the client has hung up: without that this test never ends
			}
		}
	})
	var read atomic.Int64
	c := client(t, wechat.Options{BaseURL: base,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return countingConn{conn, &read}, err
		}})
	_, err := mint(within(t), c, "classic")
	if e := failure(t, err); e.Class != wechat.ClassGarbage || !strings.Contains(e.Message, "larger than 64 KiB") {
		t.Errorf("%#v", e)
	}
	// One more buffer of net/http than the limit, and the header.
	if n := read.Load(); n < 64<<10 || n > 80<<10 {
		t.Errorf("%d bytes were read", n)
	}
}

// net/http would repeat a GET on a connection that it had used before.
func TestResetIsNotRetried(t *testing.T) {
	var calls atomic.Int32
	var reset atomic.Bool
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if !reset.Load() {
			answer(granted)(w, r)
			return
		}
		_, _ = io.ReadAll(r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	})
	c := client(t, wechat.Options{BaseURL: base})
	for _, api := range []string{"stable", "classic"} {
		reset.Store(false)
		if _, err := mint(within(t), c, api); err != nil {
			t.Fatal(err)
		}
		reset.Store(true)
		calls.Store(0)
		_, err := mint(within(t), c, api)
		if e := failure(t, err); e.Class != wechat.ClassTransport || e.Issued != wechat.MaybeIssued || !e.Left() ||
			!strings.Contains(e.Message, "after the request was sent") {
			t.Errorf("%s: %#v", api, e)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%s: %d requests, want 1", api, n)
		}
	}
}

func TestTLS(t *testing.T) {
	start := func(version uint16) *httptest.Server {
		s := httptest.NewUnstartedServer(answer(granted))
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: version}
		s.Config.ErrorLog = quiet()
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	for name, test := range map[string]struct {
		version uint16
		trusted bool
		says    string
	}{
		"1.3": {tls.VersionTLS13, true, ""},
		"1.2": {tls.VersionTLS12, true, ""},
		"1.1": {tls.VersionTLS11, true,
			"TLS failed (remote error: tls: protocol version not supported): check this host's clock"},
		"unknown root": {tls.VersionTLS13, false,
			"TLS failed (tls: failed to verify certificate: x509: certificate signed by unknown authority): check " +
				"this host's clock"},
	} {
		s := start(test.version)
		roots := x509.NewCertPool()
		if test.trusted {
			roots.AddCert(s.Certificate())
		}
		_, err := mint(within(t), client(t, wechat.Options{BaseURL: s.URL, RootCAs: roots}), "stable")
		if test.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		e := failure(t, err)
		if e.Class != wechat.ClassTransport || e.Issued != wechat.NotIssued || e.Left() ||
			!strings.HasPrefix(e.Message, test.says) {
			t.Errorf("%s: %#v", name, e)
		}
	}
}

func TestNotTLS(t *testing.T) {
	base := strings.Replace(serve(t, answer(granted)), "http:", "https:", 1)
	_, err := mint(within(t), client(t, wechat.Options{BaseURL: base}), "stable")
	if e := failure(t, err); e.Class != wechat.ClassTransport || e.Left() ||
		!strings.Contains(e.Message, "does not speak it") {
		t.Errorf("%#v", e)
	}
}

// proxy is an HTTP proxy that opens tunnels, or refuses with status.
func proxy(t *testing.T, status int, used *atomic.Int32) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		used.Add(1)
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		if r.Method != http.MethodConnect { // plain http goes to a proxy as it is
			if r.URL.Host != "10.1.2.3" {
				t.Errorf("proxied %s", r.URL)
			}
			answer(granted)(w, r)
			return
		}
		far, err := net.Dial("tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	})
}

func TestProxy(t *testing.T) {
	s := httptest.NewTLSServer(answer(granted))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	for _, base := range []string{s.URL, "http://10.1.2.3"} {
		var used atomic.Int32
		c := client(t, wechat.Options{BaseURL: base, RootCAs: roots, Proxy: proxy(t, http.StatusOK, &used)})
		for _, api := range []string{"stable", "classic"} {
			if _, err := mint(within(t), c, api); err != nil {
				t.Errorf("%s: %v", base, err)
			}
		}
		if n := used.Load(); n != 2 {
			t.Errorf("%s: the proxy was used %d times", base, n)
		}
	}
}

func TestProxyRefuses(t *testing.T) {
	var used atomic.Int32
	refusing := strings.Replace(proxy(t, http.StatusProxyAuthRequired, &used), "://", "://user:"+canarySecret+"@", 1)
	_, err := mint(within(t), client(t, wechat.Options{BaseURL: "https://10.1.2.3", Proxy: refusing}), "stable")
	e := failure(t, err)
	if e.Class != wechat.ClassTransport || e.Left() ||
		!strings.Contains(e.Message, "the proxy refused a tunnel to WeChat with HTTP 407") || used.Load() != 1 {
		t.Errorf("%#v, %d calls", e, used.Load())
	}
}

// net/http reads these variables once in the life of a process, so they have
// to be there before the first test.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		if err := os.Setenv(name, "http://10.9.9.9:3128"); err != nil {
			log.Fatal(err)
		}
	}
	_ = os.Unsetenv("NO_PROXY")
	_ = os.Unsetenv("no_proxy")
	os.Exit(m.Run())
}

func TestEnvironmentProxyIsIgnored(t *testing.T) {
	for base, want := range map[string]string{"http://10.1.2.3": "10.1.2.3:80", "https://10.1.2.3": "10.1.2.3:443"} {
		var dialed string
		_, err := mint(within(t),
			client(t, wechat.Options{BaseURL: base, DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
				dialed = addr
				return nil, errors.New("no such network")
			}}), "stable")
		if e := failure(t, err); dialed != want || e.Left() ||
			!strings.Contains(e.Message, "wechat.proxy (HTTPS_PROXY is not read)") {
			t.Errorf("%s: dialed %s, %v", base, dialed, e)
		}
	}
}

func TestRefusedConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + ln.Addr().String()
	_ = ln.Close()
	for range 2 {
		_, err = mint(within(t), client(t, wechat.Options{BaseURL: base}), "classic")
		if e := failure(t, err); e.Class != wechat.ClassTransport || e.Issued != wechat.NotIssued || e.Left() ||
			!strings.Contains(e.Message, "connection refused") {
			t.Errorf("%#v", e)
		}
	}
}
