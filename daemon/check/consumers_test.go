package check_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// TestConsumers: who may read what, and an AppSecret that an app was given.
func TestConsumers(t *testing.T) {
	w := newWorld(t)
	w.options.Online = false
	listen := func(secret string) string {
		return fmt.Sprintf("http:\n  listen: 127.0.0.1:1\n  consumers:\n"+
			"  - {name: shop, secret_sha256: %x, keys: [WXAccessToken, B], "+
			"jssdk_origins: [\"https://a.example.com\"]}\n", sha256.Sum256([]byte(secret)))
	}
	two := w.credential("}\n  - {key: B, appid: wxother, secret_file: " + w.dir + "/appsecret")
	output, findings := w.check(listen("a secret of its own"), two)
	w.expect(output, findings, 0, "ok    consumer shop: may read WXAccessToken, B; signs pages of https://a.example.com\n")
	output, findings = w.check(listen(appSecret), two)
	w.expect(output, findings, 1, "FAIL  consumer shop: its secret is the AppSecret of ", "-> give it a secret of its own")
}
