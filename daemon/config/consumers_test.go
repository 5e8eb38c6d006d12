package config_test

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestConsumersByTLS: TLS lets others be on the way, a password does not.
func TestConsumersByTLS(t *testing.T) {
	dir, sum := certificate(t), strings.Repeat("Ab", 32)
	tls := write(t, dir+"/tls.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
	users := write(t, dir+"/users.yml", "basic_auth_users:\n"+
		"  prometheus: $2y$10$NZuwHz1igSFmml2IB5PkeuZLBlsaaxFQbPzVPIh8IBlRwDPnFa4iu\n")
	with := func(listen, file string) string {
		return minimal + "http:\n  listen: '" + listen + "'\n  probes_listen: ':1'\n  web_config_file: " + file +
			"\n  consumers: [{name: shop, secret_sha256: " + sum + ", keys: [WXAccessToken]}]\n"
	}
	for document, good := range map[string]bool{
		with(":9477", tls): true, with("10.0.0.1:9477", tls): true, with(":9477", users): false,
		with("[::1]:9477", users): true, with("localhost:9477", users): true, with("host:9477", users): false,
	} {
		c, err := load(t, document, nil)
		if !good {
			if got := problems(t, err); len(got) != 1 || !strings.Contains(got[0], "http.consumers: needs TLS") {
				t.Errorf("%s: %q", document, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", document, err)
			continue
		}
		own := c.HTTP.Consumers[0].Sum()
		if hex.EncodeToString(own[:]) != strings.ToLower(sum) {
			t.Errorf("the sum is %x", own)
		}
	}
}
