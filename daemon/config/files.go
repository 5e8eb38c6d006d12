package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wxtokend/daemon/secret"
)

// ReadSecret returns the AppSecret that a draw needs, "" for a ticket. It reads
// secret_file anew on each call, so that a secret rotated on disk (Kubernetes
// swaps the file) serves the next mint. As all readers here it ends with ctx, and
// its error names the file with the reason and never the content.
func (c Credential) ReadSecret(ctx context.Context) (secret.Secret, error) {
	if c.Form().Parent != "" {
		return "", nil
	}
	if !c.Account().HasSecret() {
		return "", errors.New("no secret is configured: set secret_file or secret")
	}
	return c.Account().ReadSecret(ctx)
}

// ReadToken returns the bearer token of requests that change something, read
// anew from token_file on each call; "" if none is configured.
func (h HTTP) ReadToken(ctx context.Context) (secret.Secret, error) {
	token, err := fromFile(ctx, h.TokenFile, "")
	if err == nil && strings.ContainsFunc(token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s: must be ASCII without blanks, as nothing else fits into a header", shown(h.TokenFile))
	}
	return token, err
}

// fromFile reads the secret in the file at path, or returns inline if path is "".
func fromFile(ctx context.Context, path string, inline secret.Secret) (secret.Secret, error) {
	if path == "" {
		return inline, nil
	}
	text, err := secret.ReadFile(ctx, path)
	if err != nil {
		err = fmt.Errorf("%s: %w", shown(path), secret.Reason(err))
	}
	return text, err
}

// shown is path for a message. A name without a directory or an extension may
// be the secret itself, written into the wrong option.
func shown(path string) string {
	if !strings.ContainsAny(path, `/\.`) {
		return "file whose name could be a secret"
	}
	return path
}

// SecretFiles lists the files that hold a secret in the order of the
// configuration, the configuration's own files first if one is written there.
func (c Config) SecretFiles() (paths []string) {
	paths = append(slices.Compact(slices.Clone(c.secretIn)), c.HTTP.TokenFile, c.Redis.PasswordFile)
	if c.Redis.Sentinel != nil {
		paths = append(paths, c.Redis.Sentinel.PasswordFile)
	}
	if c.Redis.TLS != nil {
		paths = append(paths, c.Redis.TLS.KeyFile)
	}
	for _, credential := range c.Credentials {
		paths = append(paths, credential.SecretFile)
	}
	paths = append(paths, c.lockedBy...)
	return slices.DeleteFunc(paths, func(path string) bool { return path == "" })
}
