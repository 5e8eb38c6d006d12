package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"wxtokend/daemon/secret"
)

// ReadSecret returns the AppSecret. It reads secret_file anew on each call, so
// that a secret rotated on disk (Kubernetes swaps the file) serves the next
// mint. The error names the file and the cure, never the content.
func (c Credential) ReadSecret(ctx context.Context) (secret.Secret, error) {
	if c.SecretFile == "" && c.Secret == "" {
		return "", errors.New("no secret is configured: set secret_file or secret")
	}
	return fromFile(ctx, c.SecretFile, c.Secret)
}

// ReadPassword returns the password of Redis, read anew from password_file on
// each call; "" if none is configured and none is in the URL.
func (r Redis) ReadPassword(ctx context.Context) (secret.Secret, error) {
	return fromFile(ctx, r.PasswordFile, r.Password)
}

// ReadPassword returns the password of the sentinels, "" if none is configured.
func (s Sentinel) ReadPassword(ctx context.Context) (secret.Secret, error) {
	return fromFile(ctx, s.PasswordFile, s.Password)
}

// ReadToken returns the bearer token of requests that change something, read
// anew from token_file on each call; "" if none is configured.
func (h HTTP) ReadToken(ctx context.Context) (secret.Secret, error) {
	return fromFile(ctx, h.TokenFile, "")
}

// fromFile reads the secret in the file at path, or returns inline if path is "".
func fromFile(ctx context.Context, path string, inline secret.Secret) (secret.Secret, error) {
	if path == "" {
		return inline, nil
	}
	text, err := secret.ReadFile(ctx, path)
	if err != nil {
		return "", fmt.Errorf("%s: %w: it must be a file that user id %d can read, with nothing but the secret in it",
			shown(path), reason(err), os.Getuid())
	}
	return text, nil
}

// shown is path for a message. A long name without a directory or an extension
// may be the secret itself, pasted into the wrong option.
func shown(path string) string {
	if len(path) > longestEcho && !strings.ContainsAny(path, `/\.`) {
		return "file whose name could be a secret"
	}
	return path
}

// holdsSecret tells whether a secret is written as text among the options.
func (c Config) holdsSecret() bool {
	for _, credential := range c.Credentials {
		if credential.Secret != "" {
			return true
		}
	}
	return c.Redis.Password != "" || c.Redis.Sentinel != nil && c.Redis.Sentinel.Password != "" ||
		strings.Contains(c.Redis.URL.Reveal(), "@") || strings.Contains(c.WeChat.Proxy.Reveal(), "@")
}

// FileModeWarnings names the files of secrets that others than their owner may
// read, with the cure, in the order of the configuration. A warning and no
// error: mounts of Kubernetes are readable for their group on purpose.
func (c Config) FileModeWarnings() []string {
	paths := []string{c.secretIn, c.HTTP.TokenFile, c.Redis.PasswordFile}
	if c.Redis.Sentinel != nil {
		paths = append(paths, c.Redis.Sentinel.PasswordFile)
	}
	if c.Redis.TLS != nil {
		paths = append(paths, c.Redis.TLS.KeyFile)
	}
	for _, credential := range c.Credentials {
		paths = append(paths, credential.SecretFile)
	}
	var warnings []string
	for _, path := range paths {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			warnings = append(warnings, fmt.Sprintf("%s holds a secret and has mode %04o: chmod 600 %s", path, info.Mode().Perm(), path))
		}
	}
	return warnings
}
