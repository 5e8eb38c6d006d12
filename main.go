// Command wxtokend keeps WeChat access tokens fresh in Redis.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon"
	"wxtokend/daemon/check"
	"wxtokend/daemon/config"
	"wxtokend/daemon/demo"
	"wxtokend/daemon/store"
	"wxtokend/daemon/web"
	"wxtokend/daemon/wechat"
	"wxtokend/metrics"
)

// Set by the linker (-X main.version=… -X main.revision=…); otherwise what the
// build knows of itself.
var version, revision string

func main() {
	// The heap is some hundred kilobytes. Collecting at a quarter more instead
	// of twice as much costs nothing and saves 2 MiB in each of many sidecars.
	collectAt(25)
	os.Exit(run(withSignals(context.Background()), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// collectAt sets how much garbage there may be, in percent of what is in use,
// before it is collected, unless the environment says so.
func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// sidecar is how many credentials a daemon may have to be spared memory rather
// than processor time.
const sidecar = 100

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
		os.Exit(exitFailure)
	}()
	return ctx
}

// Exit codes; 0 is a clean end, SIGTERM included.
const (
	exitFailure = 1 // port taken, a finding of check, daemon unreachable, unknown code
	exitUsage   = 2 // command line or configuration
)

// usage is an error of the command line or the configuration.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// program is what every command gets.
type program struct {
	ctx            context.Context
	getenv         func(string) string
	stdout, stderr io.Writer
	file           string
	explicit       bool
}

// load reads the configuration and sets up the log it asks for.
func (p *program) load() (config.Config, *slog.Logger, error) {
	c, err := config.Load(p.file, p.explicit, p.getenv)
	if err != nil {
		return c, nil, usage{err}
	}
	log := logger(p.stderr, c.Log)
	redis.SetLogger(store.Logger{Log: log})
	return c, log, nil
}

// logger writes text for a person at a terminal and JSON for everything else.
func logger(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "text" || c.Format == "auto" && terminal(w) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// commands is the grammar of the command line.
type commands struct {
	Config string `help:"Configuration file." default:"config.yaml" placeholder:"FILE"`

	Run         runCommand         `cmd:"" default:"1" help:"Keep the configured credentials fresh (the default)."`
	Demo        demo.Command       `cmd:"" help:"See it work: embedded Redis, simulated WeChat, tokens of one minute."`
	Simulate    demo.Simulate      `cmd:"" help:"Run the WeChat simulator alone, to test apps against."`
	Check       checkCommand       `cmd:"" help:"Check the configuration; with --online Redis and WeChat as well."`
	Status      statusCommand      `cmd:"" help:"Print the state of a running daemon."`
	Refresh     refreshCommand     `cmd:"" help:"Try a refresh now, past any backoff."`
	Healthcheck healthcheckCommand `cmd:"" help:"Exit 0 if the running daemon is alive (for containers)."`
	Explain     explainCommand     `cmd:"" help:"Explain an errcode of WeChat, in English and Chinese."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// run is main without the process: everything it touches comes in as a parameter.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var cli commands
	helped := false
	parser, err := kong.New(&cli, kong.Name("wxtokend"), kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }),
		kong.Description("Keeps WeChat access tokens fresh in Redis."), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "wxtokend:", err)
		return exitFailure
	}
	command, err := parser.Parse(negative(args))
	if helped {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "wxtokend: %v; see wxtokend --help\n", err)
		return exitUsage
	}
	p := &program{ctx: ctx, getenv: getenv, stdout: stdout, stderr: stderr, file: cli.Config, explicit: given(command, "config")}
	command.BindTo(ctx, (*context.Context)(nil))
	command.BindTo(stdout, (*io.Writer)(nil))
	command.Bind(logger(stderr, config.Default().Log)) // for commands without a configuration
	if err = command.Run(p, build()); err == nil {
		return 0
	}
	if !errors.Is(err, errSaid) {
		_, _ = fmt.Fprintln(stderr, "wxtokend:", err)
	}
	if errors.As(err, &usage{}) {
		return exitUsage
	}
	return exitFailure
}

// negative lets `explain -1` be: the parser would take the code for a flag.
func negative(args []string) []string {
	if i := slices.Index(args, "explain"); i >= 0 && slices.Contains(args[i:], "-1") {
		return slices.Insert(slices.Clone(args), slices.Index(args, "-1"), "--")
	}
	return args
}

// errSaid is a failure that the command has printed itself.
var errSaid = errors.New("failed")

func given(command *kong.Context, flag string) bool {
	for _, element := range command.Path {
		if element.Flag != nil && element.Flag.Name == flag {
			return true
		}
	}
	return false
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

type runCommand struct{}

// Run tells a failure twice: to whoever started the daemon, as every command
// does, and in the log, which is all that is left of it an hour later.
func (runCommand) Run(p *program, b metrics.Build) error {
	c, log, err := p.load()
	if err != nil {
		return err
	}
	if err = keepFresh(p.ctx, c, b, log); err != nil {
		log.Error("wxtokend failed", "error", err)
	}
	return err
}

func keepFresh(ctx context.Context, c config.Config, b metrics.Build, log *slog.Logger) error {
	if len(c.Credentials) > sidecar {
		collectAt(100)
	}
	ln, err := web.Listen(ctx, c.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	d, err := daemon.New(daemon.Options{Config: c, Build: b, Log: log})
	if err != nil {
		_ = ln.Close()
		return err
	}
	log.Info("wxtokend starts", "version", b.Version, "revision", b.Revision, "credentials", len(c.Credentials), "http", ln.Addr().String())
	start := time.Now()
	err = d.Run(ctx, ln)
	log.Info("wxtokend has stopped", "ran", time.Since(start).Round(time.Millisecond).String())
	return err
}

type checkCommand struct {
	Online bool `help:"Also ask Redis and WeChat. Never draws a classic token."`
}

func (c checkCommand) Run(p *program) error {
	loaded, _, err := p.load()
	if err != nil {
		return err
	}
	findings, err := check.Run(p.ctx, p.stdout, loaded, check.Options{Online: c.Online, Terminal: terminal(p.stdout)})
	if err == nil && findings > 0 {
		return errSaid
	}
	return err
}

// remote is how the commands reach a running daemon.
type remote struct {
	URL string `help:"Address of the daemon; default: http.listen of the configuration." placeholder:"http://HOST:PORT"`
}

// Validate refuses what no daemon could be reached at. The parser asks.
func (r remote) Validate() error {
	u, err := url.Parse(r.URL)
	if r.URL == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" {
		return nil
	}
	return errors.New("--url: must be http://HOST:PORT")
}

func (r remote) base(p *program) (string, error) {
	if r.URL != "" {
		return r.URL, nil
	}
	listen, err := config.HTTPListen(p.file, p.explicit, p.getenv)
	if err != nil {
		return "", usage{err}
	}
	return web.ListenURL(listen), nil
}

type statusCommand struct{ remote }

func (s statusCommand) Run(p *program) error {
	base, err := s.base(p)
	if err != nil {
		return err
	}
	status, err := web.FetchStatus(p.ctx, base)
	if err != nil {
		return err
	}
	return web.PrintTable(p.stdout, status)
}

type refreshCommand struct {
	remote
	Key   string `arg:"" optional:"" help:"The credential's Redis key; may be left out if there is only one."`
	Force bool   `help:"Replace the token even if it is fresh, because it leaked. Readers may be refused for a moment."`
}

func (r refreshCommand) Run(p *program) error {
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
	if r.URL == "" {
		r.URL = web.ListenURL(c.HTTP.Listen)
	}
	bearer, err := c.HTTP.ReadToken()
	if err != nil {
		return fmt.Errorf("http.token_file: %w", err)
	}
	message, err := web.Refresh(p.ctx, r.URL, r.Key, r.Force, bearer)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, message)
	return err
}

type healthcheckCommand struct{ remote }

func (h healthcheckCommand) Run(p *program) error {
	base, err := h.base(p)
	if err != nil {
		return err
	}
	return web.Probe(p.ctx, base, "/healthz")
}

type explainCommand struct {
	Code int `arg:"" help:"The errcode, such as 40164."`
}

func (e explainCommand) Run(p *program) error { return wechat.Explain(p.stdout, e.Code) }

type versionCommand struct{}

func (versionCommand) Run(p *program, b metrics.Build) error {
	_, err := fmt.Fprintf(p.stdout, "wxtokend %s (%s, %s)\n", b.Version, b.Revision, b.GoVersion)
	return err
}
