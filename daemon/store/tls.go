package store

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"wxtokend/daemon/secret"
)

// maxPEM is several times all roots that a system has, in bytes.
const maxPEM = 1 << 20

var errNoCertificate = errors.New("holds no certificate in PEM")

// TLS makes the configuration of one connection.
type TLS func(ctx context.Context) (*tls.Config, error)

// TLSFiles reads PEM files, each of which may be "", anew for each connection, as
// authorities and certificates rotate. They are read once here, to be missed at
// the start. An error begins with the option that it is about, such as
// redis.tls.ca_file, and wraps an *fs.PathError.
func TLSFiles(ctx context.Context, ca, cert, key, serverName string) (TLS, error) {
	read := func(ctx context.Context) (*tls.Config, error) { return readTLS(ctx, ca, cert, key, serverName) }
	_, err := read(ctx)
	return read, err
}

func readTLS(ctx context.Context, ca, cert, key, serverName string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if ca != "" {
		pem, err := readPEM(ctx, ca)
		if err != nil {
			return nil, fmt.Errorf("redis.tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("redis.tls.ca_file: %w", &fs.PathError{Op: "read", Path: ca, Err: errNoCertificate})
		}
	}
	if cert != "" {
		pair, err := readPair(ctx, cert, key)
		if err != nil {
			return nil, err
		}
		// Shown whichever authorities the server names.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return c, nil
}

func readPair(ctx context.Context, cert, key string) (pair tls.Certificate, err error) {
	certPEM, err := readPEM(ctx, cert)
	if err != nil {
		return pair, fmt.Errorf("redis.tls.cert_file: %w", err)
	}
	keyPEM, err := readPEM(ctx, key)
	if err != nil {
		return pair, fmt.Errorf("redis.tls.key_file: %w", err)
	}
	if pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		err = fmt.Errorf("redis.tls.cert_file: %w", &fs.PathError{Op: "use", Path: cert, Err: err})
	}
	return pair, err
}

// dial opens a connection by plain and talks TLS on it, within timeout. The
// library itself would keep the authorities of its first connection.
func (t TLS) dial(plain dial, timeout time.Duration) dial {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		c, err := t(ctx)
		if err != nil {
			return nil, err
		}
		if c.ServerName == "" {
			c.ServerName, _, _ = net.SplitHostPort(addr)
		}
		raw, err := plain(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, c)
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		return conn, nil
	}
}

// readPEM skips a byte order mark, which would hide the first block.
func readPEM(ctx context.Context, path string) ([]byte, error) {
	content, err := secret.Read(ctx, path, maxPEM)
	return bytes.TrimPrefix(content, []byte("\ufeff")), err
}
