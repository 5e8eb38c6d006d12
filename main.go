// Command wxtokend keeps WeChat access tokens fresh in Redis.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"wxtokend/daemon/cli"
	"wxtokend/metrics"
)

// Set by the linker (-X main.version=… -X main.revision=…); otherwise what the
// build knows of itself.
var version, revision string

func main() {
	p := cli.Program{Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr, Build: build()}
	os.Exit(cli.Run(withSignals(context.Background()), os.Args[1:], p))
}

// withSignals ends the context with the first SIGTERM or interrupt. The second
// one ends the process at once: whoever asks twice does not want to wait for a
// mint to commit.
func withSignals(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		cancel(fmt.Errorf("signal: %s", <-signals))
		<-signals
		os.Exit(cli.ExitFailure)
	}()
	return ctx
}

func build() metrics.Build {
	b := metrics.Build{Version: version, Revision: revision, GoVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(b.Version, info.Main.Version)
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.Revision = cmp.Or(b.Revision, setting.Value)
			}
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	b.Revision = cmp.Or(b.Revision, "unknown")
	return b
}
