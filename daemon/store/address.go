package store

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// CheckURL says what is wrong with a redis.url, and repeats nothing of it.
func CheckURL(text string) error {
	_, _, err := parseURL(text)
	return err
}

// parseURL is narrower than the library's parser, which ignores the host of a
// unix URL and lets parameters undo the timeouts and retries that the daemon
// relies on. That one's errors print the password, too.
func parseURL(text string) (u *url.URL, db int, err error) {
	u, err = url.Parse(text)
	if err != nil || u.Fragment != "" || !slices.Contains([]string{"redis", "rediss", "unix", "embedded"}, u.Scheme) ||
		!IsPort(cmp.Or(u.Port(), "6379")) {
		return nil, 0, errors.New("must be a URL such as redis://127.0.0.1:6379/0, with scheme redis, rediss, unix or " +
			"embedded; percent-encode special characters of the password")
	}
	// First, as whatever else seems wrong is a part of the password.
	if strings.Contains(u.EscapedPath()+u.RawQuery, "@") {
		return nil, 0, errors.New("has an @ behind its host: percent-encode special characters of the password, " +
			"such as %2F for /, or use password_file")
	}
	query, err := url.ParseQuery(u.RawQuery)
	database, socket := strings.TrimPrefix(u.Path, "/"), u.Scheme == "unix"
	if socket {
		database = ""
	}
	if database == "" {
		database = cmp.Or(query.Get("db"), "0")
		query.Del("db")
	}
	number, bad := strconv.ParseUint(database, 10, 16)
	switch {
	case socket && (u.Host != "" || strings.Trim(u.Path, "/") == ""):
		err = errors.New("must name the socket with an absolute path, as in unix:///run/redis.sock")
	case !socket && u.Hostname() == "":
		err = errors.New("must name a host, as in redis://127.0.0.1:6379/0")
	case bad != nil:
		err = errors.New("must end in the number of a database, as in redis://127.0.0.1:6379/0")
	case err != nil || len(query) > 0:
		err = errors.New("must have no parameter but one db: the daemon sets the others itself")
	}
	return u, int(number), err
}

// IsPort tells whether text is the number of a port.
func IsPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// parse takes in what the URL says.
func (l *login) parse(address secret.Secret, o *redis.UniversalOptions) error {
	u, db, err := parseURL(address.Reveal())
	if err != nil {
		return err
	}
	if u.User != nil {
		l.username = u.User.Username()
		if password, ok := u.User.Password(); ok {
			l.password = secret.Secret(password)
		}
	}
	o.DB, o.Addrs = db, []string{net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "6379"))}
	if u.Scheme == "unix" {
		o.Addrs = []string{u.Path}
	}
	if u.Scheme == "rediss" && o.TLSConfig == nil {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if u.Scheme != "rediss" && o.TLSConfig != nil {
		return errors.New("redis.tls needs rediss://: nothing is encrypted otherwise")
	}
	return nil
}
