package check

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// mark is how a line begins.
type mark string

const (
	ok mark = "ok"
	// It works, but for how long or how well.
	warn mark = "warn"
	// It will not work.
	fail mark = "FAIL"
	// It was not looked at.
	skip mark = "skip"
)

// report writes lines for people and counts them. It remembers the first error
// of writing and goes on: the count is worth having without the text.
type report struct {
	w     io.Writer
	count map[mark]int
	err   error
}

func (r *report) ok(subject, format string, args ...any) { r.line(ok, subject, "", format, args...) }

// skip is no warning: a user of Redis without INFO is careful and not careless.
func (r *report) skip(subject, format string, args ...any) {
	r.line(skip, subject, "", format, args...)
}

func (r *report) warn(subject, cure, format string, args ...any) {
	r.line(warn, subject, cure, format, args...)
}

func (r *report) fail(subject, cure, format string, args ...any) {
	r.line(fail, subject, cure, format, args...)
}

// line writes what was seen; each line of cure says what to do about it.
func (r *report) line(m mark, subject, cure, format string, args ...any) {
	r.count[m]++
	r.printf("%-4s  %s: %s\n", m, subject, fmt.Sprintf(format, args...))
	for line := range strings.Lines(cure) {
		r.printf("      -> %s\n", strings.TrimSpace(line))
	}
}

func (r *report) summary() {
	r.printf("\n%d FAIL, %d warn, %d ok, %d skipped\n", r.count[fail], r.count[warn], r.count[ok], r.count[skip])
}

func (r *report) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(r.w, format, args...); err != nil && r.err == nil {
		r.err = fmt.Errorf("check: write: %w", err)
	}
}

// printable keeps a server's text from steering the terminal.
func printable(text string) string { return strings.Trim(strconv.Quote(text), `"`) }
