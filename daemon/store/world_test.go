package store_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/testnet"
)

// world is one empty Redis with a store on it, reached in one of several ways.
type world struct {
	*testing.T
	options store.Options
	client  redis.UniversalClient
	store   *store.Store
	admin   *redis.Client
	faults  *testnet.Faults // nil where the real network is needed
	mini    *miniredis.Miniredis
	c       store.Slot
}

// The ways to reach Redis. The contract holds in each of them.
var ways = []struct {
	name string
	open func(t *testing.T) *world
}{
	{"miniredis", miniWorld},
	{"redis", tcpWorld},
	{"redis by socket with minimal rights", socketWorld},
	{"redis by TLS with a password file", tlsWorld},
}

// everywhere runs test against each kind of Redis.
func everywhere(t *testing.T, test func(w *world)) {
	t.Helper()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) { test(way.open(t)) })
	}
}

// breakable runs test where replies can be lost.
func breakable(t *testing.T, test func(w *world)) {
	t.Helper()
	for _, way := range ways[:2] {
		t.Run(way.name, func(t *testing.T) { test(way.open(t)) })
	}
}

func miniWorld(t *testing.T) *world {
	t.Helper()
	mini := miniredis.NewMiniRedis()
	mini.ClockTTL(true)
	dial := func(context.Context, string, string) (net.Conn, error) { return mini.Dial() }
	admin := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", Dialer: dial, Protocol: 2})
	t.Cleanup(mini.Close)
	t.Cleanup(func() { _ = admin.Close() })
	faults := &testnet.Faults{}
	w := newWorld(t, admin, store.Options{URL: "redis://127.0.0.1:6379", Dial: faults.Wrap(dial)})
	w.faults, w.mini = faults, mini
	return w
}

func tcpWorld(t *testing.T) *world {
	t.Helper()
	return serverWorld(t, sharedServer(t))
}

func serverWorld(t *testing.T, s *server) *world {
	t.Helper()
	faults := &testnet.Faults{}
	w := newWorld(t, s.admin(t, 0), store.Options{URL: secret.Secret("redis://" + s.addr),
		Dial: faults.Wrap((&net.Dialer{}).DialContext)})
	w.faults = faults
	return w
}

func socketWorld(t *testing.T) *world {
	t.Helper()
	s := sharedServer(t)
	admin := s.admin(t, 5)
	setUser(t, admin, aclRules(t)...)
	return newWorld(t, admin, store.Options{URL: secret.Secret("unix://wxtokend:pass@" + s.socket + "?db=5")})
}

func tlsWorld(t *testing.T) *world {
	t.Helper()
	s := sharedServer(t)
	admin := s.admin(t, 3)
	setUser(t, admin, "reset", "on", ">from file", "~*", "+@all")
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, []byte("from file\n"))
	config, err := store.TLSFiles(t.Context(), filepath.Join(s.dir, "ca.pem"), "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(t, admin, store.Options{
		URL: secret.Secret("rediss://" + s.tlsAddr + "/3"), TLS: config, Username: "wxtokend", PasswordFile: file,
	})
}

func newWorld(t *testing.T, admin *redis.Client, o store.Options) *world {
	t.Helper()
	if err := admin.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	keys, err := store.NewKeys("WXAccessToken")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, admin: admin, options: o, c: store.Slot{
		Keys: keys, Account: "wx0123456789abcdef", Issuer: "api.weixin.qq.com", API: "classic",
		Encode: layout.Target{Format: layout.JSON, UTCOffset: "+0800"}.Encode, Lease: 30 * time.Second,
		Overlap: 5 * time.Minute,
		Poll:    2 * time.Second, VerifyEvery: 5 * time.Minute,
	}}
	w.options.Timeout = 5 * time.Second
	w.connect()
	return w
}

// connect replaces the client by a new one with the present options.
func (w *world) connect() {
	w.Helper()
	client, err := store.Connect(w.options)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = client.Close() })
	w.client, w.store = client, store.New(client, w.options.Timeout, layout.Decode)
}

func (w *world) observe() store.Observation {
	w.Helper()
	r := w.store.Observe(w.Context(), w.c)
	if r.Err != nil {
		w.Fatal(r.Err)
	}
	return r.Observation
}

type edit = func(*store.Begin)

func attempt(id string) edit { return func(b *store.Begin) { b.Attempt = id } }

// begin asks on what Redis holds now.
func (w *world) begin(edits ...edit) store.BeginAnswer {
	w.Helper()
	return w.beginOn(w.observe(), edits...)
}

func (w *world) beginOn(o store.Observation, edits ...edit) store.BeginAnswer {
	w.Helper()
	answer, err := w.store.Begin(w.Context(), w.c, o, newBegin(o, edits...))
	if err != nil {
		w.Fatal(err)
	}
	return answer
}

// newBegin is attempt a1, after which the fleet waits a second.
func newBegin(o store.Observation, edits ...edit) store.Begin {
	b := store.Begin{
		Attempt: "a1", Wait: time.Second, Day: store.Day(o.Now), Secret: "5ec2e7ff",
	}
	for _, e := range edits {
		e(&b)
	}
	return b
}

func (w *world) mustBegin(edits ...edit) store.BeginAnswer {
	w.Helper()
	answer := w.begin(edits...)
	if answer.Status != store.Begun {
		w.Fatalf("begin = %+v", answer)
	}
	return answer
}

func (w *world) commit(m store.Commit) (store.Status, bool) {
	w.Helper()
	status, unchanged, err := w.store.Commit(w.Context(), w.c, m)
	if err != nil {
		w.Fatal(err)
	}
	return status, unchanged
}

// mint is an undisturbed refresh, from begin to commit.
func (w *world) mint(id string, token secret.Token) store.Commit {
	w.Helper()
	answer := w.mustBegin(attempt(id))
	m := store.Commit{Attempt: id, Token: token, ExpiresIn: 2 * time.Hour, T0: answer.T0, Order: answer.Order,
		UnchangedWait: 27 * time.Second}
	if status, _ := w.commit(m); status != store.Committed {
		w.Fatalf("commit = %s", status)
	}
	return m
}

func (w *world) abort(a store.Abort) store.Status {
	w.Helper()
	status, err := w.store.Abort(w.Context(), w.c, a)
	if err != nil {
		w.Fatal(err)
	}
	return status
}

// token is as long as WeChat's are.
func token(n int) secret.Token { return secret.Token(fmt.Sprintf("57_%0109d", n)) }

// now is the server's time.
func (w *world) now() time.Time {
	w.Helper()
	now, err := w.admin.Time(w.Context()).Result()
	if err != nil {
		w.Fatal(err)
	}
	return now.UTC().Truncate(time.Millisecond)
}
