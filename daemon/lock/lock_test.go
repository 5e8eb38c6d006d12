package lock_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/lock"
)

// serve answers "in" behind the lock and returns where.
func serve(t *testing.T, l *lock.Lock) (addr string) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn)
	server := &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: quiet, Handler: l.Handler(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") }))}
	go func() { _ = server.Serve(l.Listener(ln)) }()
	t.Cleanup(func() { _ = server.Close() })
	return ln.Addr().String()
}

func open(t *testing.T, path string) *lock.Lock {
	t.Helper()
	l, err := lock.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// ask makes one request on a connection of its own.
func ask(url, user, password string, c *tls.Config) (code int, body string, err error) {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: c}}
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func TestPasswords(t *testing.T) {
	files := newFiles(t)
	files.write("web.yml", "basic_auth_users:\n  prometheus: "+files.hash("right")+"\n  ops: "+files.hash("other")+"\n")
	addr := serve(t, open(t, files.path("web.yml")))
	// The second time it is known.
	for range 2 {
		for _, c := range []struct {
			user, password string
			want           int
		}{
			{"prometheus", "right", 200}, {"ops", "other", 200}, {"prometheus", "wrong", 401}, {"prometheus", "other", 401},
			{"ops", "right", 401}, {"nobody", "right", 401}, {"prometheus", "", 401}, {"", "", 401},
		} {
			code, body, err := ask("http://"+addr, c.user, c.password, nil)
			if err != nil || code != c.want || (body == "in") != (c.want == 200) {
				t.Errorf("%s with %q: %d %q %v, want %d", c.user, c.password, code, body, err, c.want)
			}
		}
	}
}

func TestTLS(t *testing.T) {
	files := newFiles(t)
	ca := files.authority("ca")
	ca.issue("server")
	own := files.pair(ca.issue("client"))
	stranger := files.pair(files.authority("other").issue("stranger"))
	const server = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
	const clients = server + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
	for _, c := range []struct {
		name, document string
		client         *tls.Config
		// In the error; "": it is let in.
		want string
	}{
		{"server alone", server, &tls.Config{RootCAs: ca.pool()}, ""},
		{"authority unknown to the client", server, &tls.Config{}, "unknown authority"},
		{"old version", server + "  min_version: TLS13\n", &tls.Config{RootCAs: ca.pool(), MaxVersion: tls.VersionTLS12},
			"protocol version"},
		{"client with a certificate", clients, &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{own}}, ""},
		{"client without", clients, &tls.Config{RootCAs: ca.pool()}, "certificate required"},
		{"client of another authority", clients, &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{stranger}},
			"certificate required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files.write("web.yml", c.document)
			l := open(t, files.path("web.yml"))
			if got, want := l.SecretFiles(), []string{files.path("web.yml"), files.path("server.key")}; !slices.Equal(got,
				want) {
				t.Errorf("secrets are in %q, want %q", got, want)
			}
			addr := serve(t, l)
			code, body, err := ask("https://"+addr, "", "", c.client)
			if c.want == "" && (err != nil || code != 200 || body != "in") {
				t.Errorf("%d %q %v", code, body, err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%d %q, error %v, want %q", code, body, err, c.want)
			}
			if code, body, _ := ask("http://"+addr, "", "", nil); code != http.StatusBadRequest ||
				strings.Contains(body, "in\n") {
				t.Errorf("plain HTTP: %d %q", code, body)
			}
		})
	}
}

// lines takes one line of a log a write.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestFollow changes each file while it is in use. What cannot be used changes
// nothing and is told once.
func TestFollow(t *testing.T) {
	files := newFiles(t)
	ca := files.authority("ca")
	ca.issue("server")
	const head = "tls_server_config: {cert_file: server.crt, key_file: server.key}\nbasic_auth_users:\n  ops: "
	files.write("web.yml", head+files.hash("old"))
	logs := make(lines, 100)
	var good atomic.Bool
	synctest.Test(t, func(t *testing.T) {
		l := open(t, files.path("web.yml"))
		ctx, cancel := context.WithCancel(t.Context())
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			l.Follow(ctx, slog.New(slog.NewTextHandler(logs, nil)), good.Store)
		}()
		defer func() { cancel(); <-followed }()
		changed := func(want string) {
			t.Helper()
			// No file is written while the next reading is due: to close a connection of TLS takes 5 s.
			time.Sleep(time.Until(time.Now().Add(30 * time.Second).Truncate(10 * time.Second).Add(3 * time.Second)))
			synctest.Wait()
			var got []string
			for len(logs) > 0 {
				got = append(got, <-logs)
			}
			if len(got) != min(1, len(want)) || !strings.Contains(strings.Join(got, ""), want) {
				t.Errorf("the log says %q, want %q once", got, want)
			}
			right := want == "" || strings.Contains(strings.Join(got, ""), "is used")
			if noted := strings.Join(l.Notes(), ""); good.Load() != right || (noted == "") != right ||
				!right && !strings.Contains(noted, want) {
				t.Errorf("good %v, notes %q, want %v", good.Load(), noted, right)
			}
		}
		lets := func(password string, serial int64) {
			t.Helper()
			if got := files.served(l); got != serial {
				t.Errorf("certificate %d is served, want %d", got, serial)
			}
			if !files.admits(l, "ops", password) || files.admits(l, "ops", "never") {
				t.Errorf("%q is not the password, or any is", password)
			}
		}
		lets("old", 2)
		changed("")
		ca.issue("server")
		changed("users=1 certificate_until=20")
		lets("old", 3)
		files.write("web.yml", head+files.hash("new"))
		changed("has changed and is used")
		lets("new", 3)
		files.write("web.yml", "")
		changed("locks nothing")
		files.write("web.yml", "basic_auth_users:\n  ops: "+files.hash("new"))
		changed("needs a restart")
		files.write("web.yml", head+files.hash("newest"))
		files.write("server.key", "cut off")
		changed("server.key: tls: failed to find any PEM data")
		lets("new", 3)
		ca.issue("server")
		changed("has changed and is used")
		lets("newest", 4)
		// Virtual time begins in the year 2000.
		files.lifetime = -40 * 365 * 24 * time.Hour
		ca.issue("server")
		changed("the certificate has expired at 19")
		lets("newest", 4)
	})
}

func TestMistakes(t *testing.T) {
	files := newFiles(t)
	files.authority("ca").issue("server")
	files.write("empty.pem", "")
	files.write("cut.pem", "-----BEGIN CERTIFICATE-----\nMII")
	files.write("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	const pair = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
	hash := files.hash("CANARY")
	for document, want := range map[string]string{
		"":                         "locks nothing",
		"{}":                       "locks nothing",
		"basic_auth_users: {}":     "locks nothing",
		"basic_auth_users: CANARY": "line 1: this line",
		"basic_auth_users:\n  a: " + hash + "\n  b: CANARY":  "line 3: basic_auth_users: must be lines of USER: HASH",
		"basic_auth_users:\n  a: " + hash + "\n  a: " + hash: "line 3: this line",
		"basic_auth_users:\n  - CANARY":                      "line 2: this line",
		"a: [":                                               "line 1: this line",
		"\n*CANARY":                                          "is not YAML",
		"http_server_config: {http2: true}": "line 1: http_server_config: unknown option: " +
			"of this format only",
		pair + "  cipher_suites: []\n":               "line 4: cipher_suites: unknown option",
		"tls_server_config: {}":                      "tls_server_config: cert_file: missing",
		"tls_server_config: {cert_file: server.crt}": "tls_server_config: key_file: missing",
		"tls_server_config: {cert_file: no.crt}": "tls_server_config: cert_file: " +
			files.path("no.crt") + ": no such file",
		"tls_server_config: {cert_file: cut.pem, key_file: server.key}": "tls_server_config: cert_file: " +
			files.path("cut.pem") + ": line 1: the block of PEM that begins here is cut",
		"tls_server_config: {cert_file: server.crt, key_file: encrypted.pem}": "tls_server_config: key_file: " +
			files.path("encrypted.pem") + ": is encrypted",
		"tls_server_config: {cert_file: ca.crt, key_file: server.key}": "private key does not match",
		pair + "  min_version: TLS11\n":                                "min_version: must be TLS12 or TLS13",
		pair + "  client_auth_type: RequestClientCert\n":               "client_auth_type: must be NoClientCert or",
		pair + "  client_ca_file: ca.crt\n":                            "client_ca_file: needs client_auth_type",
		pair + "  client_auth_type: RequireAndVerifyClientCert\n":      "client_ca_file: missing",
		pair + "  {client_auth_type: RequireAndVerifyClientCert}\n":    "line 4: this line",
		strings.Repeat("# long\n", 1<<18):                              "larger than 1024 KiB",
		pair + "  client_auth_type: RequireAndVerifyClientCert\n" +
			"  client_ca_file: empty.pem": "holds no certificate",
		pair + "  client_auth_type: RequireAndVerifyClientCert\n" +
			"  client_ca_file: cut.pem": "tls_server_config: client_ca_file: " + files.path("cut.pem") + ": line 1: ",
		"basic_auth_users:\n  a: $2y$17$" + hash[7:]: "line 2: basic_auth_users: the hash has cost 17",
	} {
		files.write("web.yml", document)
		_, err := lock.Open(t.Context(), files.path("web.yml"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%.80q: %v, want %q", document, err, want)
		}
	}
	if _, err := lock.Open(t.Context(), files.path("none.yml")); err == nil ||
		!strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing file: %v", err)
	}
}

// Of several mistakes the same is told each time, as one that is new is logged.
func TestOneOfSeveralMistakes(t *testing.T) {
	files := newFiles(t)
	files.write("web.yml", "basic_auth_users: {d: x, b: x,\n a: x,\n c: x}")
	for range 20 {
		_, err := lock.Open(t.Context(), files.path("web.yml"))
		if err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Fatal(err)
		}
	}
}

// Without a file everybody is let in.
func TestNoLock(t *testing.T) {
	code, body, err := ask("http://"+serve(t, nil), "", "", nil)
	if err != nil || code != http.StatusOK || body != "in" {
		t.Errorf("%d %q %v", code, body, err)
	}
}

// leaf is the certificate of the server at the other end of conn.
func leaf(conn *tls.Conn) *x509.Certificate { return conn.ConnectionState().PeerCertificates[0] }
