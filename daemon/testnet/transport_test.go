package testnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/testnet"
)

// The faults as net/http meets them: keep-alive, a large body, a client timeout.
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
