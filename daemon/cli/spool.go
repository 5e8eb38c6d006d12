package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// So many lines, and bytes, wait for a reader at most: one of each of 10,000
	// credentials that are restored at once, while he pauses.
	mostLines, mostBytes = 16_384, 4 << 20
	// So long the end of the process waits for one.
	lastWords = time.Second
)

// spool is a log that nobody has to wait for. A write to a pipe that is not
// read, or to a terminal after Ctrl-S, blocks, and the look at Redis that logs
// would block with it: so one goroutine writes, and what it cannot get rid of in
// time is lost. The reader is told how much, where it is missing.
type spool struct {
	to     io.Writer
	format func(io.Writer) slog.Handler
	ended  chan struct{}

	mu      sync.Mutex
	changed sync.Cond
	closed  bool
	waiting [][]byte
	// Of all that wait.
	bytes int
	// Lines since the last one that waits.
	lost int
}

// newSpool writes to w, and of lost lines in that format. close must be called.
func newSpool(w io.Writer, format func(io.Writer) slog.Handler) *spool {
	s := &spool{to: w, format: format, ended: make(chan struct{})}
	s.changed.L = &s.mu
	go func() {
		defer close(s.ended)
		for line := s.next(); line != nil; line = s.next() {
			_, _ = s.to.Write(line)
		}
	}()
	return s
}

// Write takes one line and never fails. After a loss all that waits has to be
// read first, or a slow reader would be told of losses every other line.
func (s *spool) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
	case s.lost > 0 || len(s.waiting) == mostLines || s.bytes+len(line) > mostBytes:
		s.lost++
	default:
		s.waiting = append(s.waiting, bytes.Clone(line))
		s.bytes += len(line)
	}
	s.changed.Signal()
	return len(line), nil
}

// next waits for the line to be written next; nil is the end.
func (s *spool) next() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) == 0 && s.lost == 0 && !s.closed {
		s.changed.Wait()
	}
	if len(s.waiting) == 0 {
		return s.loss()
	}
	line := s.waiting[0]
	s.waiting[0], s.waiting = nil, s.waiting[1:]
	s.bytes -= len(line)
	return line
}

// loss is the line about the lines that are missing, nil if none are. It is
// said whatever the level of the log is, for those lines had it.
func (s *spool) loss() []byte {
	if s.lost == 0 {
		return nil
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log are lost: nobody read them in time", 0)
	r.Add("lines", s.lost)
	s.lost = 0
	var line bytes.Buffer
	_ = s.format(&line).Handle(context.Background(), r)
	return line.Bytes()
}

// close writes what waits, but does not wait longer than lastWords for a reader;
// whatever is logged later is lost.
func (s *spool) close() {
	s.mu.Lock()
	s.closed = true
	s.changed.Signal()
	s.mu.Unlock()
	select {
	case <-s.ended:
	case <-time.After(lastWords):
	}
}
