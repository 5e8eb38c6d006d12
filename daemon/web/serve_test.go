package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/testnet"
	"wxtokend/daemon/web"
)

// server is one Serve in a bubble.
type server struct {
	ln   *testnet.Listener
	stop context.CancelFunc
	done chan error
	// Read it after done.
	log *bytes.Buffer
}

func serve(t *testing.T, h http.HandlerFunc) *server {
	ctx, stop := context.WithCancel(t.Context())
	s := &server{testnet.NewListener("10.0.0.1:9477"), stop, make(chan error, 1), new(bytes.Buffer)}
	go func() { s.done <- web.Serve(ctx, s.ln, h, slog.New(slog.NewTextHandler(s.log, nil))) }()
	return s
}

// get asks once, and reports what came on the channel.
func (s *server) get(ctx context.Context) <-chan string {
	out := make(chan string, 1)
	go func() {
		transport := &http.Transport{DialContext: s.ln.Dial, DisableKeepAlives: true}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://10.0.0.1:9477/", nil)
		if err != nil {
			out <- err.Error()
			return
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			out <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			out <- err.Error()
			return
		}
		out <- string(body)
	}()
	return out
}

func TestServeFinishesTheRequestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(400 * time.Millisecond)
			_, _ = io.WriteString(w, "late but whole")
		})
		inFlight := s.get(t.Context())
		synctest.Wait()
		start := time.Now()
		s.stop()
		synctest.Wait()
		if got := <-s.get(t.Context()); !strings.Contains(got, syscall.ECONNREFUSED.Error()) {
			t.Errorf("a new request after the stop: %s", got)
		}
		if got := <-inFlight; got != "late but whole" {
			t.Errorf("the request in flight: %s", got)
		}
		if err := <-s.done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		// Shutdown looks for idle connections in steps of half a second at most.
		if took := time.Since(start); took > 600*time.Millisecond {
			t.Errorf("Serve took %v to return after 0.4 s of work", took)
		}
		if s.log.Len() > 0 {
			t.Errorf("logged %s", s.log)
		}
	})
}

func TestServeCutsOffAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		inFlight := s.get(t.Context())
		synctest.Wait()
		start := time.Now()
		s.stop()
		if err := <-s.done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("Serve returned after %v", took)
		}
		if got := <-inFlight; !strings.Contains(got, "EOF") && !strings.Contains(got, "reset") {
			t.Errorf("the request in flight: %q", got)
		}
		if got := s.log.String(); !strings.Contains(got, "http requests cut off") {
			t.Errorf("logged %q", got)
		}
	})
}

func TestServeIdleStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		synctest.Wait()
		start := time.Now()
		s.stop()
		if err := <-s.done; err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// A client that opens a connection and says nothing must not keep it.
func TestServeDropsSilentClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		conn, err := s.ln.Dial(t.Context(), "tcp", "10.0.0.1:9477")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: 10"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("read: %v", err)
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("dropped after %v", took)
		}
		s.stop()
		<-s.done
	})
}

func TestServeLimitsHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		conn, err := s.ln.Dial(t.Context(), "tcp", "10.0.0.1:9477")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 32<<10)+"\r\n\r\n")
		}()
		answer, err := io.ReadAll(conn)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 431 ") {
			t.Errorf("%q, %v", answer, err)
		}
		s.stop()
		<-s.done
	})
}

type brokenListener struct{ net.Listener }

var errAccept = errors.New("accept: broken")

func (brokenListener) Accept() (net.Conn, error) { return nil, errAccept }

func TestServeReportsABrokenListener(t *testing.T) {
	ln := brokenListener{testnet.NewListener("10.0.0.1:9477")}
	err := web.Serve(t.Context(), ln, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if !errors.Is(err, errAccept) || err.Error() != "serve http: accept: broken" {
		t.Errorf("%v", err)
	}
}
