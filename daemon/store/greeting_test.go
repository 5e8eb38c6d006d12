package store_test

import (
	"bytes"
	"context"
	"net"
	"testing"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// narrow is a connection through a proxy that hangs up at the commands that
// only greet a server. twemproxy is one of that kind.
type narrow struct{ net.Conn }

func (n narrow) Write(p []byte) (int, error) {
	for _, command := range []string{"hello", "client", "ping", "info", "time", "config", "command"} {
		if bytes.Contains(bytes.ToLower(p), []byte("\r\n"+command+"\r\n")) {
			return len(p), n.Close()
		}
	}
	return n.Conn.Write(p)
}

func dialNarrow(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	return narrow{c}, err
}

// All that a refresh needs passes such a proxy, with a password as well.
func TestProxyThatHangsUpAtGreetings(t *testing.T) {
	s := sharedServer(t)
	admin := s.admin(t, 0)
	setUser(t, admin, "reset", "on", ">pass", "~*", "+@all")
	for _, tt := range []struct{ name, url string }{
		{"nobody logs in", "redis://" + s.addr},
		{"a user logs in", "redis://wxtokend:pass@" + s.addr},
		{"another database", "redis://" + s.addr + "/6"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			newWorld(t, admin, store.Options{URL: secret.Secret(tt.url), Dial: dialNarrow}).mint("a1", token(1))
		})
	}
}

// A password of the whole server, as before there were users, goes without a name.
func TestPasswordOfTheServer(t *testing.T) {
	s := ownServer(t)
	if err := s.admin(t, 0).ConfigSet(t.Context(), "requirepass", "pass").Err(); err != nil {
		t.Fatal(err)
	}
	expectObserve(t, store.Options{URL: secret.Secret("redis://:pass@" + s.addr)}, "")
	expectObserve(t, store.Options{URL: secret.Secret("redis://" + s.addr)}, "NOAUTH")
	expectObserve(t, store.Options{URL: secret.Secret("redis://:wrong@" + s.addr)}, "WRONGPASS")
}
