package store

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"time"

	"wxtokend/daemon/secret"
)

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
		pem, err := secret.ReadPEM(ctx, ca)
		if err == nil {
			c.RootCAs, err = secret.Authorities(pem)
		}
		if err != nil {
			return nil, unusable("ca_file", ca, err)
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
	certPEM, err := secret.ReadPEM(ctx, cert)
	if err != nil {
		return pair, unusable("cert_file", cert, err)
	}
	keyPEM, err := secret.ReadPEM(ctx, key)
	if err != nil {
		return pair, unusable("key_file", key, err)
	}
	pair, wrong, err := secret.KeyPair(certPEM, keyPEM)
	if err != nil {
		return pair, unusable(wrong, map[string]string{"cert_file": cert, "key_file": key}[wrong], err)
	}
	return pair, nil
}

// unusable says why the file of an option of redis.tls cannot be used.
func unusable(option, path string, err error) error {
	return fmt.Errorf("redis.tls.%s: %w", option, &fs.PathError{Op: "read", Path: path, Err: secret.Reason(err)})
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
