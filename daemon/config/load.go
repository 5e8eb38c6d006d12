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
	// Of all files together, in bytes; 10,000 credentials with every option take five million.
	maxFiles = 8 << 20
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

// Load reads the file, the lists of credentials beside it and the environment
// over the defaults. When every value is right it checks relations and files. A
// missing file is an error if it was chosen or if nothing else names a
// credential. Nothing of it is used if anything is wrong. The error is an *Error.
func (s Source) Load(ctx context.Context) (Config, error) {
	return s.load(ctx, nil, false, (*loader).validate)
}

// Reload is Load in a process that runs already, of the content that settled is
// the digest of and no other. It refuses a pipe, into which nobody may write
// any more: to wait for that would close the whole directory, with the secrets
// in it, until the process ends.
func (s Source) Reload(ctx context.Context, settled Digest) (Config, error) {
	return s.load(ctx, &settled, false, (*loader).validate)
}

// LoadReader is the configuration of the same sources as far as it concerns
// somebody who only reads Redis: what else is missing or wrong beyond its own
// text, such as an AppSecret that lies elsewhere, is not his business. It may
// name no credential, and no file is needed if named says that the command line
// does without. The error is an *Error.
func (s Source) LoadReader(ctx context.Context, named bool) (Config, error) {
	return s.load(ctx, nil, named, (*loader).validateRedis)
}

func (s Source) load(ctx context.Context, settled *Digest, named bool, validate func(*loader)) (Config, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	l := newLoader(ctx, s)
	l.settled = settled
	l.read(named || s.Getenv("WXTOKEND_APPID") != "")
	if len(l.problems) == 0 {
		l.inherit()
		validate(l)
	}
	if err := l.err(); err != nil {
		return Config{}, err
	}
	return l.cfg, nil
}

// Addresses are those of http in the same sources, for commands that only talk
// to a running daemon. What else is wrong with the configuration, such as a
// secret that this user may not read, is not their business.
func (s Source) Addresses(ctx context.Context) (HTTP, error) {
	l := newLoader(ctx, s)
	l.read(true)
	matters := []string{"", "http.listen", "http.probes_listen"}
	l.problems = slices.DeleteFunc(l.problems, func(p problem) bool { return !slices.Contains(matters, p.path) })
	return l.cfg.HTTP, l.err()
}

type loader struct {
	ctx    context.Context
	cfg    Config
	source Source
	// What a running process wants to read, nil at its start.
	settled *Digest
	// The file that is being read.
	file string
	// Where every option was set, by its path: file:line or a variable.
	places   map[string]string
	problems []problem
}

// problem is one of the option at path, of the whole file if path is "".
type problem struct{ path, text string }

func newLoader(ctx context.Context, s Source) *loader {
	s = s.resolved()
	return &loader{ctx: ctx, cfg: Default(), source: s, file: s.Path, places: map[string]string{"": s.Path}}
}

// read takes in all sources; named tells whether the environment could do
// without a file.
func (l *loader) read(named bool) {
	if err := secret.Flaw(l.file); err != nil {
		l.places[""] = "--config"
		if l.file != "" && l.file == l.source.Getenv("WXTOKEND_CONFIG") {
			l.places[""] = "WXTOKEND_CONFIG"
		}
		l.fail("", "%s", err)
		return
	}
	all, dir := contents(l.ctx, l.file)
	l.cfg.digest, l.cfg.traces = digestOf(all), traces(all, dir)
	if l.settled != nil && *l.settled != l.cfg.digest {
		l.fail("", "has changed again, or what lies in credentials.d has: it is read when that is over")
		return
	}
	file, lists := all[0], all[1:]
	switch {
	case errors.Is(file.err, secret.ErrNotRegular) && l.settled != nil:
		file.err = fmt.Errorf("%w, and all else is read at the start alone: put a file there, or restart",
			secret.ErrNotRegular)
	case errors.Is(file.err, secret.ErrNotRegular):
		// A shell hands over a pipe when it is told <(command).
		file.data, file.err = secret.ReadAny(l.ctx, l.file, maxFiles)
	}
	switch missing := errors.Is(file.err, fs.ErrNotExist) && !l.source.Explicit; {
	case missing && !named && len(lists) == 0:
		l.fail("", "no such file, and WXTOKEND_APPID is not set: write the file, name another one with --config, "+
			"or set WXTOKEND_APPID and WXTOKEND_SECRET_FILE")
		return
	case file.err != nil && !missing:
		l.fail("", "cannot read the configuration: %s", secret.Reason(file.err))
		return
	}
	l.parse(file.data, "", reflect.ValueOf(&l.cfg).Elem())
	for _, list := range lists {
		l.readList(list)
	}
	l.file = l.source.Path
	l.environment(l.source.Getenv)
}

// readList takes in a file of the directory, whose credentials come after those that are there.
func (l *loader) readList(list content) {
	const path = "credentials"
	l.file = list.path
	if list.err != nil {
		l.places[path] = list.path
		l.fail(path, "cannot read the list: %s", secret.Reason(list.err))
		return
	}
	l.parse(list.data, path, reflect.ValueOf(&l.cfg.Credentials).Elem())
}

// inherit fills what a value of another option decides.
func (l *loader) inherit() {
	c := &l.cfg
	c.WeChat.BaseURL = strings.TrimRight(c.WeChat.BaseURL, "/")
	c.WeChat.WeComBaseURL = strings.TrimRight(c.WeChat.WeComBaseURL, "/")
	for i := range c.Credentials {
		c.Credentials[i].inherit(c.Refresh)
	}
	Adopt(c.Credentials)
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
