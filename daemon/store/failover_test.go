package store_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/store"
)

// watchMaster starts one sentinel that names s its master, with that password.
func watchMaster(t *testing.T, s *server, password string) *server {
	t.Helper()
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(s.addr)
	conf := filepath.Join(dir, "sentinel.conf")
	write(t, conf, fmt.Appendf(nil, "sentinel monitor mymaster 127.0.0.1 %s 1\nrequirepass %s\n", port, password))
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(addr)
	sentinel := &server{addr: addr, dir: dir}
	if err := sentinel.run("+monitor master", conf, "--sentinel", "--port", port, "--bind", "127.0.0.1", "--dir",
		dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sentinel.stop)
	return sentinel
}

// sentinelWorld reaches database 7 of a Redis through its sentinel, whose
// password is in a file.
func sentinelWorld(t *testing.T) (w *world, sentinel *redis.Client, file string) {
	t.Helper()
	s := ownServer(t)
	process := watchMaster(t, s, "first")
	sentinel = redis.NewClient(&redis.Options{Addr: process.addr, Password: "first", Protocol: 2})
	t.Cleanup(func() { _ = sentinel.Close() })
	file = filepath.Join(t.TempDir(), "password")
	write(t, file, []byte("first\n"))
	w = newWorld(t, s.admin(t, 7), store.Options{
		Master: "mymaster", Sentinels: []string{process.addr}, SentinelPasswordFile: file, DB: 7,
	})
	return w, sentinel, file
}

func TestDatabaseBehindSentinel(t *testing.T) {
	w, _, _ := sentinelWorld(t)
	w.mustBegin()
	check(t, "calls in database 7", w.content()[w.c.Keys.State+".calls"], "1")
}

// The password of the sentinels can change under a running daemon, as Redis' can.
func TestSentinelsPasswordRotates(t *testing.T) {
	w, sentinel, file := sentinelWorld(t)
	w.observe()
	for _, command := range [][]any{
		{"acl", "setuser", "default", "resetpass", ">second"},
		{"client", "kill", "type", "normal", "skipme", "yes"}, {"client", "kill", "type", "pubsub"},
	} {
		if err := sentinel.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	w.do("client", "kill", "type", "normal", "skipme", "yes")
	r := w.store.Observe(t.Context(), w.c)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "all sentinels specified") {
		t.Errorf("error = %v, want one that says that the sentinels refuse", r.Err)
	}
	write(t, file, []byte("second\n"))
	for deadline := time.Now().Add(5 * time.Second); r.Err != nil && time.Now().Before(deadline); {
		r = w.store.Observe(t.Context(), w.c)
	}
	if r.Err != nil {
		t.Error(r.Err)
	}
}

// A user of the sentinels that is not the default one.
func TestUserOfTheSentinels(t *testing.T) {
	w, sentinel, file := sentinelWorld(t)
	if err := sentinel.Do(t.Context(), "acl", "setuser", "watcher", "on", ">third", "+@all", "&*").Err(); err != nil {
		t.Fatal(err)
	}
	write(t, file, []byte("third"))
	w.options.SentinelUsername = "watcher"
	w.connect()
	w.observe()
	write(t, file, []byte("wrong"))
	w.options.Timeout = 2 * time.Second
	expectObserve(t, w.options, "WRONGPASS")
}
