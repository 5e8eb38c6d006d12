package wechat_test

import (
	"testing"

	"wxtokend/daemon/wechat"
)

func TestIssuer(t *testing.T) {
	for want, addresses := range map[string][]string{
		"api.weixin.qq.com": {
			"https://api.weixin.qq.com", "https://api.weixin.qq.com/", "HTTPS://API.Weixin.QQ.com",
			"https://api.weixin.qq.com:443",
			"https://api.weixin.qq.com.", "https://API.WEIXIN.QQ.COM.:443/gateway", "https://api.weixin.qq.com:",
			"https://api2.weixin.qq.com", "https://sh.api.weixin.qq.com", "https://sz.api.weixin.qq.com",
			"https://hk.api.weixin.qq.com:443",
		},
		"api.weixin.qq.com:8443": {"https://api.weixin.qq.com:8443"},
		"qyapi.weixin.qq.com":    {"https://qyapi.weixin.qq.com"},
		"myapi.weixin.qq.com":    {"https://myapi.weixin.qq.com"},
		"api.weixin.qq.com.cn":   {"https://api.weixin.qq.com.cn"},
		"localhost":              {"http://localhost", "http://LOCALHOST:80", "http://localhost."},
		"localhost:443":          {"http://localhost:443"},
		"localhost:80":           {"https://localhost:80"},
		"127.0.0.1:9478":         {"http://127.0.0.1:9478", "http://127.0.0.1:9478/prefix"},
		"[::1]:9478":             {"http://[::1]:9478"},
		"[2001:db8::a]":          {"https://[2001:DB8::A]", "https://[2001:db8::a]:443"},
		"":                       {"", "api.weixin.qq.com", "https://:443", "https://%zz"},
	} {
		for _, address := range addresses {
			if got := wechat.Issuer(address); got != want {
				t.Errorf("%s: %q, want %q", address, got, want)
			}
		}
	}
}
