package cli

import (
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
func (r remote) daemon(p Program) (web.Client, error) {
	if r.URL == "" {
		listen, err := config.HTTPListen(p.file, p.explicit, p.Getenv)
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
	client, err := s.daemon(p)
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
	c, _, err := p.load()
	if err != nil {
		return err
	}
	if r.Key == "" && len(c.Credentials) > 1 {
		return usage{errors.New("refresh: several credentials are configured, name the key of one")}
	}
	if r.Key == "" {
		r.Key = c.Credentials[0].Key
	}
	client, err := r.daemon(p)
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
	client, err := h.daemon(p)
	if err != nil {
		return err
	}
	if h.Ready {
		return client.Probe(ctx, "/readyz")
	}
	return client.Probe(ctx, "/healthz")
}
