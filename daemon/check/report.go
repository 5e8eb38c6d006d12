package check

import (
	"fmt"
	"io"
	"strings"
)

// mark is how a line begins.
type mark string

const (
	ok   mark = "ok"
	warn mark = "warn" // works, but for how long or how well
	fail mark = "FAIL" // will not work
	skip mark = "skip" // was not looked at
)

// report writes lines for people and counts them. It remembers the first error
// of writing and goes on: the count is worth having without the text.
type report struct {
	w      io.Writer
	colour bool
	count  map[mark]int
	err    error
}

func (r *report) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(r.w, format, args...); err != nil && r.err == nil {
		r.err = fmt.Errorf("check: write: %w", err)
	}
}

func (r *report) ok(subject, format string, args ...any) { r.line(ok, subject, "", format, args...) }

// skip is for what could not be looked at. It is no warning: a user of Redis
// without INFO is careful and not careless.
func (r *report) skip(subject, format string, args ...any) {
	r.line(skip, subject, "", format, args...)
}

func (r *report) warn(subject, cure, format string, args ...any) {
	r.line(warn, subject, cure, format, args...)
}

func (r *report) warning(w warning) { r.line(warn, w.subject, w.cure, "%s", w.saw) }

func (r *report) fail(subject, cure, format string, args ...any) {
	r.line(fail, subject, cure, format, args...)
}

// line writes what was seen; each line of cure says what to do about it.
func (r *report) line(m mark, subject, cure, format string, args ...any) {
	r.count[m]++
	r.printf("%s  %s: %s\n", r.paint(m), subject, fmt.Sprintf(format, args...))
	for line := range strings.Lines(cure) {
		r.printf("      -> %s\n", strings.TrimSpace(line))
	}
}

// paint pads a mark to one width. Colour only repeats what the word says.
func (r *report) paint(m mark) string {
	colours := map[mark]string{ok: "32", warn: "33", fail: "31", skip: "2"}
	if !r.colour {
		return fmt.Sprintf("%-4s", m)
	}
	return fmt.Sprintf("\x1b[%sm%-4s\x1b[0m", colours[m], m)
}

func (r *report) summary() {
	r.printf("\n%d FAIL, %d warn, %d ok, %d skipped\n", r.count[fail], r.count[warn], r.count[ok], r.count[skip])
}
