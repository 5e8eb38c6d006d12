package store

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// parse takes the URL apart without the library's parser, whose errors print
// the password.
func (l *login) parse(address secret.Secret, u *redis.UniversalOptions) error {
	parsed, err := url.Parse(address.Reveal())
	if err != nil || StrayAt(parsed) {
		return errors.New("not a URL; a special character in the password must be percent-encoded, or use password_file")
	}
	if parsed.User != nil {
		l.username = parsed.User.Username()
		if password, ok := parsed.User.Password(); ok {
			l.password = secret.Secret(password)
		}
	}
	db := strings.Trim(parsed.Path, "/")
	switch parsed.Scheme {
	case "redis", "rediss":
		host, port := orDefault(parsed.Hostname(), "127.0.0.1"), orDefault(parsed.Port(), "6379")
		u.Addrs = []string{net.JoinHostPort(host, port)}
		if parsed.Scheme == "rediss" && u.TLSConfig == nil {
			u.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	case "unix":
		if !strings.HasPrefix(parsed.Path, "/") {
			return errors.New("a socket is named by its whole path, as in unix:///run/redis/redis.sock")
		}
		u.Addrs = []string{parsed.Path}
		db = parsed.Query().Get("db")
	default:
		return errors.New("must start with redis://, rediss:// or unix://")
	}
	if parsed.Scheme != "rediss" && u.TLSConfig != nil {
		return errors.New("redis.tls needs rediss://: nothing is encrypted otherwise")
	}
	if u.DB, err = strconv.Atoi(orDefault(db, "0")); err != nil || u.DB < 0 {
		return errors.New("the database must be a number")
	}
	return nil
}

// StrayAt finds an @ behind the host. It belongs to a password with a / ? or #
// in it: what looks like host, path or database is a part of the password.
func StrayAt(u *url.URL) bool {
	return strings.Contains(u.EscapedPath()+u.RawQuery+u.EscapedFragment(), "@")
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
