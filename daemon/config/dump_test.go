package config_test

import (
	"errors"
	"strings"
	"testing"
)

func TestDump(t *testing.T) {
	c, err := load(t, `
redis: {url: "rediss://me:hidden@h:1/2", tls: {server_name: "010"}}
wechat: {proxy: "http://p:1"}
credentials: [{appid: 0123, secret: hidden, api: classic, key: "a: b", lease: 1m}]
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `log:
  level: info
  format: auto
http:
  listen: :9477
redis:
  url: rediss://redacted@h:1/2
  tls:
    server_name: "010"
  timeout: 2s
wechat:
  base_url: https://api.weixin.qq.com
  wecom_base_url: https://qyapi.weixin.qq.com
  timeout: 5s
  proxy: http://p:1
  allow_http: false
refresh:
  poll: 2s
  lease: 30s
  backoff_min: 1s
  backoff_max: 5m0s
  verify_every: 5m0s
metrics:
  per_key: auto
credentials:
  - key: 'a: b'
    kind: official_account
    appid: "0123"
    secret: '[redacted]'
    api: classic
    ahead: 30m0s
    daily_limit: 1000
    mint: true
    format: json
    utc_offset: "+0800"
    lease: 1m0s
    backoff_min: 1s
    backoff_max: 5m0s
    verify_every: 5m0s
`
	if got := dump(t, c); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// What check prints can be loaded again, unless it has secrets in it.
func TestDumpLoads(t *testing.T) {
	c, err := load(t, `
redis: {cluster: ["h:1", "[::1]:2"]}
credentials: [{appid: a, mint: false, utc_offset: -0000}, {appid: "~", mint: false, key: "null"}]
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := dump(t, c)
	again, err := load(t, first, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := dump(t, again); got != first || !strings.Contains(got, "- '[::1]:2'") {
		t.Errorf("got:\n%s\nwant:\n%s", got, first)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

var errBroken = errors.New("broken pipe")

func TestDumpReportsTheWriter(t *testing.T) {
	c, err := load(t, minimal, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Dump(brokenPipe{}); err == nil {
		t.Error("want the error of the writer")
	}
}
