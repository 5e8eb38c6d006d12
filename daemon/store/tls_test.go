package store_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// tlsArgs makes an authority, a server's and a client's certificate in dir and
// returns the options with which redis-server uses them.
func tlsArgs(t *testing.T, dir string) []string {
	t.Helper()
	authority := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caKey := writeCertificate(t, dir, "ca", authority, authority, nil)
	writeCertificate(t, dir, "server", &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"redis.internal"},
	}, authority, caKey)
	writeCertificate(t, dir, "client", &x509.Certificate{
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, authority, caKey)
	return []string{
		"--tls-cert-file", filepath.Join(dir, "server.pem"), "--tls-key-file", filepath.Join(dir, "server.key"),
		"--tls-ca-cert-file", filepath.Join(dir, "ca.pem"), "--tls-auth-clients", "no",
	}
}

// writeCertificate writes name.pem and name.key, signed by parent's key, or by
// its own if there is none.
func writeCertificate(t *testing.T, dir, name string, c, parent *x509.Certificate,
	signer *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	return key
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTLSVerifiesTheServer(t *testing.T) {
	s := sharedServer(t)
	ca := filepath.Join(s.dir, "ca.pem")
	for _, tt := range []struct {
		name, ca, serverName string
		want                 string // part of the error, "" for success
	}{
		{"our authority", ca, "", ""},
		{"another name of the server", ca, "redis.internal", ""},
		{"a name that is not the server's", ca, "redis.example", "redis.example"},
		{"an authority that we do not know", "", "", "unknown authority"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, err := store.TLSFiles(t.Context(), tt.ca, "", "", tt.serverName)
			if err != nil {
				t.Fatal(err)
			}
			expectObserve(t, store.Options{URL: secret.Secret("rediss://" + s.tlsAddr), TLS: config}, tt.want)
		})
	}
	t.Run("no files at all", func(t *testing.T) {
		expectObserve(t, store.Options{URL: secret.Secret("rediss://" + s.tlsAddr)}, "unknown authority")
	})
	// Otherwise password and tokens would travel readable, against the configuration.
	for _, url := range []string{"redis://" + s.addr, "unix://" + s.socket} {
		expectObserve(t, store.Options{URL: secret.Secret(url),
			TLS: func(context.Context) (*tls.Config, error) { return &tls.Config{}, nil }},
			"redis.url: redis.tls needs rediss://")
	}
}

func TestTLSShowsTheClientsCertificate(t *testing.T) {
	needRedis(t)
	dir := t.TempDir()
	s := ownServer(t, append(tlsArgs(t, dir), "--tls-auth-clients", "yes")...)
	ca, cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	with, err := store.TLSFiles(t.Context(), ca, cert, key, "")
	if err != nil {
		t.Fatal(err)
	}
	without, err := store.TLSFiles(t.Context(), ca, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	expectObserve(t, store.Options{URL: secret.Secret("rediss://" + s.tlsAddr), TLS: with}, "")
	expectObserve(t, store.Options{URL: secret.Secret("rediss://" + s.tlsAddr), TLS: without},
		"observe WXAccessToken") // which error depends on who is faster
}

// TestTLSClientsCertificateRotates: each connection shows what the files hold
// then, or the end of a certificate would be the end of the daemon's.
func TestTLSClientsCertificateRotates(t *testing.T) {
	needRedis(t)
	dir, strange, files := t.TempDir(), t.TempDir(), t.TempDir()
	s := ownServer(t, append(tlsArgs(t, dir), "--tls-auth-clients", "yes")...)
	tlsArgs(t, strange)
	put := func(from string) {
		for _, name := range []string{"client.pem", "client.key"} {
			content, err := os.ReadFile(filepath.Join(from, name))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(files, name), content)
		}
	}
	put(strange)
	config, err := store.TLSFiles(t.Context(), filepath.Join(dir, "ca.pem"), filepath.Join(files, "client.pem"),
		filepath.Join(files, "client.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	o := store.Options{URL: secret.Secret("rediss://" + s.tlsAddr), TLS: config}
	expectObserve(t, o, "observe WXAccessToken")
	put(dir)
	expectObserve(t, o, "")
	if err := os.Remove(filepath.Join(files, "client.key")); err != nil {
		t.Fatal(err)
	}
	expectObserve(t, o, "redis.tls.key_file: ")
}

// TestTLSAuthoritiesRotate: a client that runs believes the authorities that the
// file holds when it connects, through sentinels and to a Cluster as well.
func TestTLSAuthoritiesRotate(t *testing.T) {
	s := sharedServer(t)
	strange, ca := t.TempDir(), filepath.Join(t.TempDir(), "ca.pem")
	tlsArgs(t, strange)
	put := func(dir string) {
		content, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, ca, content)
	}
	put(strange)
	files, err := store.TLSFiles(t.Context(), ca, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	clients := map[string]redis.UniversalClient{}
	for name, o := range map[string]store.Options{
		"one server": {URL: secret.Secret("rediss://" + s.tlsAddr)},
		"cluster":    {Cluster: []string{s.tlsAddr}},
		"sentinel":   {Master: "mymaster", Sentinels: []string{s.tlsAddr}},
	} {
		o.TLS, o.Timeout = files, 2*time.Second
		if clients[name], err = store.Connect(o); err != nil {
			t.Fatal(err)
		}
		defer clients[name].Close()
	}
	untrusted := func(client redis.UniversalClient) bool {
		err := client.Ping(t.Context()).Err()
		return err != nil && strings.Contains(err.Error(), "unknown authority")
	}
	for name, client := range clients {
		if !untrusted(client) {
			t.Errorf("%s: a server of an authority that is not in the file is trusted", name)
		}
	}
	put(s.dir)
	for name, client := range clients {
		if untrusted(client) {
			t.Errorf("%s: the file's new authority is not trusted", name)
		}
	}
	put(strange)
	// One that left the file is trusted no more.
	expectObserve(t, store.Options{URL: secret.Secret("rediss://" + s.tlsAddr), TLS: files}, "unknown authority")
}

func TestTLSFilesNamesTheOption(t *testing.T) {
	dir := t.TempDir()
	tlsArgs(t, dir)
	junk := filepath.Join(dir, "junk.pem")
	write(t, junk, []byte("no certificate"))
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, tt := range []struct{ name, ca, cert, key, want string }{
		{"no CA file", path("missing.pem"), "", "", "redis.tls.ca_file: "},
		{"junk in the CA file", junk, "", "", "redis.tls.ca_file: read " + junk + ": holds no certificate in PEM"},
		{"no certificate file", "", path("missing.pem"), path("client.key"), "redis.tls.cert_file: "},
		{"certificate without key", "", path("client.pem"), path("missing.key"), "redis.tls.key_file: "},
		{"another certificate's key", "", path("client.pem"), path("server.key"), "redis.tls.key_file: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := store.TLSFiles(t.Context(), tt.ca, tt.cert, tt.key, ""); err == nil ||
				!strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error = %v, want %s…", err, tt.want)
			}
		})
	}
}
