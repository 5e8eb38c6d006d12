package wechat_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechat"
)

// Every way in which the network or a server breaks off, and the one message each has.
func TestBrokenExchange(t *testing.T) {
	reset := func(conn net.Conn) { _ = conn.(interface{ SetLinger(int) error }).SetLinger(0) }
	for name, test := range map[string]struct {
		script func(net.Conn)
		class  wechat.Class
		says   string
	}{
		"closed":     {func(net.Conn) {}, wechat.ClassTransport, "the connection was lost after the request was sent"},
		"reset":      {reset, wechat.ClassTransport, "the connection was lost after the request was sent"},
		"header cut": {say("HTTP/1.1 200 OK\r\nServer: x\r\n"), wechat.ClassGarbage, "the answer ended early"},
		"body cut": {say("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + granted), wechat.ClassGarbage,
			"the answer ended early"},
		"body reset": {func(c net.Conn) {
			say("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + granted)(c)
			time.Sleep(time.Millisecond)
			reset(c)
		}, wechat.ClassTransport, "the connection was lost after the request was sent"},
		"not HTTP": {say(canaryToken + " " + canarySecret + "\r\n\r\n"), wechat.ClassGarbage,
			"the answer is not HTTP"},
		"bad chunk": {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canaryToken + "\r\n"),
			wechat.ClassGarbage, "the answer is not HTTP"},
		"bad length": {say("HTTP/1.1 200 OK\r\nContent-Length: " + canaryToken + "\r\n\r\n"), wechat.ClassGarbage,
			"the answer is not HTTP"},
		"bad status": {say("HTTP/1.1 " + canarySecret + " OK\r\n\r\n"), wechat.ClassGarbage, "the answer is not HTTP"},
		"endless header": {say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<17)), wechat.ClassGarbage,
			"the answer is not HTTP"},
		"switches protocol": {say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + canaryToken +
			"\r\nConnection: upgrade\r\n\r\n"), wechat.ClassGarbage, "HTTP 101 is no answer"},
	} {
		for _, api := range []string{"stable", "classic"} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, test.script)
					ctx, cancel := context.WithTimeout(t.Context(), timeout)
					defer cancel()
					_, err := mint(ctx, client(t, wechat.Options{BaseURL: "http://10.0.0.1", DialContext: b.ln.Dial}), api)
					e := failure(t, err)
					if e.Class != test.class || e.Issued != wechat.MaybeIssued || !e.Left() ||
						!strings.HasPrefix(e.Message, test.says) {
						t.Errorf("%#v", e)
					}
					checkCanaries(t, err)
					if n := b.requests.Load(); n != 1 {
						t.Errorf("%d requests, want 1", n)
					}
				})
			})
		}
	}
}

func TestDialFailures(t *testing.T) {
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for want, err := range map[string]error{
		`the name "api.invalid" could not be resolved`: op(
			&net.DNSError{Err: "no such host", Name: "api.invalid", IsNotFound: true}),
		"could not connect to WeChat or the proxy (connection refused): check the firewall": op(
			os.NewSyscallError("connect", syscall.ECONNREFUSED)),
		"could not connect to WeChat or the proxy (no route to host)": op(
			os.NewSyscallError("connect", syscall.EHOSTUNREACH)),
		"timed out before a connection was made":          op(os.NewSyscallError("connect", syscall.ETIMEDOUT)),
		"could not connect to WeChat or the proxy: check": op(errors.New("odd " + canarySecret)),
	} {
		c := client(t, wechat.Options{BaseURL: "https://10.0.0.1",
			DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }})
		_, got := mint(within(t), c, "classic")
		e := failure(t, got)
		if e.Class != wechat.ClassTransport || e.Issued != wechat.NotIssued || e.Left() ||
			!strings.HasPrefix(e.Message, want) {
			t.Errorf("%v: %#v", err, e)
		}
		checkCanaries(t, got)
	}
}

// Faults of the network in the middle of a series: each call is one request, and the next call is unharmed.
func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, say(httpOK(granted)))
		faults := &testnet.Faults{}
		c := client(t, wechat.Options{BaseURL: "http://10.0.0.1", DialContext: faults.Wrap(b.ln.Dial)})
		call := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			_, err := mint(ctx, c, "classic")
			return err
		}
		for name, test := range map[string]struct {
			breaks   func()
			requests int32
		}{
			"reply lost":   {func() { faults.DropReplies(1, nil) }, 1},
			"request lost": {func() { faults.DropRequests(1, nil) }, 0},
			"partition":    {func() { faults.Hang(true) }, 0},
			"refused":      {func() { faults.Refuse(true) }, 0},
		} {
			b.requests.Store(0)
			test.breaks()
			e := failure(t, call())
			if wantLeft := name == "reply lost" || name == "request lost"; e.Left() != wantLeft {
				t.Errorf("%s: left is %v: %v", name, e.Left(), e)
			}
			if n := b.requests.Load(); n != test.requests {
				t.Errorf("%s: %d requests, want %d", name, n, test.requests)
			}
			faults.Heal()
			if err := call(); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
		}
	})
}
