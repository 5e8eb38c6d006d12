package lock_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"wxtokend/daemon/lock"
)

// files is a directory with the files that a web configuration names.
type files struct {
	*testing.T
	dir    string
	serial int64
	// Of the certificates.
	lifetime time.Duration
}

func newFiles(t *testing.T) *files {
	t.Helper()
	return &files{T: t, dir: t.TempDir(), lifetime: 24 * time.Hour}
}

func (f *files) path(name string) string { return filepath.Join(f.dir, name) }

func (f *files) write(name, content string) {
	f.Helper()
	if err := os.WriteFile(f.path(name), []byte(content), 0o600); err != nil {
		f.Fatal(err)
	}
}

func (f *files) hash(password string) string {
	f.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		f.Fatal(err)
	}
	return string(hash)
}

// authority signs certificates for 127.0.0.1; its own is NAME.crt.
type authority struct {
	files *files
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
}

func (f *files) authority(name string) authority {
	f.Helper()
	a := authority{files: f}
	a.cert, a.key = f.certificate(name, a)
	return a
}

// issue writes NAME.crt and NAME.key, and returns NAME.
func (a authority) issue(name string) string {
	a.files.Helper()
	a.files.certificate(name, a)
	return name
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// certificate makes one that by signs, or that signs itself and others.
func (f *files) certificate(name string, by authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(f.serial), Subject: pkix.Name{CommonName: name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Unix(0, 0), NotAfter: time.Now().Add(f.lifetime),
	}
	parent, signer := by.cert, by.key
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		f.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	f.write(name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	f.write(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	return cert, key
}

func (f *files) pair(name string) tls.Certificate {
	f.Helper()
	pair, err := tls.LoadX509KeyPair(f.path(name+".crt"), f.path(name+".key"))
	if err != nil {
		f.Fatal(err)
	}
	return pair
}

// oneConn is a listener with one connection to accept.
type oneConn struct {
	net.Listener
	conn net.Conn
}

func (o oneConn) Accept() (net.Conn, error) { return o.conn, nil }

// served is the serial number of the certificate that a new connection gets.
func (f *files) served(l *lock.Lock) int64 {
	f.Helper()
	near, far := net.Pipe()
	conn, err := l.Listener(oneConn{conn: far}).Accept()
	if err != nil {
		f.Fatal(err)
	}
	go func() { _ = conn.(*tls.Conn).Handshake() }()
	// The serial number is what is asked for.
	client := tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	defer client.Close()
	if err := client.Handshake(); err != nil {
		f.Fatal(err)
	}
	return leaf(client).SerialNumber.Int64()
}

func (f *files) admits(l *lock.Lock, user, password string) bool {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(user, password)
	l.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_,
			_ = io.WriteString(w, "in")
	})).ServeHTTP(w, r)
	return w.Code == http.StatusOK
}
