package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// maxFile bounds the configuration file; 100,000 credentials are not written by hand.
const maxFile = 1 << 20

// Error lists all that is wrong with a configuration, one problem per element:
// "file:line: option: what is legal", or the environment variable instead of
// file and line. No element contains a secret.
type Error struct{ Problems []string }

// Error joins the problems, one per line.
func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

// Load reads the file at path and the environment over the defaults, and
// checks the result. A missing file is an error if path was chosen explicitly
// or if the environment names no credential. The error is an *Error.
func Load(path string, explicit bool, getenv func(string) string) (Config, error) {
	l, cancel := newLoader(path)
	defer cancel()
	l.readFile(explicit, getenv("WXTOKEND_APPID") != "")
	if l.cfg.holdsSecret() {
		l.cfg.secretIn = path
	}
	if len(l.problems) == 0 || l.readable {
		l.environment(getenv)
		l.finish()
		l.validate()
	}
	if len(l.problems) > 0 {
		return Config{}, l.err()
	}
	return l.cfg, nil
}

// HTTPListen is the http.listen of the same sources, for commands that only
// talk to a running daemon. What else is wrong with the configuration, such as
// a secret that this user may not read, is not their business.
func HTTPListen(path string, explicit bool, getenv func(string) string) (string, error) {
	l, cancel := newLoader(path)
	defer cancel()
	l.readFile(explicit, true)
	if len(l.problems) > 0 && !l.readable {
		return "", l.err()
	}
	l.environment(getenv)
	if l.broken["http.listen"] {
		return "", l.err()
	}
	return l.cfg.HTTP.Listen, nil
}

// loadTime bounds reading all files together: a mount that hangs must not be
// waited for once per credential.
const loadTime = time.Minute

func newLoader(path string) (*loader, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), loadTime)
	return &loader{ctx: ctx, cfg: Default(), file: path, places: map[string]place{}, broken: map[string]bool{}}, cancel
}

type loader struct {
	ctx      context.Context
	cfg      Config
	file     string
	readable bool             // the file is YAML: what follows may judge its options
	places   map[string]place // of every option that was set, by its path
	broken   map[string]bool  // options whose value was refused: no second complaint about them
	problems []problem
}

// place is where an option was set: a line of the file or a variable.
type place struct {
	line     int
	variable string
}

type problem struct {
	place
	text string
}

// failAt records a problem of the option at path, of the whole file if path is "".
func (l *loader) failAt(at place, path, format string, args ...any) {
	l.broken[path] = true
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	l.problems = append(l.problems, problem{at, text})
}

// fail is failAt the place where the option was set, or the nearest around it.
func (l *loader) fail(path, format string, args ...any) {
	near := path
	for near != "" && !l.isSet(near) {
		near = parent(near)
	}
	l.failAt(l.places[near], path, format, args...)
}

// require is fail for what no option can check alone. It is silent about a
// broken option, where a default stands in for the value.
func (l *loader) require(ok bool, path, format string, args ...any) {
	if !ok && !l.isBroken(path) {
		l.fail(path, format, args...)
	}
}

// isBroken tells whether a complaint about path, or about something around it,
// was recorded already.
func (l *loader) isBroken(path string) bool {
	for ; path != ""; path = parent(path) {
		if l.broken[path] {
			return true
		}
	}
	return l.broken[""]
}

func (l *loader) isSet(path string) bool {
	_, ok := l.places[path]
	return ok
}

// parent of "a[0].b" is "a[0]", of that "a", of that "".
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// err lists the problems in the order of the file, the environment last.
func (l *loader) err() error {
	order := func(p problem) int {
		if p.variable != "" {
			return math.MaxInt
		}
		return p.line
	}
	slices.SortStableFunc(l.problems, func(a, b problem) int { return cmp.Compare(order(a), order(b)) })
	e := &Error{}
	for _, p := range l.problems {
		at := l.file
		if p.variable != "" {
			at = p.variable
		} else if p.line > 0 {
			at = fmt.Sprintf("%s:%d", l.file, p.line)
		}
		e.Problems = append(e.Problems, at+": "+p.text)
	}
	return e
}

// readFile takes the options of the file; named tells whether the environment
// could do without it.
func (l *loader) readFile(explicit, named bool) {
	data, err := secret.ReadAny(l.ctx, l.file, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !explicit && named:
		return
	case errors.Is(err, fs.ErrNotExist) && !explicit:
		l.fail("", "no such file, and WXTOKEND_APPID is not set: write the file, name another one with --config, "+
			"or set WXTOKEND_APPID and WXTOKEND_SECRET_FILE")
	case err != nil:
		l.fail("", "cannot read the configuration: %s", reason(err))
	default:
		l.parse(data)
	}
}

// reason is err without the path, which the message names by itself or keeps back.
func reason(err error) error {
	if inPath, ok := errors.AsType[*fs.PathError](err); ok {
		return inPath.Err
	}
	return err
}

// finish fills what is inherited.
func (l *loader) finish() {
	c := &l.cfg
	c.WeChat.BaseURL = strings.TrimRight(c.WeChat.BaseURL, "/")
	for i := range c.Credentials {
		c.Credentials[i].inherit(c.Refresh)
	}
	// Somebody who names sentinels or nodes has not asked for the default address.
	if !l.isSet("redis.url") && (c.Redis.Sentinel != nil || len(c.Redis.Cluster) > 0) {
		c.Redis.URL = ""
	}
}
