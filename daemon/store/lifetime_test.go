package store_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	miniserver "github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/store"
)

// moved is a name that leads to one of two servers, which both stay up.
type moved struct {
	old, new *miniredis.Miniredis
	away     *atomic.Bool
}

func newMoved(t *testing.T) *moved {
	m := &moved{miniredis.NewMiniRedis(), miniredis.NewMiniRedis(), &atomic.Bool{}}
	t.Cleanup(m.old.Close)
	t.Cleanup(m.new.Close)
	for server, name := range map[*miniredis.Miniredis]string{m.old: "old", m.new: "new"} {
		if err := server.Set("who", name); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *moved) dial(context.Context, string, string) (net.Conn, error) {
	if m.away.Load() {
		return m.new.Dial()
	}
	return m.old.Dial()
}

// sentinels are two more servers, of which the first names the old server the
// master and the second the new one. Their name moves with away.
func (m *moved) sentinels(t *testing.T) store.Options {
	t.Helper()
	names := moved{miniredis.NewMiniRedis(), miniredis.NewMiniRedis(), m.away}
	for sentinel, host := range map[*miniredis.Miniredis]string{names.old: "192.0.2.1", names.new: "192.0.2.2"} {
		t.Cleanup(sentinel.Close)
		conn, err := sentinel.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		answer := func(c *miniserver.Peer, _ string, args []string) {
			if args[0] == "get-master-addr-by-name" {
				c.WriteStrings([]string{host, "6379"})
				return
			}
			c.WriteLen(0)
		}
		if err := sentinel.Server().Register("SENTINEL", answer); err != nil {
			t.Fatal(err)
		}
	}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		switch addr {
		case "192.0.2.1:6379":
			return m.old.Dial()
		case "192.0.2.2:6379":
			return m.new.Dial()
		}
		return names.dial(ctx, network, addr)
	}
	return store.Options{Master: "mymaster", Sentinels: []string{"sentinel.internal:26379"}, Dial: dial}
}

// answers asks by both connections, which are taken from the pool together.
func answers(t *testing.T, client redis.UniversalClient) (who [2]string) {
	t.Helper()
	for i := range who {
		c := client.(*redis.Client).Conn()
		defer c.Close()
		who[i] = c.Get(t.Context(), "who").Val()
	}
	return who
}

// A name that moves to another server is followed within two minutes, also by
// the connection that was used a moment ago and by the one that lay idle.
func TestConnectionsFollowANameThatMoves(t *testing.T) {
	for name, options := range map[string]func(t *testing.T, m *moved) store.Options{
		"of Redis": func(_ *testing.T, m *moved) store.Options {
			return store.Options{URL: "redis://redis.internal", Dial: m.dial}
		},
		"of the sentinels": func(t *testing.T, m *moved) store.Options { return m.sentinels(t) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMoved(t)
				o := options(t, m)
				o.Timeout = 2 * time.Second
				m.follow(t, o)
			})
		})
	}
}

// follow moves the name and waits until everything has to have moved.
func (m *moved) follow(t *testing.T, o store.Options) {
	t.Helper()
	client, err := store.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	check(t, "before", answers(t, client), [2]string{"old", "old"})
	m.away.Store(true)
	for range 50 {
		time.Sleep(2 * time.Second)
		check(t, "a connection in use", client.Get(t.Context(), "who").Val(), "old")
	}
	time.Sleep(20*time.Second + time.Millisecond)
	check(t, "two minutes later", answers(t, client), [2]string{"new", "new"})
	check(t, "for good", client.Get(t.Context(), "who").Val(), "new")
}
