package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"wxtokend/daemon/secret"
)

// Options say how to reach Redis: by URL, through Sentinel (Master and
// Sentinels) or as a Cluster.
type Options struct {
	URL       secret.Secret // redis://, rediss:// or unix://
	Master    string
	Sentinels []string
	Cluster   []string

	Username     string
	Password     secret.Secret
	PasswordFile string // read for each new connection, so that it can rotate

	SentinelUsername string
	SentinelPassword secret.Secret

	// Connections is how many may be open at once, to each node of a Cluster;
	// 0 means two.
	Connections int

	TLS     *tls.Config // nil: plain, unless the URL says rediss
	Timeout time.Duration

	// Dial replaces the network; nil is the real one.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Connect returns a client. It does not talk to Redis yet: a Redis that is
// away at the start is an observation like any other.
func Connect(o Options) (redis.UniversalClient, error) {
	connections := o.Connections
	if connections == 0 {
		connections = 2
	}
	u := redis.UniversalOptions{
		MasterName: o.Master, SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword.Reveal(),
		Addrs: append(append([]string{}, o.Sentinels...), o.Cluster...), IsClusterMode: len(o.Cluster) > 0,
		Dialer: o.Dial, TLSConfig: o.TLS, Protocol: 2,
		// Nothing is sent twice behind our back: with a lost reply the second
		// answer would be about our own first request.
		MaxRetries: -1,
		// Without it a context's deadline is ignored and a hung server costs 5 s.
		ContextTimeoutEnabled: true,
		DialTimeout:           o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout,
		DialerRetries: 1,
		PoolSize:      connections, MaxActiveConns: connections, PipelinePoolSize: -1,
		// A new connection reads the password file again.
		ConnMaxLifetime: 30 * time.Minute,
		// Many connections that died in an outage would each fail once after it.
		ConnMaxIdleTime:          30 * time.Second,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	login := login{username: o.Username, password: o.Password, file: o.PasswordFile}
	if o.URL != "" {
		if err := login.parse(o.URL, &u); err != nil {
			return nil, fmt.Errorf("redis.url: %w", err)
		}
	}
	u.CredentialsProviderContext = login.provide
	if o.Master == "" && !u.IsClusterMode {
		simple := u.Simple()
		if strings.HasPrefix(simple.Addr, "/") {
			simple.Network = "unix"
		}
		return redis.NewClient(simple), nil
	}
	return redis.NewUniversalClient(&u), nil
}

// login answers who we are, anew for each connection.
type login struct {
	username string
	password secret.Secret
	file     string
}

func (l login) provide(context.Context) (string, string, error) {
	if l.file == "" {
		return l.username, l.password.Reveal(), nil
	}
	password, err := secret.ReadFile(l.file)
	if err != nil {
		return "", "", fmt.Errorf("redis password: %w", err)
	}
	return l.username, password.Reveal(), nil
}

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
		u.Addrs = []string{net.JoinHostPort(orDefault(parsed.Hostname(), "127.0.0.1"), orDefault(parsed.Port(), "6379"))}
		if parsed.Scheme == "rediss" && u.TLSConfig == nil {
			u.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if parsed.Scheme == "redis" {
			u.TLSConfig = nil
		}
	case "unix":
		u.Addrs, u.TLSConfig = []string{parsed.Path}, nil
		db = parsed.Query().Get("db")
	default:
		return errors.New("must start with redis://, rediss:// or unix://")
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

// TLSFiles builds a client configuration from PEM files; each may be "". The
// client's certificate is read anew for each connection, as it can rotate.
func TLSFiles(ca, cert, key, serverName string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("redis.tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("redis.tls.ca_file: no PEM certificate in %s", ca)
		}
	}
	if cert != "" {
		read := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				return nil, fmt.Errorf("redis.tls.cert_file: %w", err)
			}
			return &pair, nil
		}
		if _, err := read(nil); err != nil { // to be missed at the start and not at the first rotation
			return nil, err
		}
		c.GetClientCertificate = read
	}
	return c, nil
}

// Logger hands go-redis' own lines to log at debug level. They repeat errors
// that are returned as well, and are not JSON.
type Logger struct{ Log *slog.Logger }

// Printf implements the library's logging interface.
func (l Logger) Printf(ctx context.Context, format string, v ...any) {
	l.Log.DebugContext(ctx, "redis client", "detail", fmt.Sprintf(format, v...))
}
