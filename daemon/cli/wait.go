package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/gate"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

type waitCommand struct {
	Key     string        `arg:"positional" help:"the Redis key to wait for; default: those of all configured credentials"`
	Min     time.Duration `help:"how long its token has to live" default:"1m"`
	Timeout time.Duration `help:"give up after so long, with exit 1; 0: never" default:"0s"`
}

func (w waitCommand) run(ctx context.Context, p Program) error {
	c, keys, err := w.load(ctx, p)
	if err != nil {
		return usage{err}
	}
	log := logger(p.Stderr, c.Log)
	redis.SetLogger(store.Logger{Log: log})
	options, err := c.Redis.Options(ctx)
	if err != nil {
		return usage{err}
	}
	options.Short = true
	client, err := store.Connect(options)
	if err != nil {
		return usage{err}
	}
	defer client.Close()
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.Timeout)
		defer cancel()
	}
	g := gate.Gate{Client: client, Keys: keys, Min: w.Min, Poll: c.Refresh.Poll, Timeout: c.Redis.Timeout, Log: log}
	return g.Wait(ctx)
}

// load reads what a reader needs of the configuration, and which keys to wait for.
func (w waitCommand) load(ctx context.Context, p Program) (c config.Config, keys []store.Keys, err error) {
	if w.Min < 0 || w.Timeout < 0 {
		return c, nil, errors.New("--min and --timeout must not be negative")
	}
	c, err = p.source().LoadReader(ctx, w.Key != "")
	if err != nil {
		return c, nil, err
	}
	// An embedded Redis lives in the daemon.
	if rest, embedded := strings.CutPrefix(c.Redis.URL.Reveal(), "embedded://"); embedded {
		c.Redis.URL = secret.URL("redis://" + rest)
	}
	if w.Key != "" {
		c.Credentials = []config.Credential{{Key: w.Key}}
	}
	for _, credential := range c.Credentials {
		k, err := store.NewKeys(credential.Key)
		if err != nil {
			return c, nil, fmt.Errorf("%s: %w", credential.Key, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return c, nil, errors.New("no credential is configured: name the KEY to wait for")
	}
	return c, keys, nil
}
