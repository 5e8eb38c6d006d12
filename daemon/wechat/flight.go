package wechat

import (
	"context"
	"crypto/tls"
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
	// connecting: the connection is made.
	connecting = int32(iota)
	// resolving: the name is looked up, in the midst of connecting.
	resolving
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
	// deadline is in the distant past without one: such a call is not made.
	deadline time.Time
	// connected is when the connection could take the request. Only the goroutine of the call looks at it.
	connected time.Time
	phase     atomic.Int32
}

// exchange makes one call and reads its answer. The error has no Op yet.
func (c *Client) exchange(ctx context.Context, req *http.Request) (answer, *Error) {
	f := &flight{}
	f.deadline, _ = ctx.Deadline()
	// The end of this function closes the connection, whatever net/http still does with it.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { f.phase.CompareAndSwap(connecting, resolving) },
		DNSDone: func(done httptrace.DNSDoneInfo) {
			if done.Err == nil {
				f.phase.CompareAndSwap(resolving, connecting)
			}
		},
		GotConn: func(httptrace.GotConnInfo) {
			f.connected = time.Now()
			f.phase.CompareAndSwap(securing, ready)
		},
	})
	// RoundTrip and not http.Client: it follows no redirect, and its errors are no *url.Error, which prints the secret.
	resp, err := f.transport(ctx, c).RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{}, f.failed(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode, header: resp.Header, at: f.connected.Add(time.Since(f.connected) / 2)}
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
func (f *flight) transport(ctx context.Context, c *Client) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyURL(c.proxy),
		// Not the context that net/http passes: that one outlives the call.
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			conn, err := c.options.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			f.phase.CompareAndSwap(connecting, securing)
			return &guardedConn{conn, f}, nil
		},
		// WeChat warns callers with less than TLS 1.2 and names no minimum of its own.
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.options.RootCAs},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxBody,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return proxyError(resp.StatusCode)
			}
			return nil
		},
	}
}

// guardedConn is the last door before the network. A process that was stopped
// between connecting and writing wakes up here before its timers do: its lease
// may be gone and another process minting, so it must not call any more.
type guardedConn struct {
	net.Conn
	*flight
}

func (g *guardedConn) Write(p []byte) (int, error) {
	if passed(time.Now(), g.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	g.phase.CompareAndSwap(ready, sent)
	if g.phase.Load() == shut {
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
