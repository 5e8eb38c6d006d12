package store_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// startSentinel starts a sentinel of s whose password is the given one.
func startSentinel(t *testing.T, s *server, password string) (addr string, admin *redis.Client) {
	t.Helper()
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	_, masterPort, _ := net.SplitHostPort(s.addr)
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	write(t, file, fmt.Appendf(nil,
		"port %s\nbind 127.0.0.1\ndir %s\nrequirepass %s\nsentinel monitor mymaster 127.0.0.1 %s 1\n", port, dir,
		password, masterPort))
	process := exec.Command("sh", "-c", guard, "sh", "redis-server", file, "--sentinel")
	alive, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = alive.Close(); _ = process.Wait() })
	admin = redis.NewClient(&redis.Options{Addr: addr, Password: password, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { _ = admin.Close() })
	for range 100 {
		if err = admin.Ping(t.Context()).Err(); err == nil {
			return addr, admin
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(err)
	return "", nil
}

// TestSentinelPasswordFileRotates: each connection to a sentinel logs in with
// what the file holds then, and that password goes to sentinels alone.
func TestSentinelPasswordFileRotates(t *testing.T) {
	s := ownServer(t)
	addr, admin := startSentinel(t, s, "first")
	data := s.admin(t, 2)
	if err := data.ConfigSet(t.Context(), "requirepass", "of redis").Err(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, []byte("first\n"))
	o := store.Options{Master: "mymaster", Sentinels: []string{addr}, SentinelPasswordFile: file, DB: 2,
		Password: secret.Secret("of redis")}
	expectObserve(t, o, "")

	o.Timeout = 5 * time.Second
	client, err := store.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Set(t.Context(), "here", "x", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.Do(t.Context(), "acl", "setuser", "default", "resetpass", ">second").Err(); err != nil {
		t.Fatal(err)
	}
	expectObserve(t, o, "WRONGPASS")
	write(t, file, []byte("second\n"))
	expectObserve(t, o, "")

	auth := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket, DB: 2, Password: "of redis", Protocol: 2})
	defer auth.Close()
	if got := auth.Get(t.Context(), "here").Val(); got != "x" {
		t.Errorf("database 2 holds %q", got)
	}
}
