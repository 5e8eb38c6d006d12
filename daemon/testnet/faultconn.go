package testnet

import (
	"bytes"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// faultConn is a connection under the switchboard. Its pump reads the inner
// connection, so that a reply can be held back or lost while the client's own
// read deadline keeps working on what was let through.
type faultConn struct {
	net.Conn
	faults  *Faults
	replies *stream
	once    sync.Once
	closed  chan struct{}

	// Guarded by faults.mu.
	// The switchboard's reason, nil while whole.
	broken error
	// A write went nowhere.
	lost bool
	// A request is out, no byte of its reply came through.
	awaiting bool
	// That reply must be lost.
	doomed bool
	// Requests still on their way, which outlive the client.
	held int
	// By the client or the switchboard.
	ended bool
}

// Read returns what the pump let through.
func (c *faultConn) Read(p []byte) (int, error) {
	n, err := c.replies.read(p)
	return n, opError("read", c, err)
}

// Write decides the fate of one request before any of it leaves.
func (c *faultConn) Write(p []byte) (int, error) {
	f := c.faults
	f.mu.Lock()
	if c.broken != nil {
		defer f.mu.Unlock()
		return 0, opError("write", c, c.broken)
	}
	if f.hang || c.lost {
		c.lost = true
		f.mu.Unlock()
		return len(p), nil
	}
	d, dropped := f.take(p)
	c.awaiting = true
	if dropped && d.held > 0 {
		c.hold(p, d.held)
		f.mu.Unlock()
		return len(p), nil
	}
	c.doomed = c.doomed || dropped && d.delivered
	f.mu.Unlock()
	if dropped && !d.delivered {
		c.kill(syscall.ECONNRESET)
		// The kernel had taken it; the read will tell.
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// hold delivers a copy of p after d; called with faults.mu held.
func (c *faultConn) hold(p []byte, d time.Duration) {
	late := bytes.Clone(p)
	c.held++
	time.AfterFunc(d, func() {
		// The client's, which has passed.
		_ = c.Conn.SetWriteDeadline(time.Time{})
		// Nobody is there to hear of an error.
		_, _ = c.Conn.Write(late)
		c.faults.mu.Lock()
		c.held--
		over := c.ended && c.held == 0
		c.faults.mu.Unlock()
		if over {
			_ = c.Conn.Close()
		}
	})
}

// finish ends the inner connection by end, or leaves that to a held request.
func (c *faultConn) finish(end func() error) error {
	c.faults.mu.Lock()
	c.ended = true
	wait := c.held > 0
	c.faults.mu.Unlock()
	if wait {
		return nil
	}
	return end()
}

// pump ends when the inner connection ends, at the latest after Close.
func (c *faultConn) pump() {
	buf := make([]byte, 16<<10)
	for {
		n, err := c.Conn.Read(buf)
		if !c.admit(n > 0) {
			return
		}
		if n > 0 {
			// Fails after Close only.
			_, _ = c.replies.write(buf[:n])
		}
		if err != nil {
			c.replies.end(err, syscall.EPIPE, false)
			return
		}
	}
}

// admit waits until what arrived may pass; false means it never may.
func (c *faultConn) admit(data bool) bool {
	f := c.faults
	for {
		f.mu.Lock()
		held, doomed, changed := f.hang || c.lost, c.doomed && data, f.change()
		var delay time.Duration
		if c.awaiting && !held {
			c.awaiting, delay = false, f.delay
			if f.latency != nil {
				delay += f.latency()
			}
		}
		f.mu.Unlock()
		var timer <-chan time.Time
		switch {
		case held:
		case doomed:
			c.kill(io.EOF)
			return false
		case delay > 0:
			changed, timer = nil, time.After(delay)
		default:
			return true
		}
		select {
		case <-changed:
		case <-timer:
		case <-c.closed:
			return false
		}
	}
}

// kill ends the connection for both sides; the client reads err.
func (c *faultConn) kill(err error) {
	c.faults.mu.Lock()
	if c.broken == nil {
		c.broken = syscall.EPIPE
	}
	c.faults.mu.Unlock()
	c.replies.end(err, syscall.EPIPE, true)
	_ = c.finish(func() error { reset(c.Conn); return nil })
}

// Close implements net.Conn.
func (c *faultConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		close(c.closed)
		c.faults.remove(c)
		c.replies.end(net.ErrClosed, syscall.EPIPE, true)
		c.replies.setDeadline(&c.replies.readBy, time.Time{})
		err = c.finish(c.Conn.Close)
	})
	return opError("close", c, err)
}

// SetDeadline implements net.Conn.
func (c *faultConn) SetDeadline(at time.Time) error {
	// Has no failure.
	_ = c.SetReadDeadline(at)
	return c.SetWriteDeadline(at)
}

// SetReadDeadline acts on what the pump let through.
func (c *faultConn) SetReadDeadline(at time.Time) error {
	c.replies.setDeadline(&c.replies.readBy, at)
	return nil
}
