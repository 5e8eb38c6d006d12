package store

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLSFiles builds a client configuration from PEM files; each may be "". The
// client's certificate is read anew for each connection, as it can rotate.
func TLSFiles(ca, cert, key, serverName string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("redis.tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("redis.tls.ca_file: no PEM certificate in %s", ca)
		}
	}
	if cert != "" {
		read := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				return nil, fmt.Errorf("redis.tls.cert_file: %w", err)
			}
			return &pair, nil
		}
		// A mistake is to be missed at the start and not at the first rotation.
		if _, err := read(nil); err != nil {
			return nil, err
		}
		c.GetClientCertificate = read
	}
	return c, nil
}
