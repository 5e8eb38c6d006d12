package store

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"

	"wxtokend/daemon/secret"
)

// maxPEM is several times all roots that a system has, in bytes.
const maxPEM = 1 << 20

var errNoCertificate = errors.New("holds no certificate in PEM")

// TLSFiles builds a client configuration from PEM files; each may be "". The
// client's certificate is read anew for each connection, as it can rotate.
// An error begins with the option that it is about, such as redis.tls.ca_file,
// and wraps an *fs.PathError.
func TLSFiles(ctx context.Context, ca, cert, key, serverName string) (*tls.Config, error) {
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
		// To be missed at the start and not at the first rotation.
		if _, err := readPair(ctx, cert, key); err != nil {
			return nil, err
		}
		c.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return readPair(info.Context(), cert, key)
		}
	}
	return c, nil
}

func readPair(ctx context.Context, cert, key string) (*tls.Certificate, error) {
	certPEM, err := readPEM(ctx, cert)
	if err != nil {
		return nil, fmt.Errorf("redis.tls.cert_file: %w", err)
	}
	keyPEM, err := readPEM(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("redis.tls.key_file: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("redis.tls.cert_file: %w", &fs.PathError{Op: "use", Path: cert, Err: err})
	}
	return &pair, nil
}

// readPEM skips a byte order mark, which would hide the first block.
func readPEM(ctx context.Context, path string) ([]byte, error) {
	content, err := secret.Read(ctx, path, maxPEM)
	return bytes.TrimPrefix(content, []byte("\ufeff")), err
}
