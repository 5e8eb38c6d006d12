package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon"
	"wxtokend/daemon/check"
	"wxtokend/daemon/config"
	"wxtokend/daemon/demo"
	"wxtokend/daemon/lock"
	"wxtokend/daemon/store"
	"wxtokend/daemon/web"
)

// outliveReaders keeps the process alive when whoever read its output is gone.
// What it writes then is lost, and that is less than the token would be.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }

type runCommand struct{}

// run tells a failure twice: to whoever started the daemon, as every command
// does, and in the log, which is all that is left of it an hour later. A
// reader of either who stalls holds up nothing.
func (runCommand) run(ctx context.Context, p Program) error {
	outliveReaders()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	c, err := p.source().Load(ctx)
	lines := newSpool(p.Stderr, format(p.Stderr, c.Log))
	defer lines.close()
	if err != nil {
		return say(lines, usage{err})
	}
	log := slog.New(lines.format(lines))
	redis.SetLogger(store.Logger{Log: log})
	o := daemon.Options{Config: c, Source: p.source(), Reread: hangups, Build: p.Build, Log: log}
	if err = keepFresh(ctx, o); err != nil {
		log.Error("wxtokend failed", "error", err)
		return say(lines, err)
	}
	return nil
}

// collect sets how much garbage there may be, in percent of what is in use,
// unless the environment says so. A sidecar's heap is some hundred kilobytes:
// to collect at a quarter more costs nothing there and saves 2 MiB.
func collect(credentials int) {
	percent := 25
	if credentials > 100 {
		percent = 100
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

func keepFresh(ctx context.Context, o daemon.Options) error {
	c, log := o.Config, o.Log
	collect(len(c.Credentials))
	ln, err := web.Listen(ctx, c.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	defer ln.Close()
	if err := guard(ctx, c.HTTP, &o); err != nil {
		return err
	}
	about := []any{"version", o.Build.Version, "revision", o.Build.Revision,
		"credentials", len(c.Credentials), "http", ln.Addr().String()}
	if o.Probes != nil {
		defer o.Probes.Close()
		about = append(about, "probes", o.Probes.Addr().String())
	}
	warner := check.NewWarner(log, os.Environ())
	o.Source = warned{o.Source, warner}
	d, err := daemon.New(o)
	if err != nil {
		return err
	}
	log.Info("wxtokend starts", about...)
	ctx, cancel := context.WithCancel(ctx)
	// The warnings need files, and no file shall hold up the start.
	var warnings sync.WaitGroup
	warnings.Go(func() { warner.Warn(ctx, c) })
	defer warnings.Wait()
	defer cancel()
	start := time.Now()
	err = d.Run(ctx, ln)
	log.Info("wxtokend has stopped", "ran", time.Since(start).Round(time.Millisecond).String())
	return err
}

// warned is a source whose warnings are told when it is read again, too.
type warned struct {
	daemon.Source
	*check.Warner
}

func (w warned) Reload(ctx context.Context, settled config.Digest) (config.Config, error) {
	c, err := w.Source.Reload(ctx, settled)
	if err == nil {
		w.Warn(ctx, c)
	}
	return c, err
}

// guard fills in what locks the endpoint, and the port that is not locked.
func guard(ctx context.Context, h config.HTTP, o *daemon.Options) (err error) {
	if h.WebConfigFile != "" {
		if o.Lock, err = lock.Open(ctx, h.WebConfigFile); err != nil {
			return fmt.Errorf("http.web_config_file: %s: %w", h.WebConfigFile, err)
		}
	}
	if h.ProbesListen != "" {
		if o.Probes, err = web.Listen(ctx, h.ProbesListen); err != nil {
			return fmt.Errorf("http.probes_listen: %w", err)
		}
	}
	return nil
}

type demoCommand struct{ demo.Command }

func (d demoCommand) run(ctx context.Context, p Program) error {
	outliveReaders()
	if err := d.Validate(); err != nil {
		return usage{err}
	}
	return d.Run(ctx, p.Stdout, p.Build, logger(p.Stderr, config.Default().Log))
}

type simulateCommand struct{ demo.Simulate }

func (s simulateCommand) run(ctx context.Context, p Program) error {
	outliveReaders()
	if err := s.Validate(); err != nil {
		return usage{err}
	}
	return s.Run(ctx, p.Stdout)
}
