package testnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// DialFunc is the shape of a dial function that net.Dialer, http.Transport and
// Redis clients share.
type DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// Listener is a net.Listener without a socket. Closing it refuses later dials
// and resets the connections that nobody accepted; accepted ones live on.
type Listener struct {
	addr    address
	mu      sync.Mutex
	changed *sync.Cond
	queue   []net.Conn
	closed  bool
	port    int
}

// NewListener listens in memory. addr is what Addr and the clients'
// RemoteAddr say; give an IP literal with a port, such as 10.0.0.1:80.
func NewListener(addr string) *Listener {
	l := &Listener{addr: address(addr), port: 40000}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.addr }

// Dial connects as the host 10.0.0.2, whatever address it is asked for. It
// succeeds before anybody accepts, as the backlog of a kernel does.
func (l *Listener) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return l.From("10.0.0.2")(ctx, network, addr)
}

// From returns a dial function whose connections come from the host ip (a
// literal), each from a port of its own.
func (l *Listener) From(ip string) DialFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, dialError(network, l.addr, err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.closed {
			return nil, dialError(network, l.addr, os.NewSyscallError("connect", syscall.ECONNREFUSED))
		}
		l.port++
		local := address(net.JoinHostPort(ip, fmt.Sprint(l.port)))
		up, down := newStream(), newStream()
		l.queue = append(l.queue, &conn{in: up, out: down, local: l.addr, remote: local})
		l.changed.Broadcast()
		return &conn{in: down, out: up, local: local, remote: l.addr}, nil
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 {
		if l.closed {
			return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
		}
		l.changed.Wait()
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	return c, nil
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.mu.Lock()
	waiting := l.queue
	l.queue, l.closed = nil, true
	l.changed.Broadcast()
	l.mu.Unlock()
	for _, c := range waiting {
		reset(c)
	}
	return nil
}

// conn is one end of a connection in memory.
type conn struct {
	in, out       *stream
	local, remote address
	closed, abort atomic.Bool
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.failed("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.failed("write", err)
}

func (c *conn) failed(op string, err error) error {
	if err != nil && c.closed.Load() {
		err = net.ErrClosed
	}
	return opError(op, c, err)
}

// SetLinger(0) makes Close a reset, as it does on a *net.TCPConn.
func (c *conn) SetLinger(seconds int) error {
	c.abort.Store(seconds == 0)
	return nil
}

func (c *conn) Close() error {
	c.closed.Store(true)
	if c.abort.Load() {
		c.out.end(syscall.ECONNRESET, net.ErrClosed, true)
	} else {
		c.out.end(io.EOF, net.ErrClosed, false)
	}
	c.in.end(net.ErrClosed, syscall.EPIPE, true)
	// Stops the timers.
	return c.SetDeadline(time.Time{})
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at))
}

func (c *conn) SetReadDeadline(at time.Time) error {
	c.in.setDeadline(&c.in.readBy, at)
	return nil
}

func (c *conn) SetWriteDeadline(at time.Time) error {
	c.out.setDeadline(&c.out.writeBy, at)
	return nil
}

// address is an "ip:port" that was never resolved.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// reset closes c so that its peer reads ECONNRESET instead of EOF.
func reset(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(int) error }); ok {
		// Fails on a closed connection only.
		_ = l.SetLinger(0)
	}
	_ = c.Close()
}

// opError dresses err as package net does, so that errors.Is, Timeout and the
// text are what production code meets.
func opError(op string, c net.Conn, err error) error {
	var dressed *net.OpError
	if err == nil || err == io.EOF || errors.As(err, &dressed) {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

func dialError(network string, addr net.Addr, err error) error {
	return &net.OpError{Op: "dial", Net: network, Addr: addr, Err: err}
}
