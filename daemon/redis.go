package daemon

import (
	"context"
	"net/url"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// Redis returns a client of the configured Redis, and what stops the embedded
// one if that is configured (nil otherwise).
func Redis(c config.Redis, dial Dial) (client redis.UniversalClient, stop func(), err error) {
	clients, stop, err := redisClients(c, dial, 0)
	if err != nil {
		return nil, nil, err
	}
	return clients[0], stop, nil
}

// redisClients is Redis with a client for each number of connections.
func redisClients(c config.Redis, dial Dial, connections ...int) (clients []redis.UniversalClient, stop func(), err error) {
	o := store.Options{
		URL: c.URL, Cluster: c.Cluster, Username: c.Username, Password: c.Password, PasswordFile: c.PasswordFile,
		Timeout: c.Timeout, Dial: dial,
	}
	if c.Sentinel != nil {
		o.Master, o.Sentinels = c.Sentinel.Master, c.Sentinel.Addrs
		o.SentinelUsername = c.Sentinel.Username
		o.SentinelPassword, o.SentinelPasswordFile, o.DB = c.Sentinel.Password, c.Sentinel.PasswordFile, c.DB
	}
	if c.TLS != nil {
		if o.TLS, err = store.TLSFiles(context.Background(), c.TLS.CAFile, c.TLS.CertFile, c.TLS.KeyFile, c.TLS.ServerName); err != nil {
			return nil, nil, err
		}
	}
	if u, parseErr := url.Parse(c.URL.Reveal()); parseErr == nil && u.Scheme == "embedded" {
		var addr string
		if addr, stop, err = store.Embedded(u.Host); err != nil {
			return nil, nil, err
		}
		o.URL = secret.Secret("redis://" + addr)
	}
	for _, o.Connections = range connections {
		client, err := store.Connect(o)
		if err != nil {
			if stop != nil {
				stop()
			}
			return nil, nil, err
		}
		clients = append(clients, client)
	}
	return clients, stop, nil
}
