package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

const (
	// In bytes; 10,000 credentials with every option take five million.
	maxFile = 8 << 20
	// So many are listed of a file that is no configuration at all.
	maxProblems = 50
	// It is for all files together: a dead mount must not be waited for once per credential.
	loadTime = time.Minute
)

// Error lists all that is wrong with a configuration, one problem per element:
// "file:line: option: what is legal", or the environment variable instead of
// file and line. No element contains a secret.
type Error struct{ Problems []string }

// Error joins the problems, one per line.
func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

// Load reads the file at path (or at WXTOKEND_CONFIG, unless path was chosen
// explicitly) and the environment over the defaults. When every value is right
// it checks relations and files. A missing file is an error if it was chosen
// or if the environment names no credential. The error is an *Error.
func Load(path string, explicit bool, getenv func(string) string) (Config, error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadTime)
	defer cancel()
	l := newLoader(ctx, path)
	l.read(explicit, getenv("WXTOKEND_APPID") != "", getenv)
	if len(l.problems) == 0 {
		l.inherit()
		l.validate()
	}
	if err := l.err(); err != nil {
		return Config{}, err
	}
	return l.cfg, nil
}

// Addresses are those of http in the same sources, for commands that only talk
// to a running daemon. What else is wrong with the configuration, such as a
// secret that this user may not read, is not their business.
func Addresses(path string, explicit bool, getenv func(string) string) (HTTP, error) {
	l := newLoader(context.Background(), path)
	l.read(explicit, true, getenv)
	matters := []string{"", "http.listen", "http.probes_listen"}
	l.problems = slices.DeleteFunc(l.problems, func(p problem) bool { return !slices.Contains(matters, p.path) })
	return l.cfg.HTTP, l.err()
}

type loader struct {
	ctx  context.Context
	cfg  Config
	file string
	// Where every option was set, by its path: file:line or a variable.
	places   map[string]string
	problems []problem
}

// problem is one of the option at path, of the whole file if path is "".
type problem struct{ path, text string }

func newLoader(ctx context.Context, path string) *loader {
	return &loader{ctx: ctx, cfg: Default(), file: path, places: map[string]string{"": path}}
}

// read takes in all sources; named tells whether the environment could do
// without a file.
func (l *loader) read(explicit, named bool, getenv func(string) string) {
	if path := getenv("WXTOKEND_CONFIG"); !explicit && path != "" {
		if err := secret.Flaw(path); err != nil {
			l.places[""] = "WXTOKEND_CONFIG"
			l.fail("", "%s", err)
			return
		}
		explicit, l.file, l.places[""] = true, path, path
	}
	data, err := secret.ReadAny(l.ctx, l.file, maxFile)
	switch missing := errors.Is(err, fs.ErrNotExist) && !explicit; {
	case missing && !named:
		l.fail("", "no such file, and WXTOKEND_APPID is not set: write the file, name another one with --config, "+
			"or set WXTOKEND_APPID and WXTOKEND_SECRET_FILE")
		return
	case err != nil && !missing:
		l.fail("", "cannot read the configuration: %s", reason(err))
		return
	}
	l.parse(data)
	l.environment(getenv)
}

// inherit fills what a value of another option decides.
func (l *loader) inherit() {
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

func (l *loader) isSet(path string) bool { return l.places[path] != "" }

// setAt notes where the option at path was set.
func (l *loader) setAt(line int, path string) { l.places[path] = fmt.Sprintf("%s:%d", l.file, line) }

// fail records a problem at the place where the option was set, or the nearest around it.
func (l *loader) fail(path, format string, args ...any) {
	near, text := path, fmt.Sprintf(format, args...)
	// The whole file always is set, at "".
	for !l.isSet(near) {
		near = near[:max(0, strings.LastIndexAny(near, ".["))]
	}
	if path != "" {
		text = path + ": " + text
	}
	l.problems = append(l.problems, problem{path, l.places[near] + ": " + text})
}

// set stores text in v, the option at path.
func (l *loader) set(path string, v reflect.Value, is, text string) {
	if err := set(v, is, text); err != nil {
		l.fail(path, "%s", err)
	}
}

func (l *loader) require(ok bool, path, format string, args ...any) {
	if !ok {
		l.fail(path, format, args...)
	}
}

// err is an *Error, or nil if there is no problem.
func (l *loader) err() error {
	if len(l.problems) == 0 {
		return nil
	}
	e := &Error{}
	for _, p := range l.problems[:min(maxProblems, len(l.problems))] {
		e.Problems = append(e.Problems, p.text)
	}
	if more := len(l.problems) - maxProblems; more > 0 {
		e.Problems = append(e.Problems, fmt.Sprintf("%s: %d problems more", l.file, more))
	}
	return e
}
