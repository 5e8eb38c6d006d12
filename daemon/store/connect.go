package store

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"wxtokend/daemon/secret"
)

// Options say how to reach Redis: by URL, through Sentinel (Master and
// Sentinels) or as a Cluster.
type Options struct {
	// URL is one of redis://, rediss:// and unix://.
	URL       secret.Secret
	Master    string
	Sentinels []string
	Cluster   []string
	// The database behind Sentinel; a URL names its own one, a Cluster has none but 0.
	DB int

	Username string
	Password secret.Secret
	// Read for each new connection, so that it can rotate.
	PasswordFile string

	SentinelUsername string
	SentinelPassword secret.Secret
	// Read for each new connection, as PasswordFile is.
	SentinelPasswordFile string

	// Nil: plain, unless the URL says rediss.
	TLS     TLS
	Timeout time.Duration

	// Connections is how many may be open at once, to each node of a Cluster;
	// 0 is two, which one observation and one refresh at a time need.
	Connections int

	// Short ends a connection with ErrLong at a value longer than LongestValue. It
	// is for who reads values by GET; the scripts look at the length first.
	Short bool

	// Dial replaces the network; nil is the real one.
	Dial dial
}

type dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// lifetime bounds how long a connection is used. A new one resolves the name
// of the server and reads the password file again: when the name has moved to
// another server, the old one may well stay up and take writes that no reader
// ever sees.
const lifetime = 2 * time.Minute

// Connect returns a client. It does not talk to Redis yet: a Redis that is
// away at the start is an observation like any other.
func Connect(o Options) (redis.UniversalClient, error) {
	u := o.universal()
	login := login{username: o.Username, password: o.Password, file: o.PasswordFile}
	if o.URL != "" {
		if err := login.parse(o.URL, &u); err != nil {
			return nil, fmt.Errorf("redis.url: %w", err)
		}
	}
	u.CredentialsProviderContext = login.provide
	switch {
	case o.Master != "":
		return failover(u, o.sentinelLogin()), nil
	case len(o.Cluster) > 0:
		return redis.NewClusterClient(u.Cluster()), nil
	}
	return single(u), nil
}

func (o Options) sentinelLogin() login {
	return login{username: o.SentinelUsername, password: o.SentinelPassword, file: o.SentinelPasswordFile}
}

// universal are the options that all kinds of clients share.
func (o Options) universal() redis.UniversalOptions {
	connections := o.Connections
	if connections == 0 {
		connections = 2
	}
	u := redis.UniversalOptions{
		MasterName: o.Master, Addrs: append(append([]string{}, o.Sentinels...), o.Cluster...), DB: o.DB,
		Dialer: o.Dial, Protocol: 2,
		// Nothing is sent twice behind our back: with a lost reply the second
		// answer would be about our own first request.
		MaxRetries: -1,
		// Without it a context's deadline is ignored and a hung server costs 5 s.
		ContextTimeoutEnabled: true,
		// Less than an operation has: its end would hide where and in what the connection hangs, such as DNS.
		DialTimeout: o.Timeout * 3 / 4, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout,
		DialerRetries: 1,
		// Pipelines share the connections with everything else. Who waits for one
		// too long is told so before his own time ends: that is no silence of Redis.
		PoolSize: connections, MaxActiveConns: connections, PipelinePoolSize: -1, PoolTimeout: o.Timeout * 3 / 4,
		ConnMaxLifetime: lifetime,
		// Many connections that died in an outage would each fail once after it.
		ConnMaxIdleTime:          30 * time.Second,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if o.TLS != nil {
		plain := o.Dial
		if plain == nil {
			plain = (&net.Dialer{}).DialContext
		}
		// The configuration only says that this is TLS: a dialer of one's own does all of it.
		u.Dialer, u.TLSConfig = o.TLS.dial(plain, o.Timeout), &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.Short {
		u.Dialer = refuseLong(u.Dialer)
	}
	return u
}

// single returns a client of one server, or of a proxy that behaves like one.
func single(u redis.UniversalOptions) *redis.Client {
	o := u.Simple()
	if o.Addr[0] == '/' {
		o.Network = "unix"
	}
	client := redis.NewClient(o)
	client.AddHook(silentGreeting{})
	return client
}

// failover returns a client of the master that the sentinels name.
func failover(u redis.UniversalOptions, sentinels login) *redis.Client {
	o := u.Failover()
	client := redis.NewFailoverClient(o)
	// The library asks nobody for the sentinels' password anew. The client of
	// Redis has its own copy of the options by now; those of each sentinel are
	// made from these when it is asked.
	o.OnConnect = sentinels.authenticate
	return client
}

// Logger hands go-redis' own lines to log at debug level. They repeat errors
// that are returned as well, and are not JSON.
type Logger struct{ Log *slog.Logger }

// Printf implements the library's logging interface.
func (l Logger) Printf(ctx context.Context, format string, v ...any) {
	l.Log.DebugContext(ctx, "redis client", "detail", fmt.Sprintf(format, v...))
}
