package wechatsim_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

// site is a simulator behind a network in memory, with an http.Client.
type site struct {
	sim
	client *http.Client
	stop   func()
}

func online(t *testing.T, change func(*wechatsim.Options), f func(t *testing.T, s site)) {
	t.Helper()
	inBubble(t, change, func(t *testing.T, s sim) {
		ln := testnet.NewListener("10.0.0.1:80")
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, ln) }()
		transport := &http.Transport{DialContext: ln.From(caller), DisableKeepAlives: true}
		stop := func() {
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
			transport.CloseIdleConnections()
		}
		f(t, site{s, &http.Client{
			Transport:     transport,
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}, stop})
		stop()
	})
}

// result is what a client met.
type result struct {
	status int
	header http.Header
	body   string
	err    error
	took   time.Duration
}

func (s site) fetch(method, url, body string) (r result) {
	s.t.Helper()
	start := time.Now()
	defer func() { r.took = time.Since(start) }()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://10.0.0.1"+url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return result{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 3<<20))
	return result{status: resp.StatusCode, header: resp.Header, body: string(text), err: err}
}

func (s site) mint() result { s.t.Helper(); return s.fetch("GET", classicURL(appid, pass), "") }

func (s site) inject(f wechatsim.Fault) int {
	s.t.Helper()
	id, err := s.Inject(f)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// Serve ends although faults hold calls, and leaves no goroutine: the bubble
// itself would report one.
func TestServeEndsWithItsContext(t *testing.T) {
	for _, kind := range []wechatsim.FaultKind{wechatsim.FaultHang, wechatsim.FaultEndless, wechatsim.FaultSlowBody} {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, s sim) {
				ln := testnet.NewListener("10.0.0.1:80")
				ctx, cancel := context.WithCancel(t.Context())
				served := make(chan error, 1)
				go func() { served <- s.Serve(ctx, ln) }()
				_, err := s.Inject(wechatsim.Fault{Kind: kind})
				s.must(err)
				// A client that sends a request and never reads or leaves.
				c, err := ln.Dial(ctx, "tcp", "10.0.0.1:80")
				s.must(err)
				defer c.Close()
				_, err = io.WriteString(c, "GET "+classicURL(appid, pass)+" HTTP/1.1\r\nHost: x\r\n\r\n")
				s.must(err)
				time.Sleep(time.Minute)
				start := time.Now()
				cancel()
				if err := <-served; err != nil {
					t.Error(err)
				}
				// Only a handler that is stuck in a write has to be cut off.
				most := 100 * time.Millisecond
				if kind == wechatsim.FaultEndless {
					most = 2 * time.Second
				}
				if took := time.Since(start); took > most {
					t.Errorf("it took %v to end", took)
				}
				if _, err := ln.Dial(t.Context(), "tcp", ""); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("the port is still open: %v", err)
				}
			})
		})
	}
}

// The server's own timeouts must not end a hang before the client does.
func TestHangOutlastsTheReadTimeout(t *testing.T) {
	online(t, nil, func(t *testing.T, s site) {
		s.client.Timeout = 10 * time.Minute
		s.inject(wechatsim.Fault{Kind: wechatsim.FaultHang})
		for _, r := range []result{s.mint(), s.fetch("POST", wechatsim.PathStableToken, stableBody(appid, pass, false))} {
			if !errors.Is(r.err, context.DeadlineExceeded) || r.took != 10*time.Minute {
				t.Errorf("%v after %v", r.err, r.took)
			}
		}
	})
}

func TestServeReportsALostListener(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		ln := testnet.NewListener("10.0.0.1:80")
		ln.Close()
		if err := s.Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}

// A client over TLS meets a handshake that fails, the next one does not; a
// call in the clear does not use the fault up.
func TestFaultTLS(t *testing.T) {
	s, err := wechatsim.New(wechatsim.Options{Apps: []wechatsim.App{{AppID: appid, Secret: pass}}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(s)
	srv.TLS = &tls.Config{GetConfigForClient: s.ConfigForClient}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	if _, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultTLS, Times: 1}); err != nil {
		t.Fatal(err)
	}
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", classicURL(appid, pass), nil))
	if resp, err := srv.Client().Get(srv.URL + classicURL(appid, pass)); err == nil ||
		!strings.Contains(err.Error(), "remote error: tls: ") {
		t.Errorf("%v, %v", resp, err)
	}
	resp, err := srv.Client().Get(srv.URL + classicURL(appid, pass))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if calls := s.Calls(appid)[wechatsim.PathToken]; resp.StatusCode != 200 || calls != 2 || len(s.Faults()) != 0 {
		t.Errorf("status %d, %d calls, faults left: %v", resp.StatusCode, calls, s.Faults())
	}
}
