package wechat_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechat"
)

const timeout = 5 * time.Second

// bench is a client with a server that runs script on each connection that got
// a request, all in memory. It counts what arrives.
type bench struct {
	ln       *testnet.Listener
	requests atomic.Int32
	bytes    atomic.Int64
	serving  sync.WaitGroup
}

// newBench must be called inside a bubble. At the end it waits for every
// connection to be closed: one that the client forgot is a deadlock.
func newBench(t *testing.T, script func(net.Conn)) *bench {
	b := &bench{ln: testnet.NewListener("10.0.0.1:80")}
	t.Cleanup(func() { _ = b.ln.Close(); b.serving.Wait() })
	b.serving.Go(func() {
		for {
			conn, err := b.ln.Accept()
			if err != nil {
				return
			}
			b.serving.Go(func() { b.serve(conn, script) })
		}
	})
	return b
}

func (b *bench) serve(conn net.Conn, script func(net.Conn)) {
	defer func() { _ = conn.Close() }()
	counted := countingConn{conn, &b.bytes}
	r, err := http.ReadRequest(bufio.NewReader(counted))
	if err != nil { // a TLS handshake, for example: no answer
		silence(counted)
		return
	}
	_, _ = io.ReadAll(r.Body)
	b.requests.Add(1)
	script(conn)
}

// silence reads until the client hangs up.
func silence(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func say(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

func httpOK(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// drip sends an answer that would take a day.
func drip(conn net.Conn) {
	for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 86400\r\n\r\n") {
		_, _ = conn.Write([]byte{b})
	}
	for {
		if _, err := conn.Write([]byte(" ")); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func TestDeadline(t *testing.T) {
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	deaf := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return hang(ctx, "", "")
	}}
	for name, test := range map[string]struct {
		base   string
		dial   func(context.Context, string, string) (net.Conn, error)
		script func(net.Conn)
		issued wechat.Issued
		says   string
	}{
		"connecting": {dial: hang, issued: wechat.NotIssued, says: "timed out before a connection was made"},
		"dead DNS": {base: "http://api.invalid", dial: (&net.Dialer{Resolver: deaf}).DialContext,
			issued: wechat.NotIssued, says: "timed out while the name was looked up: check this host's DNS"},
		"handshake": {base: "https://10.0.0.1", issued: wechat.NotIssued, says: "timed out during the TLS handshake"},
		"no answer": {script: silence, issued: wechat.MaybeIssued, says: "timed out after the request was sent"},
		"half a header": {script: func(c net.Conn) { say("HTTP/1.1 200 OK\r\n")(c); silence(c) },
			issued: wechat.MaybeIssued, says: "timed out after the request was sent"},
		"one byte a second": {script: drip, issued: wechat.MaybeIssued, says: "timed out after the request was sent"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, test.script)
				o := wechat.Options{BaseURL: "http://10.0.0.1", DialContext: b.ln.Dial}
				if test.base != "" {
					o.BaseURL = test.base
				}
				if test.dial != nil {
					o.DialContext = test.dial
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				start := time.Now()
				_, err := mint(ctx, client(t, o), "stable")
				if took := time.Since(start); took != timeout {
					t.Errorf("took %v", took)
				}
				e := failure(t, err)
				if e.Class != wechat.ClassTransport || e.Issued != test.issued ||
					e.Left() != (test.issued == wechat.MaybeIssued) || !strings.HasPrefix(e.Message, test.says) {
					t.Errorf("%#v", e)
				}
				synctest.Wait()
				if want := int32(btoi(e.Left())); b.requests.Load() != want {
					t.Errorf("%d requests arrived, want %d", b.requests.Load(), want)
				}
			})
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// overslept is a deadline whose timer has not fired although it has passed, as
// it is in a process that has just been continued after a stop.
type overslept struct {
	context.Context
	deadline time.Time
}

func (c overslept) Deadline() (time.Time, bool) { return c.deadline, true }

func TestStoppedBeforeTheRequest(t *testing.T) {
	for scheme, when := range map[string]string{"http": "before the request was sent",
		"https": "during the TLS handshake"} {
		for _, late := range []time.Duration{0, time.Nanosecond, time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, say(httpOK(granted)))
				stop := func(ctx context.Context, network, addr string) (net.Conn, error) {
					time.Sleep(timeout + late)
					return b.ln.Dial(ctx, network, addr)
				}
				ctx := overslept{t.Context(), time.Now().Add(timeout)}
				_, err := mint(ctx, client(t, wechat.Options{BaseURL: scheme + "://10.0.0.1", DialContext: stop}), "classic")
				e := failure(t, err)
				if e.Class != wechat.ClassTransport || e.Issued != wechat.NotIssued || e.Left() ||
					!strings.HasPrefix(e.Message, "timed out "+when) {
					t.Errorf("%#v", e)
				}
				synctest.Wait()
				if n := b.bytes.Load(); n != 0 {
					t.Errorf("%d bytes left the process", n)
				}
			})
		}
	}
}

// The same with a moment left: the call is made.
func TestJustInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, say(httpOK(granted)))
		slow := func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(timeout - time.Nanosecond)
			return b.ln.Dial(ctx, network, addr)
		}
		ctx := overslept{t.Context(), time.Now().Add(timeout)}
		if _, err := mint(ctx, client(t, wechat.Options{BaseURL: "http://10.0.0.1", DialContext: slow}),
			"classic"); err != nil {
			t.Error(err)
		}
	})
}

func TestNoTimeNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, say(httpOK(granted)))
		c := client(t, wechat.Options{BaseURL: "http://10.0.0.1", DialContext: b.ln.Dial})
		expired, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		for name, ctx := range map[string]context.Context{"no deadline": t.Context(), "deadline passed": expired} {
			_, err := mint(ctx, c, "stable")
			if e := failure(t, err); e.Issued != wechat.NotIssued || e.Left() {
				t.Errorf("%s: %#v", name, e)
			}
		}
		synctest.Wait()
		if n := b.bytes.Load(); n != 0 {
			t.Errorf("%d bytes left the process", n)
		}
	})
}

func TestCancelled(t *testing.T) {
	for at, want := range map[string]wechat.Issued{"http://10.0.0.1": wechat.MaybeIssued,
		"https://10.0.0.1": wechat.NotIssued} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, silence)
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err := mint(ctx, client(t, wechat.Options{BaseURL: at, DialContext: b.ln.Dial}), "stable")
			e := failure(t, err)
			if e.Issued != want || time.Since(start) != time.Second || !strings.HasPrefix(e.Message, "the call was cancelled") {
				t.Errorf("%s: %#v after %v", at, e, time.Since(start))
			}
		})
	}
}
