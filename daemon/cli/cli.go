// Package cli is the command line: its grammar, and one type for each command
// with its flags as fields.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alexflint/go-arg"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// Exit codes; 0 is a clean end, SIGTERM included.
const (
	// ExitFailure: port taken, a finding of check, daemon unreachable, unknown code.
	ExitFailure = 1
	// ExitUsage: a mistake in the command line or the configuration.
	ExitUsage = 2
)

// usage is an error of the command line or the configuration.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// errSaid is a failure that the command has printed itself.
var errSaid = errors.New("failed")

// Program is what every command gets.
type Program struct {
	Getenv         func(string) string
	Stdout, Stderr io.Writer
	Build          metrics.Build

	// The file of the configuration, and whether it was named, so that it must be there.
	file     string
	explicit bool
}

// command is one of the commands below, with its flags filled in.
type command interface {
	run(ctx context.Context, p Program) error
}

// commands is the grammar of the command line.
type commands struct {
	Config *string `help:"configuration file; default: config.yaml, if it is there" placeholder:"FILE"`

	Run         *runCommand         `arg:"subcommand" help:"Keep the configured credentials fresh (the default)."`
	Demo        *demoCommand        `arg:"subcommand" help:"See it work, with a Redis and a WeChat of its own."`
	Simulate    *simulateCommand    `arg:"subcommand" help:"Run the WeChat simulator alone, to test apps against."`
	Check       *checkCommand       `arg:"subcommand" help:"Check the configuration; with --online Redis and WeChat too."`
	Status      *statusCommand      `arg:"subcommand" help:"Print the state of a running daemon."`
	Wait        *waitCommand        `arg:"subcommand" help:"Exit 0 as soon as a token is there; reads the key alone."`
	Refresh     *refreshCommand     `arg:"subcommand" help:"Try a refresh now, past any backoff."`
	Healthcheck *healthcheckCommand `arg:"subcommand" help:"Exit 0 if the daemon is alive, or ready (for containers)."`
	Explain     *explainCommand     `arg:"subcommand" help:"Explain an errcode of WeChat, in English and Chinese."`
	Version     *versionCommand     `arg:"subcommand" help:"Print the version."`
}

// describe is what the program or one of its commands is for.
func describe(command []string) string {
	if len(command) == 0 {
		return "Keeps WeChat access tokens fresh in Redis."
	}
	named := func(field string) bool { return strings.EqualFold(field, command[0]) }
	field, _ := reflect.TypeFor[commands]().FieldByNameFunc(named)
	return field.Tag.Get("help")
}

// Run runs the command that args name and returns the exit code.
func Run(ctx context.Context, args []string, p Program) int {
	err := start(ctx, args, p)
	if err != nil && !errors.Is(err, errSaid) {
		err = say(p.Stderr, err)
	}
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage{}):
		return ExitUsage
	}
	return ExitFailure
}

// say tells whoever started a command why it failed, and returns what no one
// has to be told again.
func say(w io.Writer, err error) error {
	_, _ = fmt.Fprintln(w, "wxtokend:", err)
	return errors.Join(errSaid, err)
}

func start(ctx context.Context, args []string, p Program) error {
	var cli commands
	parser, err := arg.NewParser(arg.Config{Program: "wxtokend", IgnoreEnv: true}, &cli)
	if err != nil {
		return err
	}
	err = parser.Parse(negative(args))
	if errors.Is(err, arg.ErrHelp) {
		_, _ = fmt.Fprintln(p.Stdout, describe(parser.SubcommandNames()))
		return parser.WriteHelpForSubcommand(p.Stdout, parser.SubcommandNames()...)
	}
	if err != nil {
		// What follows an equals sign may be a password.
		problem, _, _ := strings.Cut(err.Error(), "=")
		return usage{fmt.Errorf("%s; see wxtokend --help", problem)}
	}
	p.file = "config.yaml"
	if cli.Config != nil {
		p.file, p.explicit = *cli.Config, true
	}
	if chosen, ok := parser.Subcommand().(command); ok {
		return chosen.run(ctx, p)
	}
	return runCommand{}.run(ctx, p)
}

// negative lets `explain -1` be: the parser would take the code for a flag.
func negative(args []string) []string {
	if i := slices.Index(args, "explain"); i >= 0 && slices.Contains(args[i:], "-1") {
		return slices.Insert(slices.Clone(args), slices.Index(args, "-1"), "--")
	}
	return args
}

// source is where the configuration comes from.
func (p Program) source() config.Source {
	return config.Source{Path: p.file, Explicit: p.explicit, Getenv: p.Getenv}
}

// load reads the configuration and sets up the log it asks for.
func (p Program) load(ctx context.Context) (config.Config, error) {
	c, err := p.source().Load(ctx)
	if err != nil {
		return c, usage{err}
	}
	redis.SetLogger(store.Logger{Log: logger(p.Stderr, c.Log)})
	return c, nil
}

func logger(w io.Writer, c config.Log) *slog.Logger { return slog.New(format(w, c)(w)) }

// format is text if the reader is a person at a terminal and JSON for everything
// else, to whatever it is written on the way there.
func format(reader io.Writer, c config.Log) func(io.Writer) slog.Handler {
	var level slog.Level
	// config.Load has checked it.
	_ = level.UnmarshalText([]byte(c.Level))
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || c.Format == "auto" && terminal(reader) {
		return func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, o) }
	}
	return func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, o) }
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
