package config_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestTLSNeedsAnAddressThatUsesIt(t *testing.T) {
	for _, url := range []string{"redis://:p@h:1", "unix:///run/redis.sock", "embedded://127.0.0.1:1"} {
		_, err := load(t, minimal+"redis:\n  url: "+url+"\n  tls: {server_name: n}\n", nil)
		expectOne(t, err, "config.yaml:4: redis.tls: is not used with "+url[:strings.Index(url, ":")]+"://",
			"write rediss://")
	}
	_, err := load(t, minimal+"redis:\n  tls: {server_name: n}\n", nil)
	expectOne(t, err, "config.yaml:3: redis.tls: is not used with redis://")
	_, err = load(t, minimal+"redis: {url: 'rediss://h', tls: {server_name: n}}\n",
		map[string]string{"WXTOKEND_REDIS_URL": "redis://h"})
	expectOne(t, err, "config.yaml:2: redis.tls: is not used with redis://")
	for _, redis := range []string{"url: 'rediss://h'", "cluster: ['h:1']", "sentinel: {master: m, addrs: ['h:1']}"} {
		if _, err := load(t, minimal+"redis: {"+redis+", tls: {server_name: n}}\n", nil); err != nil {
			t.Error(err)
		}
	}
}

func TestTLSFilesAreLoaded(t *testing.T) {
	dir, other := certificate(t), certificate(t)
	write(t, dir+"/junk.pem", "hunter2")
	content, err := os.ReadFile(dir + "/cert.pem")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/bom.pem", "\ufeff"+string(content))
	write(t, dir+"/bundle.pem", string(content)+"\ufeff"+string(content))
	write(t, dir+"/cut.pem", "text\n"+string(content[:200]))
	// As openssl begins it.
	write(t, dir+"/encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	if err := syscall.Mkfifo(dir+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ tls, want string }{
		{"ca_file: DIR/none.pem", "redis.tls.ca_file: DIR/none.pem: no such file"},
		{"ca_file: DIR/junk.pem", "redis.tls.ca_file: DIR/junk.pem: holds no certificate in PEM"},
		{"ca_file: DIR/key.pem", "redis.tls.ca_file: DIR/key.pem: holds no certificate in PEM"},
		{"ca_file: DIR/pipe", "redis.tls.ca_file: DIR/pipe: not a regular file"},
		{"cert_file: DIR/none.pem, key_file: DIR/key.pem", "redis.tls.cert_file: DIR/none.pem: no such file"},
		{"cert_file: DIR/cert.pem, key_file: DIR/none.pem", "redis.tls.key_file: DIR/none.pem: no such file"},
		{"ca_file: DIR/cut.pem", "redis.tls.ca_file: DIR/cut.pem: line 2: the block"},
		{"cert_file: DIR/cut.pem, key_file: DIR/key.pem", "redis.tls.cert_file: DIR/cut.pem: line 2: the block"},
		{"cert_file: DIR/cert.pem, key_file: DIR/cut.pem", "redis.tls.key_file: DIR/cut.pem: line 2: the block"},
		{"cert_file: DIR/key.pem, key_file: DIR/key.pem", "redis.tls.cert_file: DIR/key.pem: holds no certificate"},
		{"cert_file: DIR/cert.pem, key_file: DIR/junk.pem", "redis.tls.key_file: DIR/junk.pem: tls: failed to find"},
		{"cert_file: DIR/cert.pem, key_file: DIR/encrypted.pem", "redis.tls.key_file: DIR/encrypted.pem: is encrypted"},
		{"cert_file: DIR/cert.pem, key_file: OTHER/key.pem",
			"redis.tls.key_file: OTHER/key.pem: tls: private key does not match"},
		{"ca_file: DIR/bundle.pem", ""},
		{"ca_file: DIR/bom.pem, cert_file: DIR/bom.pem, key_file: DIR/key.pem", ""},
	} {
		replace := strings.NewReplacer("DIR", dir, "OTHER", other).Replace
		_, err := load(t, minimal+"redis:\n  url: rediss://h\n  tls:\n    {"+replace(c.tls)+"}\n", nil)
		if c.want != "" {
			expectOne(t, err, "config.yaml:5: "+replace(c.want))
		} else if err != nil {
			t.Errorf("%s: %v", c.tls, err)
		}
	}
}
