package wechat

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// maxBody is the largest answer that is read, in bytes. A real one has under 1 KiB.
const maxBody = 64 << 10

// The phases of a call, in order. Up to ready it is certain that nothing of the
// request has left.
const (
	// connecting: the name is looked up, the connection is made.
	connecting = int32(iota)
	// securing: it is made; a proxy opens its tunnel, TLS shakes hands.
	securing
	// ready: it could take the request.
	ready
	// sent: the first byte may be on its way.
	sent
	// shut: the call has failed. From here on nothing may be written.
	shut
)

// flight is what is known about one call while it is under way.
type flight struct {
	deadline time.Time
	// connected is when the connection could take the request. Only the goroutine of the call looks at it.
	connected time.Time
	phase     atomic.Int32
}

// exchange makes one call and reads its answer, of which no message may repeat
// hide. The error has no Op yet.
func (c *Client) exchange(ctx context.Context, req *http.Request, hide string) (answer, *Error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return answer{}, &Error{
			Class: ClassConfig, Issued: NotIssued, Message: "the request was not sent: it has no deadline",
		}
	}
	// The end of this function closes the connection, whatever net/http still does with it.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &flight{deadline: deadline}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			f.connected = time.Now()
			f.phase.CompareAndSwap(securing, ready)
		},
	})
	// RoundTrip and not http.Client: it follows no redirect, and its errors are no *url.Error, which prints the secret.
	resp, err := c.transport(ctx, f).RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{}, f.failed(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{
		status: resp.StatusCode, header: resp.Header, at: f.connected.Add(time.Since(f.connected) / 2), hide: hide,
	}
	// The body of a failure is not worth a byte.
	if a.status != http.StatusOK {
		return a, nil
	}
	// One byte more than allowed tells a full answer from an endless one.
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return answer{}, f.failed(ctx, err)
	}
	return a, nil
}

// transport serves one call. net/http repeats a GET by itself when a kept
// connection turns out dead; on a fresh connection it never does.
func (c *Client) transport(ctx context.Context, f *flight) *http.Transport {
	t := &http.Transport{
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			// Not the context net/http passes: that one outlives the call.
			return f.connect(ctx, c.dial, network, addr)
		},
		TLSClientConfig:        c.tls.Clone(),
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxBody,
		Protocols:              new(http.Protocols),
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return proxyError(resp.StatusCode)
			}
			return nil
		},
	}
	t.Protocols.SetHTTP1(true)
	if c.proxy != nil {
		t.Proxy = http.ProxyURL(c.proxy)
	}
	return t
}

// dialer makes a connection, as net.Dialer.DialContext does.
type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

func (f *flight) connect(ctx context.Context, dial dialer, network, addr string) (net.Conn, error) {
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	f.phase.CompareAndSwap(connecting, securing)
	return &guardedConn{Conn: conn, flight: f}, nil
}

// guardedConn is the last door before the network. A process that was stopped
// between connecting and writing wakes up here before its timers do: its lease
// may be gone and another process minting, so it must not call any more.
type guardedConn struct {
	net.Conn
	flight *flight
}

func (g *guardedConn) Write(p []byte) (int, error) {
	f := g.flight
	if passed(time.Now(), f.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	f.phase.CompareAndSwap(ready, sent)
	if f.phase.Load() == shut {
		return 0, net.ErrClosed
	}
	return g.Conn.Write(p)
}

// passed compares monotonic time, which stands still while a machine is
// suspended, and the wall clock, which does not. A wall clock that jumped ahead
// costs one call that is not made.
func passed(now, deadline time.Time) bool {
	return !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0))
}

// proxyError is the HTTP status by which a proxy refused to open a tunnel.
type proxyError int

func (e proxyError) Error() string { return http.StatusText(int(e)) }
