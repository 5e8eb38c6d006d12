package check_test

import (
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"wxtokend/daemon/testnet"
)

func TestCertificate(t *testing.T) {
	for want, life := range map[string]time.Duration{
		"FAIL  certificate: ": -time.Hour, "warn  certificate: ": 6 * 24 * time.Hour,
		"ok    certificate: ": 8 * 24 * time.Hour,
	} {
		w := newWorld(t)
		w.options.Online = false
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(life)}
		certificate, key, err := testnet.SelfSigned(template)
		if err != nil {
			t.Fatal(err)
		}
		w.write("c.crt", string(certificate), 0o600)
		w.write("c.key", string(key), 0o600)
		path := w.write("web.yml", "tls_server_config: {cert_file: c.crt, key_file: c.key}\n", 0o600)
		output, findings := w.document("http: {probes_listen: ':9478', web_config_file: " + path + "}\ncredentials:\n" +
			w.credential(""))
		w.expect(output, findings, findings, want)
		if (findings == 1) != (life < 0) {
			t.Errorf("%d findings", findings)
		}
	}
}
