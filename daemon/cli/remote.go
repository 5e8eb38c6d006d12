package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"wxtokend/daemon/config"
	"wxtokend/daemon/web"
)

// remote is how the commands reach a running daemon.
type remote struct {
	URL string `help:"address of the daemon; default: http.listen of the configuration" placeholder:"http://HOST:PORT"`
}

// daemon is the one at --url, else the one that this configuration would run.
func (r remote) daemon(ctx context.Context, p Program) (web.Client, error) {
	return r.client(ctx, p, func(h config.HTTP) (string, error) {
		if h.WebConfigFile != "" {
			return "", errors.New("http.web_config_file is set: name the daemon by --url https://HOST:PORT, " +
				"with USER:PASSWORD@ before the host if status is to show a password")
		}
		return h.Listen, nil
	})
}

// client is that of the daemon at --url, else at the address that is picked.
func (r remote) client(ctx context.Context, p Program, pick func(config.HTTP) (string, error)) (web.Client, error) {
	if r.URL == "" {
		addresses, err := p.source().Addresses(ctx)
		if err != nil {
			return web.Client{}, usage{err}
		}
		listen, err := pick(addresses)
		if err != nil {
			return web.Client{}, usage{err}
		}
		r.URL = web.ListenURL(listen)
	}
	client, err := web.NewClient(r.URL)
	if err != nil {
		return client, usage{fmt.Errorf("--url: %w", err)}
	}
	return client, nil
}

type statusCommand struct{ remote }

func (s statusCommand) run(ctx context.Context, p Program) error {
	client, err := s.daemon(ctx, p)
	if err != nil {
		return err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if err := web.PrintTable(p.Stdout, status); err != nil {
		return err
	}
	return status.Unready()
}

type refreshCommand struct {
	remote
	Key   string `arg:"positional" help:"the credential's Redis key; may be left out if there is only one"`
	Force bool   `help:"replace the token even if it is fresh, because it leaked; readers may be refused for a moment"`
}

func (r refreshCommand) run(ctx context.Context, p Program) error {
	c, err := p.load(ctx)
	if err != nil {
		return err
	}
	if r.Key == "" && len(c.Credentials) > 1 {
		return usage{errors.New("refresh: several credentials are configured, name the key of one")}
	}
	if r.Key == "" {
		r.Key = c.Credentials[0].Key
	}
	client, err := r.daemon(ctx, p)
	if err != nil {
		return err
	}
	bearer, err := c.HTTP.ReadToken(ctx)
	if err != nil {
		return fmt.Errorf("http.token_file: %w", err)
	}
	message, err := client.Refresh(ctx, r.Key, r.Force, bearer)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Stdout, message)
	return err
}

type healthcheckCommand struct {
	remote
	Ready bool `help:"ask whether readers of every key get a token, not whether the daemon is alive"`
}

func (h healthcheckCommand) run(ctx context.Context, p Program) error {
	client, err := h.client(ctx, p, func(h config.HTTP) (string, error) { return cmp.Or(h.ProbesListen, h.Listen), nil })
	if err != nil {
		return err
	}
	if h.Ready {
		return client.Probe(ctx, "/readyz")
	}
	return client.Probe(ctx, "/healthz")
}
