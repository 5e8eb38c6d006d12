package testnet_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/testnet"
)

// echo is a server that answers every line with "re: line" and remembers it.
type echo struct {
	ln   *testnet.Listener
	mu   sync.Mutex
	seen []string
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	e := &echo{ln: testnet.NewListener("10.0.0.1:80")}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := e.ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { e.serve(c) })
		}
	})
	t.Cleanup(func() { e.ln.Close(); conns.Wait() })
	return e
}

func (e *echo) serve(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		e.mu.Lock()
		e.seen = append(e.seen, lines.Text())
		e.mu.Unlock()
		fmt.Fprintf(c, "re: %s\n", lines.Text())
	}
}

func (e *echo) lines() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.seen, ",")
}

func dial(t *testing.T, d testnet.DialFunc) net.Conn {
	t.Helper()
	c, err := d(t.Context(), "tcp", "10.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends one line and reads one, within five seconds.
func ask(c net.Conn, line string) (string, error) {
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(c, "%s\n", line); err != nil {
		return "", err
	}
	reply, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(reply), err
}

func mustAsk(t *testing.T, c net.Conn, line string) {
	t.Helper()
	if got, err := ask(c, line); err != nil || got != "re: "+line {
		t.Fatalf("ask %q = %q, %v", line, got, err)
	}
}

func wantErr(t *testing.T, c net.Conn, line string, want error) {
	t.Helper()
	if got, err := ask(c, line); !errors.Is(err, want) {
		t.Fatalf("ask %q = %q, %v; want error %v", line, got, err, want)
	}
}

func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := testnet.NewListener("10.0.0.1:80")
		client := dial(t, ln.Dial)
		server, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if client.RemoteAddr().String() != "10.0.0.1:80" || server.RemoteAddr().String() != client.LocalAddr().String() {
			t.Errorf("addresses: client %v -> %v, server %v -> %v", client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(),
				server.RemoteAddr())
		}

		// A writer runs ahead of an absent reader, but not without limit.
		const limit = 64 << 10
		client.SetWriteDeadline(time.Now().Add(time.Minute))
		start := time.Now()
		n, err := client.Write(make([]byte, limit+1))
		if n != limit || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("write = %d, %v after %v", n, err, time.Since(start))
		}
		if n, err := io.ReadFull(server, make([]byte, limit)); err != nil {
			t.Errorf("read %d of it: %v", n, err)
		}

		// A deadline in the past interrupts a blocked read, and can be lifted.
		done := make(chan error, 1)
		go func() { _, err := server.Read(make([]byte, 1)); done <- err }()
		synctest.Wait()
		server.SetReadDeadline(time.Unix(1, 0))
		if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("interrupted read: %v", err)
		}
		var timeout net.Error
		if _, err := server.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("a deadline must be a net.Error with Timeout: %v", err)
		}
		server.SetReadDeadline(time.Time{})
		client.SetWriteDeadline(time.Time{})

		// What was written before Close arrives, then EOF; writing back fails.
		client.Write([]byte("bye"))
		client.Close()
		if got, err := io.ReadAll(server); string(got) != "bye" || err != nil {
			t.Errorf("after close: %q, %v", got, err)
		}
		if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write to a closed peer: %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after own close: %v", err)
		}
		server.Close()
	})
}

func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := testnet.NewListener("10.0.0.1:80")
		client := dial(t, ln.From("192.0.2.7"))
		server, _ := ln.Accept()
		if !strings.HasPrefix(server.RemoteAddr().String(), "192.0.2.7:") {
			t.Errorf("caller = %v", server.RemoteAddr())
		}
		server.Write([]byte("never read"))
		server.(interface{ SetLinger(int) error }).SetLinger(0)
		server.Close()
		if n, err := client.Read(make([]byte, 10)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read = %d, %v", n, err)
		}
		waiting := dial(t, ln.Dial)
		ln.Close()
		if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection nobody accepted: %v", err)
		}
		if _, err := ln.Dial(t.Context(), "tcp", "10.0.0.1:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial after close: %v", err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept after close: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := ln.Dial(ended, "tcp", "10.0.0.1:80"); !errors.Is(err, context.Canceled) {
			t.Errorf("dial with an ended context: %v", err)
		}
	})
}

func TestRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, f := newEcho(t), &testnet.Faults{}
		d := f.Wrap(e.ln.Dial)
		live := dial(t, d)
		// What was never refused is not disturbed.
		f.Refuse(false)
		mustAsk(t, live, "a")
		f.Refuse(true)
		if _, err := live.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("live connection: %v", err)
		}
		if _, err := live.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write on it: %v", err)
		}
		_, err := d(t.Context(), "tcp", "10.0.0.1:80")
		var op *net.OpError
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Op != "dial" {
			t.Errorf("dial: %v", err)
		}
		f.Refuse(false)
		mustAsk(t, dial(t, d), "b")
	})
}

func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, f := newEcho(t), &testnet.Faults{}
		d := f.Wrap(e.ln.Dial)
		lossy, idle := dial(t, d), dial(t, d)
		mustAsk(t, lossy, "a")
		f.Hang(true)
		start := time.Now()
		wantErr(t, lossy, "lost", os.ErrDeadlineExceeded)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("the read ended after %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var timeout net.Error
		if _, err := d(ctx, "tcp", "10.0.0.1:80"); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("dial into a partition: %v", err)
		}
		time.AfterFunc(time.Minute, func() { f.Hang(false) })
		// Waits out the partition.
		late := dial(t, d)
		mustAsk(t, late, "b")
		mustAsk(t, idle, "c")
		wantErr(t, lossy, "hole", os.ErrDeadlineExceeded)
		if got := e.lines(); got != "a,b,c" {
			t.Errorf("the server saw %q", got)
		}
	})
}

// A reply that was on its way when the partition began arrives after it.
func TestHangHoldsReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln, f := testnet.NewListener("10.0.0.1:80"), &testnet.Faults{}
		client := dial(t, f.Wrap(ln.Dial))
		server, _ := ln.Accept()
		defer server.Close()
		f.Hang(true)
		server.Write([]byte("news"))
		client.SetReadDeadline(time.Now().Add(time.Second))
		if n, err := client.Read(make([]byte, 4)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("during the partition: %d, %v", n, err)
		}
		client.SetReadDeadline(time.Time{})
		f.Heal()
		buf := make([]byte, 4)
		if _, err := io.ReadFull(client, buf); err != nil || string(buf) != "news" {
			t.Errorf("after it: %q, %v", buf, err)
		}
	})
}

func TestDrops(t *testing.T) {
	tests := []struct {
		name string
		drop func(f *testnet.Faults)
		err  error
		// By the server, after: other, commit, commit, commit.
		seen string
	}{
		{"replies", func(f *testnet.Faults) { f.DropReplies(2, testnet.Containing("commit")) }, io.EOF,
			"other,commit1,commit2,commit3"},
		{"requests", func(f *testnet.Faults) { f.DropRequests(2, testnet.Containing("commit")) }, syscall.ECONNRESET,
			"other,commit3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, f := newEcho(t), &testnet.Faults{}
				d := f.Wrap(e.ln.Dial)
				c := dial(t, d)
				// Acts on live connections.
				tt.drop(f)
				mustAsk(t, c, "other")
				wantErr(t, c, "commit1", tt.err)
				wantErr(t, c, "after", syscall.EPIPE)
				wantErr(t, dial(t, d), "commit2", tt.err)
				if f.Pending() != 0 {
					t.Errorf("pending = %d", f.Pending())
				}
				mustAsk(t, dial(t, d), "commit3")
				if got := e.lines(); got != tt.seen {
					t.Errorf("the server saw %q, want %q", got, tt.seen)
				}
			})
		})
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, f := newEcho(t), &testnet.Faults{}
		c := dial(t, f.Wrap(e.ln.Dial))
		mustAsk(t, c, "a")
		f.Delay(3 * time.Second)
		start := time.Now()
		mustAsk(t, c, "b")
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		// Longer than the deadline of ask.
		f.Delay(time.Hour)
		wantErr(t, c, "c", os.ErrDeadlineExceeded)
		f.DropReplies(1, nil)
		f.Heal()
		mustAsk(t, dial(t, f.Wrap(e.ln.Dial)), "d")
		if got := e.lines(); got != "a,b,c,d" {
			t.Errorf("the server saw %q", got)
		}
	})
}

// The same, as net/http meets it: keep-alive, a large body, a client timeout.
func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln, f := testnet.NewListener("10.0.0.1:80"), &testnet.Faults{}
		body := bytes.Repeat([]byte("0123456789"), 100_000)
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(ln) }()
		transport := &http.Transport{DialContext: f.Wrap(ln.Dial)}
		client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
		get := func() error {
			resp, err := client.Get("http://10.0.0.1/")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err == nil && !bytes.Equal(got, body) {
				t.Errorf("got %d bytes", len(got))
			}
			return err
		}
		for range 3 {
			if err := get(); err != nil {
				t.Fatal(err)
			}
		}
		f.Hang(true)
		start := time.Now()
		if err := get(); !os.IsTimeout(err) || time.Since(start) != 10*time.Second {
			t.Errorf("partition: %v after %v", err, time.Since(start))
		}
		f.Heal()
		if err := get(); err != nil {
			t.Errorf("after the partition: %v", err)
		}
		transport.CloseIdleConnections()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// The wrapper works over real sockets too, outside of bubbles.
func TestOverTCP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	e := &echo{}
	conns.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { e.serve(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); conns.Wait() })
	f := &testnet.Faults{}
	d := f.Wrap(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, ln.Addr().String())
	})
	c := dial(t, d)
	mustAsk(t, c, "a")
	f.DropReplies(1, nil)
	wantErr(t, c, "b", io.EOF)
	f.DropRequests(1, nil)
	wantErr(t, dial(t, d), "c", syscall.ECONNRESET)
	c = dial(t, d)
	mustAsk(t, c, "d")
	f.Refuse(true)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("refuse: %v", err)
	}
	if got := e.lines(); got != "a,b,d" {
		t.Errorf("the server saw %q", got)
	}
}
