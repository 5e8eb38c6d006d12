package wechat_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechat"
)

const (
	appID        = "wx0123456789abcdef"
	canarySecret = "5ec2e7c4a4a2900d5ec2e7c4a4a2900d"
	canaryToken  = "97_CANARYtoken0123456789CANARYtoken0123456789CANARYtoken0123456789CANARYtoken0123456789"
	granted      = `{"access_token":"` + canaryToken + `","expires_in":7200}`
)

func client(t *testing.T, o wechat.Options) *wechat.Client {
	t.Helper()
	c, err := wechat.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// within gives a call more time than it needs: these tests wait for nothing.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func mint(ctx context.Context, c *wechat.Client, api wechat.API) (wechat.Grant, error) {
	return c.Mint(ctx, wechat.Request{API: api, AppID: appID, Secret: canarySecret})
}

// failure demands that err is an *Error.
func failure(t *testing.T, err error) *wechat.Error {
	t.Helper()
	var e *wechat.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v is no *wechat.Error", err, err)
	}
	return e
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func TestMintStable(t *testing.T) {
	for force, body := range map[bool]string{
		false: `{"appid":"wx0123456789abcdef","force_refresh":false,"grant_type":"client_credential","secret":"` + canarySecret + `"}`,
		true:  `{"appid":"wx0123456789abcdef","force_refresh":true,"grant_type":"client_credential","secret":"` + canarySecret + `"}`,
	} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got, _ := io.ReadAll(r.Body)
			if r.Method != "POST" || r.URL.String() != "/cgi-bin/stable_token" || string(got) != body {
				t.Errorf("%s %s %s", r.Method, r.URL, got)
			}
			if r.ContentLength != int64(len(body)) || r.TransferEncoding != nil || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("length %d, encoding %v, type %q", r.ContentLength, r.TransferEncoding, r.Header.Get("Content-Type"))
			}
			checkHeaders(t, r)
			w.Header().Set("Content-Type", "text/plain") // not insisted on
			w.Header().Set("Date", "Wed, 16 Nov 2016 12:40:00 GMT")
			_, _ = io.WriteString(w, granted)
		})
		got, err := client(t, wechat.Options{BaseURL: base}).Mint(within(t), wechat.Request{API: wechat.Stable, AppID: appID, Secret: canarySecret, ForceRefresh: force})
		want := wechat.Grant{Token: canaryToken, ExpiresIn: 2 * time.Hour, ServerTime: time.Date(2016, 11, 16, 12, 40, 0, 0, time.UTC)}
		if err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func checkHeaders(t *testing.T, r *http.Request) {
	t.Helper()
	if r.Header.Get("User-Agent") != "wxtokend" || r.Header.Get("Accept-Encoding") != "" || !r.Close {
		t.Errorf("agent %q, encoding %q, close %v", r.Header.Get("User-Agent"), r.Header.Get("Accept-Encoding"), r.Close)
	}
}

func TestMintClassic(t *testing.T) {
	const odd = "a&b=c+d%/é" // must survive the query
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		want := url.Values{"grant_type": {"client_credential"}, "appid": {appID}, "secret": {odd}}
		if r.Method != "GET" || r.URL.Path != "/gateway/cgi-bin/token" || r.URL.Query().Encode() != want.Encode() {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		checkHeaders(t, r)
		answer(granted)(w, r)
	})
	got, err := client(t, wechat.Options{BaseURL: base + "/gateway/"}).Mint(within(t), wechat.Request{API: wechat.Classic, AppID: appID, Secret: odd})
	if err != nil || got.Token != canaryToken || got.ExpiresIn != 2*time.Hour {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestVerify(t *testing.T) {
	for body, want := range map[string]struct {
		accepted, refused bool
		class             wechat.Class
	}{
		`{"ip_list":["101.226.103.0/25"]}`:             {accepted: true},
		`{"errcode":40001,"errmsg":"not latest"}`:      {refused: true, class: wechat.ClassUnknown},
		`{"errcode":40014,"errmsg":"invalid"}`:         {refused: true, class: wechat.ClassUnknown},
		`{"errcode":42001,"errmsg":"expired"}`:         {refused: true, class: wechat.ClassUnknown},
		`{"errcode":41001,"errmsg":"missing"}`:         {class: wechat.ClassUnknown},
		`{"errcode":40164,"errmsg":"invalid ip"}`:      {class: wechat.ClassIP},
		`{"errcode":45009,"errmsg":"reach max"}`:       {class: wechat.ClassQuota},
		`{"errcode":-1,"errmsg":"system error"}`:       {class: wechat.ClassTransient},
		`<html>40001</html>`:                           {class: wechat.ClassGarbage},
		`{"errcode":0,"errmsg":"ok"}`:                  {class: wechat.ClassGarbage},
		`{"access_token":"` + canaryToken + `","x":1}`: {class: wechat.ClassGarbage},
	} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" || r.URL.String() != "/cgi-bin/get_api_domain_ip?access_token="+canaryToken {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			checkHeaders(t, r)
			answer(body)(w, r)
		})
		err := client(t, wechat.Options{BaseURL: base}).Verify(within(t), canaryToken)
		if want.accepted {
			if err != nil {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		if e := failure(t, err); e.Refused() != want.refused || e.Class != want.class || e.Op != "verify token" {
			t.Errorf("%s: refused %v, class %s, %v", body, e.Refused(), e.Class, e)
		}
	}
}

// A 40001 of a mint is about the AppSecret: it must not look like a dead token.
func TestMintNeverRefusesAToken(t *testing.T) {
	for _, code := range []string{"40001", "40014", "42001"} {
		_, err := mint(within(t), client(t, wechat.Options{BaseURL: serve(t, answer(`{"errcode":`+code+`}`))}), wechat.Classic)
		if e := failure(t, err); e.Refused() || e.Issued != wechat.NotIssued || !e.Left() {
			t.Errorf("%s: %#v", code, e)
		}
	}
}

func TestNewRejects(t *testing.T) {
	for _, o := range []wechat.Options{
		{},
		{BaseURL: "api.weixin.qq.com"},
		{BaseURL: "https://"},
		{BaseURL: "https://:443"},
		{BaseURL: "ftp://" + canarySecret},
		{BaseURL: "https://user:" + canarySecret + "@host"},
		{BaseURL: "https://host/?x=" + canarySecret},
		{BaseURL: "https://host/#" + canarySecret},
		{BaseURL: "https://host:port" + canarySecret},
		{BaseURL: "https://host", Proxy: "host:3128"},
		{BaseURL: "https://host", Proxy: "ftp://user:" + canarySecret + "@host"},
		{BaseURL: "https://host", Proxy: "http://user:" + canarySecret + "@%zz"},
	} {
		if _, err := wechat.New(o); err == nil || strings.Contains(err.Error(), canarySecret) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, proxy := range []string{"http://u:p@host:3128", "https://host", "socks5://host:1080", "socks5h://host"} {
		client(t, wechat.Options{BaseURL: "https://api.weixin.qq.com", Proxy: proxy})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var followed atomic.Int32
	target := serve(t, func(w http.ResponseWriter, r *http.Request) { followed.Add(1); answer(granted)(w, r) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target+r.URL.String(), status) })
		for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
			_, err := mint(within(t), client(t, wechat.Options{BaseURL: base}), api)
			if e := failure(t, err); e.Class != wechat.ClassGarbage || e.Issued != wechat.MaybeIssued || e.HTTPStatus != status {
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
	c := client(t, wechat.Options{BaseURL: base, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return countingConn{conn, &read}, err
	}})
	_, err := mint(within(t), c, wechat.Classic)
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
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		reset.Store(false)
		if _, err := mint(within(t), c, api); err != nil {
			t.Fatal(err)
		}
		reset.Store(true)
		calls.Store(0)
		_, err := mint(within(t), c, api)
		if e := failure(t, err); e.Class != wechat.ClassTransport || e.Issued != wechat.MaybeIssued || !e.Left() || !strings.Contains(e.Message, "after the request was sent") {
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
		"1.3":          {tls.VersionTLS13, true, ""},
		"1.2":          {tls.VersionTLS12, true, ""},
		"1.1":          {tls.VersionTLS11, true, "TLS failed (remote error: tls: protocol version not supported): check this host's clock"},
		"unknown root": {tls.VersionTLS13, false, "TLS failed, the server's certificate is not accepted (x509: certificate signed by unknown authority): check this host's clock"},
	} {
		s := start(test.version)
		roots := x509.NewCertPool()
		if test.trusted {
			roots.AddCert(s.Certificate())
		}
		_, err := mint(within(t), client(t, wechat.Options{BaseURL: s.URL, RootCAs: roots}), wechat.Stable)
		if test.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		e := failure(t, err)
		if e.Class != wechat.ClassTransport || e.Issued != wechat.NotIssued || e.Left() || !strings.HasPrefix(e.Message, test.says) {
			t.Errorf("%s: %#v", name, e)
		}
	}
}

func TestNotTLS(t *testing.T) {
	base := strings.Replace(serve(t, answer(granted)), "http:", "https:", 1)
	_, err := mint(within(t), client(t, wechat.Options{BaseURL: base}), wechat.Stable)
	if e := failure(t, err); e.Class != wechat.ClassTransport || e.Left() || !strings.Contains(e.Message, "does not speak it") {
		t.Errorf("%#v", e)
	}
}

func TestCertificateCauseUnwraps(t *testing.T) {
	s := httptest.NewUnstartedServer(answer(granted))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := mint(within(t), client(t, wechat.Options{BaseURL: s.URL}), wechat.Stable)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("%#v", err)
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
		for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
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
	_, err := mint(within(t), client(t, wechat.Options{BaseURL: "https://10.1.2.3", Proxy: refusing}), wechat.Stable)
	e := failure(t, err)
	if e.Class != wechat.ClassTransport || e.Left() || !strings.Contains(e.Message, "the proxy refused a tunnel to WeChat with HTTP 407") || used.Load() != 1 {
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
		_, err := mint(within(t), client(t, wechat.Options{BaseURL: base, DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			dialed = addr
			return nil, errors.New("no such network")
		}}), wechat.Stable)
		if e := failure(t, err); dialed != want || e.Left() {
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
		_, err = mint(within(t), client(t, wechat.Options{BaseURL: base}), wechat.Classic)
		if e := failure(t, err); e.Class != wechat.ClassTransport || e.Issued != wechat.NotIssued || e.Left() || !strings.Contains(e.Message, "connection refused") {
			t.Errorf("%#v", e)
		}
	}
	if _, err = mint(within(t), client(t, wechat.Options{BaseURL: base}), "both"); failure(t, err).Class != wechat.ClassConfig {
		t.Errorf("unknown api: %v", err)
	}
}

func TestTokenTypesStayOpaque(t *testing.T) {
	got, err := mint(within(t), client(t, wechat.Options{BaseURL: serve(t, answer(granted))}), wechat.Stable)
	if err != nil || got.Token.Fingerprint() != secret.Token(canaryToken).Fingerprint() {
		t.Errorf("%v, %v", got, err)
	}
}
