package cli

import (
	"context"
	"errors"
	"fmt"

	"wxtokend/daemon/web"
)

// remote is how the commands reach a running daemon.
type remote struct {
	URL string `help:"address of the daemon; default: http.listen of the configuration" placeholder:"http://HOST:PORT"`
}

// daemon is the one at --url, else the one that this configuration would run.
func (r remote) daemon(ctx context.Context, p Program) (web.Client, error) {
	if r.URL == "" {
		listen, err := p.source().HTTPListen(ctx)
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
	return web.PrintTable(p.Stdout, status)
}

type refreshCommand struct {
	remote
	Key   string `arg:"positional" help:"the credential's Redis key; may be left out if there is only one"`
	Force bool   `help:"replace the token even if it is fresh, because it leaked; readers may be refused for a moment"`
}

func (r refreshCommand) run(ctx context.Context, p Program) error {
	c, _, err := p.load(ctx)
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

type healthcheckCommand struct{ remote }

func (h healthcheckCommand) run(ctx context.Context, p Program) error {
	client, err := h.daemon(ctx, p)
	if err != nil {
		return err
	}
	return client.Probe(ctx, "/healthz")
}
