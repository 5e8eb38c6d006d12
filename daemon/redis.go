package daemon

import (
	"context"
	"net/url"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// redisClients returns a client of the configured Redis for each number of
// connections, and what stops the embedded one if that is configured (nil otherwise).
func redisClients(c config.Redis, dial Dial, connections ...int) (all []redis.UniversalClient, stop func(), err error) {
	o, err := c.Options(context.Background())
	if err != nil {
		return nil, nil, err
	}
	o.Dial = dial
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
		all = append(all, client)
	}
	return all, stop, nil
}
