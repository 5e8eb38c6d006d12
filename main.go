// Command wxtokend keeps WeChat access tokens fresh in Redis.
package main

import (
	"context"
	"fmt"
	"io"
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
	os.Exit(run(withSignals(context.Background()), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
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

// run is main without the process: everything it touches comes in as a parameter.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	return cli.Run(ctx, args, cli.Program{Getenv: getenv, Stdout: stdout, Stderr: stderr, Build: build()})
}

func build() metrics.Build {
	b := metrics.Build{Version: version, Revision: revision, GoVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		if b.Version == "" {
			b.Version = info.Main.Version
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" && b.Revision == "" {
				b.Revision = setting.Value
			}
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	if b.Revision == "" {
		b.Revision = "unknown"
	}
	return b
}
