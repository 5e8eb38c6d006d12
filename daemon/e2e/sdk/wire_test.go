//go:build sdk

package sdk

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxtokend/daemon/testnet"
)

// platforms are the hosts for which the wire answers.
var platforms = []string{"api.weixin.qq.com", "qyapi.weixin.qq.com"}

// request is one that a client sent to WeChat.
type request struct {
	Host, Path, Token string
	// Code is the errcode of the answer.
	Code int
}

// wire is all that a client has of WeChat: a base URL, and a proxy that speaks
// for the hosts of WeChat. Both lead to the simulator.
type wire struct {
	t         testing.TB
	simulator string
	base      string
	// authority is the file of the certificate that a client has to trust.
	authority string
	secure    net.Addr

	mu  sync.Mutex
	log []request
}

func newWire(t testing.TB, simulator string) *wire {
	w := &wire{t: t, simulator: simulator, authority: filepath.Join(t.TempDir(), "ca.pem")}
	certificate, key, err := testnet.SelfSigned(&x509.Certificate{
		// Java takes none without a subject.
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "WeChat of a test"},
		DNSNames: platforms, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.authority, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewUnstartedServer(http.HandlerFunc(w.pass))
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	w.secure = secure.Listener.Addr()
	plain := httptest.NewServer(w)
	t.Cleanup(plain.Close)
	w.base = plain.URL
	return w
}

func (w *wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	// Some clients hand even an https URL whole to a proxy.
	if asProxy := r.URL.Host != ""; asProxy && !slices.Contains(platforms, strings.TrimSuffix(r.URL.Host, ":443")) {
		w.t.Errorf("the SDK calls %s", r.URL.Host)
		http.Error(out, "not WeChat", http.StatusBadGateway)
		return
	}
	if r.Method == http.MethodConnect {
		w.tunnel(out)
		return
	}
	w.pass(out, r)
}

// tunnel joins a client that asked for WeChat's port 443 with the server that
// has the certificate.
func (w *wire) tunnel(out http.ResponseWriter) {
	inner, err := net.Dial(w.secure.Network(), w.secure.String())
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadGateway)
		return
	}
	defer inner.Close()
	outer, buffered, err := http.NewResponseController(out).Hijack()
	if err != nil {
		w.t.Error(err)
		return
	}
	defer outer.Close()
	_, _ = io.WriteString(outer, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		_, _ = io.Copy(inner, buffered)
		_ = inner.Close()
	}()
	_, _ = io.Copy(outer, inner)
}

// pass hands a request to the simulator, and writes it down with its answer.
func (w *wire) pass(out http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		w.t.Error(err)
	}
	onward, err := http.NewRequestWithContext(r.Context(), r.Method, w.simulator+r.URL.RequestURI(), bytes.NewReader(text))
	if err != nil {
		w.t.Error(err)
		return
	}
	onward.URL.Path, onward.URL.RawQuery = r.URL.Path, r.URL.RawQuery
	onward.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	response, err := (&http.Client{Timeout: 20 * time.Second}).Do(onward)
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	var answer struct{ ErrCode int }
	_ = json.Unmarshal(body, &answer)
	w.mu.Lock()
	w.log = append(w.log, request{r.Host, r.URL.Path, r.URL.Query().Get("access_token"), answer.ErrCode})
	w.mu.Unlock()
	out.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	out.WriteHeader(response.StatusCode)
	_, _ = out.Write(body)
}

// since takes what was written down since it was last asked.
func (w *wire) since() []request {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	return log
}
