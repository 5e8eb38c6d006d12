package testnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/testnet"
)

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
