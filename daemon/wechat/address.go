package wechat

import (
	"fmt"
	"net/url"
	"strings"
)

// address parses an option without letting url.Parse's error, which quotes
// its input, into the message.
func address(option, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%s: not an address of the form scheme://host[:port]", option)
	}
	return u, nil
}

// Issuer is whose tokens come from a base URL: host[:port], the same text for
// every way to write one WeChat, "" for what New refuses. A token is as good
// at one of WeChat's access points as at another, so they are one issuer:
// whoever changes over while one of them is down keeps the token. A name in
// another script is not the issuer that its ASCII form (xn--…) is.
func Issuer(baseURL string) string {
	base, err := address("base_url", baseURL)
	if err != nil {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(base.Host), map[string]string{"https": ":443", "http": ":80"}[base.Scheme])
	host = strings.TrimRight(host, ".:")
	// The second are sh., sz. and hk.
	if host == "api2.weixin.qq.com" || strings.HasSuffix(host, ".api.weixin.qq.com") {
		return "api.weixin.qq.com"
	}
	return host
}
