package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// proxy stands between a daemon and its Redis. The first connection on which
// the client says the word gets no further reply: what was asked is done, and
// nobody learns of it. The connection stays open, as when a cable is pulled.
type proxy struct {
	addr, to string
	word     []byte
	said     atomic.Bool
}

func startProxy(t *testing.T, to, word string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	p := &proxy{addr: ln.Addr().String(), to: to, word: []byte(word)}
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	back := &muted{Conn: client}
	go func() {
		defer server.Close()
		_, _ = io.Copy(server, io.TeeReader(client, &ear{proxy: p, heard: &back.deaf}))
	}()
	_, _ = io.Copy(back, server)
}

// ear listens for the word in all that a client says.
type ear struct {
	*proxy
	text  []byte
	heard *atomic.Bool
}

func (e *ear) Write(b []byte) (int, error) {
	e.text = append(e.text, b...)
	if bytes.Contains(e.text, e.word) && e.said.CompareAndSwap(false, true) {
		e.heard.Store(true) // before the server gets it
	}
	e.text = e.text[max(0, len(e.text)-len(e.word)):]
	return len(b), nil
}

// muted swallows what it is told to write while deaf.
type muted struct {
	net.Conn
	deaf atomic.Bool
}

func (m *muted) Write(b []byte) (int, error) {
	if m.deaf.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

// TestRedisReplyLost: asked again, a script that was applied answers the same
// and does nothing twice.
func TestRedisReplyLost(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"begin", "commit"} {
		for _, api := range []string{"stable", "classic"} {
			t.Run(script+"/"+api, func(t *testing.T) {
				w := inParallel(t, api, scaled())
				// A Redis that does not know a script yet is sent the source, which begins with its name.
				p := startProxy(t, w.redis.addr, "\n-- "+script+": ")
				w.settings.redis = strings.Replace(w.settings.redis, w.redis.addr, p.addr, 1)
				d := w.start()
				failed := fmt.Sprintf(`wxtokend_redis_operations_total{op=%q,result="error"`, script)
				eventually(t, startup, "the reply is lost", func() error {
					if n := d.metric(failed); n == 0 {
						return fmt.Errorf("%s: %v", failed, n)
					}
					return nil
				})
				w.good(startup)
				d.settled()
				if n := d.metric(`wxtokend_refreshes_total{key="WXAccessToken",result="new"`); n != 1 {
					t.Errorf("%v refreshes are counted, want 1", n)
				}
				w.mints(1, 1)
				w.never(refused)
				if calls := w.redis.HGet(w.Context(), w.stateKey(), "calls").Val(); calls != "1" {
					t.Errorf("Redis counts %s calls, want 1", calls)
				}
				t.Logf("one reply of %s lost, %d call", script, w.calls())
			})
		}
	}
}
