package check_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

func TestCertificate(t *testing.T) {
	for want, life := range map[string]time.Duration{
		"FAIL  certificate: ": -time.Hour, "warn  certificate: ": 6 * 24 * time.Hour, "ok    certificate: ": 8 * 24 * time.Hour,
	} {
		w := newWorld(t)
		w.options.Online = false
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(life)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		w.write("c.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o600)
		w.write("c.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), 0o600)
		path := w.write("web.yml", "tls_server_config: {cert_file: c.crt, key_file: c.key}\n", 0o600)
		output, findings := w.document("http: {probes_listen: ':9478', web_config_file: " + path + "}\ncredentials:\n" +
			w.credential(""))
		w.expect(output, findings, findings, want)
		if (findings == 1) != (life < 0) {
			t.Errorf("%d findings", findings)
		}
	}
}
