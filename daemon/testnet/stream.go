package testnet

import (
	"os"
	"sync"
	"time"
)

// streamLimit is how many bytes one direction holds before the writer has to
// wait, as a kernel's socket buffer does: without it a sender of an endless
// body would fill the memory.
const streamLimit = 64 << 10

// stream carries bytes one way. Both ends block in sync.Cond.Wait, which
// synctest counts as durably blocked; a channel per chunk would not let a
// writer run ahead of an absent reader.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	buf     []byte
	// What read returns once buf is empty.
	readEnd error
	// What write returns.
	writeEnd error
	readBy   deadline
	writeBy  deadline
}

// deadline is one side's deadline. The timer sets passed instead of the
// waiters comparing clocks, so that a wake-up is never a nanosecond too early.
type deadline struct {
	timer  *time.Timer
	passed bool
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// read blocks for the first byte, the end or the deadline. As with sockets a
// passed deadline wins over bytes that wait.
func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case len(s.buf) > 0 || len(p) == 0:
			n := copy(p, s.buf)
			s.buf = s.buf[n:]
			s.changed.Broadcast()
			return n, nil
		case s.readEnd != nil:
			return 0, s.readEnd
		}
		s.changed.Wait()
	}
}

// write returns when all of p lies in the buffer, whether or not anybody reads.
func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := 0
	for {
		switch room := streamLimit - len(s.buf); {
		case s.writeEnd != nil:
			return done, s.writeEnd
		case s.writeBy.passed:
			return done, os.ErrDeadlineExceeded
		case done == len(p):
			return done, nil
		case room > 0:
			n := min(room, len(p)-done)
			s.buf = append(s.buf, p[done:done+n]...)
			done += n
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// end finishes the stream; the first end of each side wins. With discard the
// bytes not yet read are lost, as a TCP reset loses them.
func (s *stream) end(read, write error, discard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if discard && s.readEnd == nil {
		s.buf = nil
	}
	if s.readEnd == nil {
		s.readEnd = read
	}
	if s.writeEnd == nil {
		s.writeEnd = write
	}
	s.changed.Broadcast()
}

// setDeadline arms d, a deadline of this stream; the zero time means never.
func (s *stream) setDeadline(d *deadline, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.timer, d.passed = nil, false
	if left := time.Until(at); !at.IsZero() && left <= 0 {
		d.passed = true
	} else if !at.IsZero() {
		var own *time.Timer
		own = time.AfterFunc(left, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			// Not replaced while it was firing.
			if d.timer == own {
				d.passed = true
				s.changed.Broadcast()
			}
		})
		d.timer = own
	}
	s.changed.Broadcast()
}
