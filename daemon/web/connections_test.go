package web_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// open makes n connections, and says of each on a channel when it is closed.
func (s *server) open(t *testing.T, n int, say string) (closed chan net.Conn) {
	t.Helper()
	closed = make(chan net.Conn, n)
	for range n {
		conn, err := s.ln.Dial(t.Context(), "tcp", "10.0.0.1:9477")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, say); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(io.Discard, conn)
			closed <- conn
		}()
		synctest.Wait()
	}
	return closed
}

// Who opens connections and leaves them must not use up memory, nor keep the
// probe out that decides whether this process lives on.
func TestServeKeepsRoomForProbes(t *testing.T) {
	for name, say := range map[string]string{
		"silent":           "",
		"half a header":    "GET / HTTP/1.1\r\nHost: 10",
		"idle":             "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
		"all of them busy": "GET /busy HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/busy" {
						<-r.Context().Done()
					}
					_, _ = io.WriteString(w, "ok")
				})
				closed := s.open(t, 2000, say)
				if kept := 2000 - len(closed); kept != 256 {
					t.Errorf("%d connections are kept", kept)
				}
				start := time.Now()
				if got := <-s.get(t.Context()); got != "ok" || time.Since(start) != 0 {
					t.Errorf("a probe got %q after %v", got, time.Since(start))
				}
				s.stop()
				<-s.done
			})
		})
	}
}

// Idle connections go before busy ones, and among them the longest idle one.
func TestServeClosesTheLongestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/busy" {
				<-r.Context().Done()
			}
		})
		busy := s.open(t, 1, "GET /busy HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n")
		first := s.open(t, 1, "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n")
		second := s.open(t, 254, "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n")
		if len(busy)+len(first)+len(second) != 0 {
			t.Error("closed with room for all")
		}
		s.open(t, 1, "")
		if len(busy) != 0 || len(first) != 1 || len(second) != 0 {
			t.Errorf("closed: busy %d, first %d, others %d", len(busy), len(first), len(second))
		}
		s.stop()
		<-s.done
	})
}

// A scraper that comes once a minute keeps its connection, and nobody keeps
// one for long.
func TestServeDropsIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		closed := s.open(t, 1, "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n")
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(closed) != 0 {
			t.Error("closed within a minute")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(closed) != 1 {
			t.Error("open after 70 s")
		}
		s.stop()
		<-s.done
	})
}
