// Package lock decides who may ask the daemon's HTTP endpoint: TLS and basic
// authentication by a file in the format that Prometheus and its exporters
// share (--web.config.file there). Their own library for it calls methods by
// name, which makes the binary half as large again, so the part of the format
// that serves here is read by this package.
package lock

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"
)

// pace is how soon a changed file is in use, at the latest.
const pace = 10 * time.Second

// Lock is one such file at work; a nil one lets everybody in. No request and no
// connection waits for a file.
type Lock struct {
	path string
	keys atomic.Pointer[keys]
	// Why the files cannot be used as they are now, nil if they can.
	refused atomic.Pointer[string]
}

// Open reads the file at path and those that it names. The error says what is
// wrong with it, and not which file it is.
func Open(ctx context.Context, path string) (*Lock, error) {
	k, err := read(ctx, path)
	if err != nil {
		return nil, err
	}
	l := &Lock{path: path}
	l.keys.Store(k)
	return l, nil
}

// SecretFiles lists the files that hold a secret: this one and the key's.
func (l *Lock) SecretFiles() []string { return l.keys.Load().files }

// Ends is when the certificate expires, the zero time if there is none.
func (l *Lock) Ends() time.Time { return l.keys.Load().ends }

// Encrypts says whether Listener speaks TLS.
func (l *Lock) Encrypts() bool { return l != nil && l.keys.Load().tls != nil }

// Listener speaks TLS on ln if the file says so.
func (l *Lock) Listener(ln net.Listener) net.Listener {
	if l == nil || l.keys.Load().tls == nil {
		return ln
	}
	return tls.NewListener(ln, &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return l.keys.Load().tls, nil },
	})
}

// Notes say that the files cannot be used as they are now, until they can.
func (l *Lock) Notes() []string {
	if l == nil {
		return nil
	}
	if why := l.refused.Load(); why != nil {
		return []string{unusable + ": " + *why}
	}
	return nil
}

const unusable = "http.web_config_file cannot be used as it is now, what it said before stays"

// Follow reads the files again until ctx ends, so that certificates and
// passwords change without a restart. What is wrong is told once, and what was
// right before stays. It tells good after each reading.
func (l *Lock) Follow(ctx context.Context, log *slog.Logger, good func(bool)) {
	clock := time.NewTicker(pace)
	defer clock.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		}
		changed, err := l.again(ctx)
		if ctx.Err() != nil {
			return
		}
		good(err == nil)
		switch {
		case err != nil && err.Error() != told:
			told = err.Error()
			l.refused.Store(new(told))
			log.Warn(unusable, "file", l.path, "error", err)
		case err == nil:
			told = ""
			l.refused.Store(nil)
			if changed {
				k := l.keys.Load()
				log.Info("http.web_config_file or a file in it has changed and is used", "file", l.path,
					"users", len(k.users), "certificate_until", k.until())
			}
		}
	}
}

func (l *Lock) again(ctx context.Context) (changed bool, err error) {
	before := l.keys.Load()
	now, err := read(ctx, l.path)
	switch {
	case err != nil || now.sum == before.sum:
		return false, err
	case (now.tls == nil) != (before.tls == nil):
		return false, errors.New("tls_server_config: to switch TLS on or off needs a restart")
	}
	// At the start it is taken, as whoever draws tokens must not stop for it.
	if now.tls != nil && time.Now().After(now.ends) {
		return false, fmt.Errorf("tls_server_config: cert_file: the certificate has expired at %s: renew it", now.until())
	}
	l.keys.Store(now)
	return true, nil
}
