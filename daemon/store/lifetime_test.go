package store_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/store"
)

// moved is a name that leads to one of two servers, which both stay up.
type moved struct {
	old, new *miniredis.Miniredis
	away     bool
}

func newMoved(t *testing.T) *moved {
	m := &moved{old: miniredis.NewMiniRedis(), new: miniredis.NewMiniRedis()}
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
	if m.away {
		return m.new.Dial()
	}
	return m.old.Dial()
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
	synctest.Test(t, func(t *testing.T) {
		m := newMoved(t)
		client, err := store.Connect(store.Options{URL: "redis://redis.internal", Timeout: 2 * time.Second, Dial: m.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		check(t, "before", answers(t, client), [2]string{"old", "old"})
		m.away = true
		for range 50 {
			time.Sleep(2 * time.Second)
			check(t, "a connection in use", client.Get(t.Context(), "who").Val(), "old")
		}
		time.Sleep(20*time.Second + time.Millisecond)
		check(t, "two minutes later", answers(t, client), [2]string{"new", "new"})
		check(t, "for good", client.Get(t.Context(), "who").Val(), "new")
	})
}
