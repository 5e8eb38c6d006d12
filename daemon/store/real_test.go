package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// full makes Redis refuse every write that needs memory.
func (w *world) full() {
	w.Helper()
	w.do("config", "set", "maxmemory-policy", "noeviction")
	w.do("config", "set", "maxmemory", "1")
}

// refused fails unless err is Redis' own refusal of that kind.
func (w *world) refused(err error, kind string) {
	w.Helper()
	if err == nil || !strings.Contains(err.Error(), kind) || !store.Definite(err) {
		w.Errorf("error = %v, want a definite %s", err, kind)
	}
}

func TestFullRedis(t *testing.T) {
	s := ownServer(t)

	t.Run("no mint begins", func(t *testing.T) {
		w := serverWorld(t, s)
		w.mint("a1", token(1))
		before := w.content()
		w.full()
		defer w.do("config", "set", "maxmemory", "0")
		o := w.observe()
		check(w, "observed token", o.Value.Token, token(1))
		_, err := w.store.Begin(w.Context(), w.c, o, newBegin(o, attempt("a2")))
		w.refused(err, "OOM")
		w.stays(before)
	})
	t.Run("no mint begins on an empty one", func(t *testing.T) {
		w := serverWorld(t, s)
		w.full()
		defer w.do("config", "set", "maxmemory", "0")
		o := w.observe()
		_, err := w.store.Begin(w.Context(), w.c, o, newBegin(o))
		w.refused(err, "OOM")
		w.stays(map[string]string{})
	})
	t.Run("a begun mint is committed", func(t *testing.T) {
		w := serverWorld(t, s)
		answer := w.mustBegin()
		w.full()
		defer w.do("config", "set", "maxmemory", "0")
		m := store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order}
		status, _ := w.commit(m)
		check(w, "status", status, store.Committed)
		o := w.observe()
		check(w, "value", o.Value.Token, token(1))
		check(w, "lease", o.Lease, "")
		status, _ = w.commit(m)
		check(w, "asked again", status, store.Already)
	})
	t.Run("abort, restore and re-assert are refused and can be asked again", func(t *testing.T) {
		w := serverWorld(t, s)
		w.mint("a1", token(1))
		w.do("del", w.c.Keys.Value)
		w.mustBegin(attempt("a2"))
		before := w.content()
		w.full()
		_, err := w.store.Abort(w.Context(), w.c, store.Abort{Attempt: "a2", Wait: time.Minute})
		w.refused(err, "OOM")
		_, _, err = w.store.Reassert(w.Context(), w.c, w.observe())
		w.refused(err, "OOM")
		w.stays(before)
		w.do("config", "set", "maxmemory", "0")
		check(w, "abort", w.abort(store.Abort{Attempt: "a2", Wait: time.Minute}), store.Aborted)
		o := w.observe()
		w.full()
		_, _, err = w.store.Restore(w.Context(), w.c, o, w.remembered(token(2)))
		w.refused(err, "OOM")
		w.do("config", "set", "maxmemory", "0")
		check(w, "restore", w.restore(o, w.remembered(token(2))), store.Restored)
	})
}

// A replica answers observations and refuses the rest; when it is promoted, it
// has the state of the scripts' effects.
func TestReplicaAndFailover(t *testing.T) {
	primary, standby := ownServer(t), ownServer(t)
	w := serverWorld(t, primary)
	w.mint("a1", token(1))
	answer := w.mustBegin(attempt("a2"))
	before := w.content()

	r := &world{T: t, admin: standby.admin(t, 0), c: w.c, options: store.Options{
		URL: secret.Secret("redis://" + standby.addr), Timeout: 5 * time.Second,
	}}
	r.connect()
	host, port, _ := net.SplitHostPort(primary.addr)
	r.do("replicaof", host, port)
	// Not WAIT: Valkey counts a replica that has the data and has not loaded it.
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(r.do("info", "replication").(string), "master_link_status:up") {
		if time.Now().After(deadline) {
			t.Fatal("the replica is not in step")
		}
	}

	o := r.observe()
	check(w, "value", o.Value.Token, token(1))
	check(w, "lease", o.Lease, "a2")
	_, err := r.store.Begin(r.Context(), r.c, o, newBegin(o, attempt("a2")))
	r.refused(err, "READONLY")
	_, _, err = r.store.Commit(r.Context(), r.c, store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour,
		T0: answer.T0, Order: answer.Order})
	r.refused(err, "READONLY")
	_, err = r.store.Abort(r.Context(), r.c, store.Abort{Attempt: "a2"})
	r.refused(err, "READONLY")
	r.stays(before)

	primary.stop()
	r.do("replicaof", "no", "one")
	status, _ := r.commit(store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour, T0: answer.T0,
		Order: answer.Order})
	check(w, "commit after the failover", status, store.Committed)
	check(w, "value", r.observe().Value.Token, token(2))
}

// Redis comes back empty and without scripts, at the same address.
func TestRestartedRedis(t *testing.T) {
	s := ownServer(t)
	w := serverWorld(t, s)
	w.mint("a1", token(1))
	s.stop()
	r := w.store.Observe(w.Context(), w.c)
	if r.Err == nil || store.Definite(r.Err) {
		t.Errorf("error = %v, want one of the network", r.Err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	// Two connections may have been in the pool; each is found dead once.
	for range 2 {
		if r = w.store.Observe(w.Context(), w.c); r.Err == nil {
			break
		}
	}
	if r.Err != nil || r.Observation.Value.Present {
		t.Fatalf("after the restart: %+v", r)
	}
	w.admin = s.admin(t, 0)
	w.mint("a2", token(2))
	check(w, "value", w.observe().Value.Token, token(2))
}

// A server that accepts and never answers costs the timeout and no more.
func TestHungServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	start := time.Now()
	err = observeWith(t, store.Options{URL: secret.Secret("redis://" + l.Addr().String()),
		Timeout: 100 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want a timeout", err)
	}
	if store.Definite(err) {
		t.Error("a timeout counts as definite")
	}
	if took := time.Since(start); took > 2*time.Second { // the library's own limits begin at 3 s
		t.Errorf("took %v", took)
	}
}

// counted counts the open connections of a dial function.
type counted struct {
	net.Conn
	close func()
}

func (c *counted) Close() error {
	c.close()
	return c.Conn.Close()
}

// Five hundred sidecars share one Redis: each has two connections at most.
func TestTwoConnections(t *testing.T) {
	w := tcpWorld(t)
	var open, most atomic.Int64
	dial := w.options.Dial
	w.options.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		now := open.Add(1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		return &counted{c, sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
	w.connect()
	all := make([]store.Slot, 50)
	for i := range all {
		all[i] = w.c
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 5 {
				for _, look := range w.store.ObserveAll(w.Context(), all) {
					if err := look().Err; err != nil {
						t.Error(err)
					}
				}
				o := store.Observation{}
				if _, err := w.store.Begin(w.Context(), w.c, o, newBegin(o, attempt(fmt.Sprint("c", i)))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	clients := strings.Count(w.do("client", "list").(string), "addr=") / 2 // addr= and laddr=
	check(w, "open connections", open.Load() <= 2 && most.Load() <= 2, true)
	t.Logf("at most %d connections, Redis sees %d clients", most.Load(), clients)
}

// As many connections as configured, and who finds none free is told that, and
// not that Redis is silent.
func TestConnections(t *testing.T) {
	w := tcpWorld(t)
	for configured, want := range map[int]int{0: 2, 1: 1, 5: 5} {
		w.options.Connections, w.options.Timeout = configured, 200*time.Millisecond
		w.connect()
		var held []*redis.Conn
		for range want {
			c := w.client.(*redis.Client).Conn()
			held = append(held, c)
			if err := c.Ping(t.Context()).Err(); err != nil {
				t.Fatalf("%d connections: %v", len(held), err)
			}
		}
		err := w.store.Observe(t.Context(), w.c).Err
		if err == nil {
			t.Fatalf("more than %d connections", want)
		}
		if got := store.Explain(err).What; !strings.HasPrefix(got, "no connection was free") {
			t.Errorf("%v is explained as %s", err, got)
		}
		for _, c := range held {
			_ = c.Close()
		}
		w.observe()
	}
}

// A name server that is silent is named, and not the Redis behind it, whatever
// ends first.
func TestSilentNameServer(t *testing.T) {
	deaf := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: deaf}}
	for range 3 {
		err := observeWith(t, store.Options{URL: "redis://redis.invalid", Timeout: time.Second,
			Dial: dialer.DialContext})
		if got := store.Explain(err).What; got != "the host name cannot be resolved" {
			t.Fatalf("%v is explained as %s", err, got)
		}
	}
}
