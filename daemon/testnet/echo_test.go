package testnet_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
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
