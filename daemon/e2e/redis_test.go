package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// password is that of every Redis here, so that every test would notice it in
// a log, and rotated the one that follows.
const (
	password = "CANARY-redis-password"
	rotated  = "CANARY-rotated-password"
)

// server is a redis-server. Nothing of it is on disk, so a restart comes back empty.
type server struct {
	*process
	t    testing.TB
	addr string
	dir  string
	args []string
	*redis.Client
}

// needRedis skips loudly where no redis-server is installed, and fails where
// somebody relies on the tests.
func needRedis(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("CI=true, but redis-server is not installed")
	}
	t.Skip("SKIPPED, NOT PASSED: redis-server is not installed (Debian: apt-get install redis-server)")
}

// startRedis starts a server on a free port.
func startRedis(t testing.TB, args ...string) *server {
	t.Helper()
	needRedis(t)
	s := &server{t: t, dir: t.TempDir(), args: args}
	for attempt := 0; ; attempt++ { // between asking for a free port and using it somebody else may take it
		s.addr = freeAddr(t)
		err := s.tryStart()
		if err == nil {
			break
		}
		if attempt == 3 {
			t.Fatal(err)
		}
	}
	s.Client = redis.NewClient(&redis.Options{
		Addr: s.addr, Password: password, Protocol: 2, DisableIdentity: true,
		// A reader that reads each time; a Redis that is away is an answer too.
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DialTimeout: time.Second, ReadTimeout: time.Second,
	})
	t.Cleanup(func() { _ = s.Client.Close() })
	return s
}

// taken are the ports that were given to a test of this process.
var taken sync.Map

// freeAddr finds a port that stays free while its server is killed and
// restarted: one below those that the system gives to outgoing connections.
// The bus of a Cluster has its own range, 10,000 further up.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 12_000+rand.IntN(10_000))
		if _, used := taken.LoadOrStore(addr, true); used {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no free port between 12000 and 22000")
	return ""
}

func (s *server) port() int {
	_, text, _ := net.SplitHostPort(s.addr)
	port, _ := strconv.Atoi(text)
	return port
}

// start brings a server that was killed back on its old port.
func (s *server) start() {
	s.t.Helper()
	if err := s.tryStart(); err != nil {
		s.t.Fatal(err)
	}
}

// tryStart returns when the server answers.
func (s *server) tryStart() error {
	args := append([]string{
		"redis-server", "--port", strconv.Itoa(s.port()), "--bind", "127.0.0.1", "--dir", s.dir, "--requirepass", password,
		"--masterauth", password,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--repl-diskless-sync-delay", "0",
	}, s.args...)
	s.process = spawn(s.t, "redis-server "+s.addr, nil, args...)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if !s.running() {
			return fmt.Errorf("redis-server ended:\n%s", s.out.tail(20))
		}
		if s.out.has("eady to accept connections") {
			return nil
		}
	}
	return fmt.Errorf("redis-server does not start:\n%s", s.out.tail(20))
}

// do is an administrator's command, which has to succeed.
func (s *server) do(args ...any) any {
	s.t.Helper()
	answer, err := s.Client.Do(context.Background(), args...).Result()
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return answer
}

// passwordFile is one that the daemon reads at each connection.
func passwordFile(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	writeFile(t, file, password)
	return file
}

func writeFile(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}
