package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wxtokend/daemon/store"
)

// The checks of single values. None of them wraps an error of net/url or
// repeats the value: both could print a password.

// checkKey leaves the rule about braces to the package that derives the keys.
func checkKey(text string) error {
	if _, err := store.NewKeys(text); err != nil {
		return errors.New("must be a Redis key that is not empty, without braces or with exactly one {tag} that is not empty")
	}
	return nil
}

// checkUTCOffset accepts -0000 too, the mark of a time without a zone in the
// dates that .NET writes. No zone is more than 14 hours away from UTC.
func checkUTCOffset(text string) error {
	if regexp.MustCompile(`^[+-](0[0-9]|1[0-4])[0-5][0-9]$`).MatchString(text) {
		return nil
	}
	return errors.New(`must be an offset such as "+0800" or "-0000"` + got(text))
}

// CheckListen says what is wrong with an address to listen on. It wants a number
// as port, 0 included: tests let the system choose.
func CheckListen(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err != nil || !isPort(port) {
		return errors.New(`must be host:port, such as ":9477" or "127.0.0.1:9477"` + got(text))
	}
	return nil
}

// checkAddress repeats nothing: somebody may write a whole URL here.
func checkAddress(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || strings.ContainsAny(host, "@/") || !isPort(port) {
		return errors.New("must be host:port, without a scheme and without a password")
	}
	return nil
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// parseURL accepts scheme://host[:port] and whatever follows. It reports
// nothing about the text, because *url.Error repeats the URL.
func parseURL(text string, schemes ...string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Fragment != "" || !slices.Contains(schemes, u.Scheme) {
		return nil, false
	}
	return u, u.Port() == "" || isPort(u.Port())
}

// checkBaseURL refuses what would make the URL itself a secret: pages and logs
// show its host.
func checkBaseURL(text string) error {
	u, ok := parseURL(text, "https", "http")
	if !ok || u.Hostname() == "" || u.User != nil || u.RawQuery != "" {
		return errors.New("must be a URL such as https://api.weixin.qq.com, without user, password or parameters")
	}
	return nil
}

// checkProxy accepts what net/http can speak to.
func checkProxy(text string) error {
	if text == "" {
		return nil
	}
	u, ok := parseURL(text, "http", "https", "socks5", "socks5h")
	if !ok || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return errors.New("must be a URL such as http://user:password@proxy:3128, with scheme http, https, socks5 or socks5h; " +
			"percent-encode special characters of the password")
	}
	return nil
}

// checkRedisURL is narrower than go-redis, which ignores the host of a unix URL
// and lets parameters undo the timeouts and retries that the daemon relies on.
func checkRedisURL(text string) error {
	u, ok := parseURL(text, "redis", "rediss", "unix", "embedded")
	if !ok {
		return errors.New("must be a URL such as redis://127.0.0.1:6379/0, with scheme redis, rediss, unix or embedded; " +
			"percent-encode special characters of the password")
	}
	if store.StrayAt(u) { // first: whatever else seems wrong is a part of the password
		return errors.New("has an @ behind its host: percent-encode special characters of the password, such as %2F for /, or use password_file")
	}
	query, err := url.ParseQuery(u.RawQuery)
	database, socket := strings.TrimPrefix(u.Path, "/"), u.Scheme == "unix"
	if query.Has("db") && (socket || database == "") {
		database = query.Get("db")
		query.Del("db")
	} else if socket {
		database = ""
	}
	switch _, bad := strconv.ParseUint(database, 10, 16); {
	case socket && (u.Host != "" || strings.Trim(u.Path, "/") == ""):
		return errors.New("must name the socket with an absolute path, as in unix:///run/redis.sock")
	case !socket && u.Hostname() == "":
		return errors.New("must name a host, as in redis://127.0.0.1:6379/0")
	case u.Scheme == "embedded" && !isLoopback(u.Hostname()):
		return errors.New("embedded Redis has no password, so it must listen on a loopback address: embedded://127.0.0.1:6379")
	case database != "" && bad != nil:
		return errors.New("must end in the number of a database, as in redis://127.0.0.1:6379/0")
	case err != nil || len(query) > 0:
		return errors.New("must have no parameter but one db: the daemon sets the others itself")
	}
	return nil
}

// isLoopback takes names other than localhost for remote: what they resolve to
// can change after the check.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}
