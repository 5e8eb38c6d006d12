package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Listen opens the port addr. Its error says what to do about it.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: another process has the port: stop it, or choose another port", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%w: this host has no such address: choose one of its own, or none for all", err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%w: choose a port above 1023, or give the user the right to open this one", err)
	}
	return ln, err
}

// shutdownTimeout is what a request in flight gets to finish after a stop.
const shutdownTimeout = time.Second

// Serve answers on ln until ctx ends, closes ln at once, and returns nil when
// the requests in flight are answered or shutdownTimeout is over: a client
// that does not read must not turn a clean stop into a failure. An error means
// that serving ended by itself.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		// A scrape over a slow link.
		WriteTimeout: 30 * time.Second,
		// Above the usual scrape interval, so that a scraper keeps its connection.
		IdleTimeout:    65 * time.Second,
		MaxHeaderBytes: 16 << 10,
		ConnState:      new(connections).changed,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		// The listener is broken; do not leave its connections behind.
		_ = srv.Close()
		return fmt.Errorf("serve http: %w", err)
	case <-ctx.Done():
	}
	// ctx is over: the deadline of the shutdown has to be one of its own.
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := srv.Shutdown(deadline); err != nil {
		log.Warn("http requests cut off", "error", err)
		// Ends their contexts; there is nothing left to save.
		_ = srv.Close()
	}
	<-served
	return nil
}
