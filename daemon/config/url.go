package config

import (
	"cmp"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"wxtokend/daemon/store"
)

// checkBaseURL refuses what would make the URL itself a secret: pages and logs
// show its host.
func checkBaseURL(text string) error {
	if u, ok := webURL(text, "https", "http"); !ok || u.User != nil {
		return errors.New("must be a URL such as https://api.weixin.qq.com, without user, password or parameters")
	}
	return nil
}

// checkProxy accepts what net/http can speak to, or nothing.
func checkProxy(text string) error {
	u, ok := webURL(text, "http", "https", "socks5", "socks5h")
	if text != "" && (!ok || strings.Trim(u.Path, "/") != "") {
		return errors.New("must be a URL such as http://user:password@proxy:3128, " +
			"with scheme http, https, socks5 or socks5h; percent-encode special characters of the password")
	}
	return nil
}

// webURL accepts scheme://host[:port]/path. It reports nothing about the text,
// because *url.Error repeats the URL.
func webURL(text string, schemes ...string) (*url.URL, bool) {
	u, err := url.Parse(text)
	return u, err == nil && slices.Contains(schemes, u.Scheme) && u.Hostname() != "" && u.RawQuery+u.Fragment == "" &&
		store.IsPort(cmp.Or(u.Port(), "0"))
}

// IsLoopback takes names other than localhost for remote: what they resolve to
// can change after the check.
func IsLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}
