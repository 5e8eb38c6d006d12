package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// server is a real redis-server, started by this test binary.
type server struct {
	addr, tlsAddr, socket string
	dir                   string
	args                  []string
	process               *exec.Cmd
	alive                 io.Closer
}

// guard runs a command until its own standard input ends, which it also does
// when the test binary panics: no server is left behind.
const guard = `"$@" </dev/null & exec >/dev/null 2>&1; cat; kill -9 $!; wait $!`

// shared serves every test that does not harm its server. The first test that
// needs it starts it, TestMain stops it.
var shared struct {
	once sync.Once
	*server
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.stop()
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// needRedis skips loudly where no redis-server is installed, and fails where
// somebody relies on the tests.
func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("CI=true, but redis-server is not installed: the store would only be tested against an imitation")
	}
	t.Skip("SKIPPED, NOT PASSED: redis-server is not installed (Debian: apt-get install redis-server)")
}

func sharedServer(t *testing.T) *server {
	t.Helper()
	needRedis(t)
	shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "wx")
		if err == nil {
			shared.server, err = startServer(dir, tlsArgs(t, dir)...)
		}
		shared.err = err
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// ownServer starts a server for one test.
func ownServer(t *testing.T, args ...string) *server {
	t.Helper()
	needRedis(t)
	// Not t.TempDir: its long path does not fit into a socket's address.
	dir, err := os.MkdirTemp("", "wx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := startServer(dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func startServer(dir string, args ...string) (*server, error) {
	s := &server{dir: dir, socket: filepath.Join(dir, "s"), args: args}
	var err error
	for range 3 { // between asking for a free port and using it somebody else may take it
		if s.addr, err = freeAddr(); err != nil {
			return nil, err
		}
		if s.tlsAddr, err = freeAddr(); err != nil {
			return nil, err
		}
		if err = s.start(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start runs redis-server and returns when it accepts connections. It keeps
// nothing on disk.
func (s *server) start() error {
	_, port, _ := net.SplitHostPort(s.addr)
	_, tlsPort, _ := net.SplitHostPort(s.tlsAddr)
	args := append([]string{
		"--port", port, "--bind", "127.0.0.1", "--unixsocket", s.socket, "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--repl-diskless-sync", "no",
	}, s.args...)
	if strings.Contains(strings.Join(s.args, " "), "--tls") {
		args = append(args, "--tls-port", tlsPort)
	}
	if err := s.run("eady to accept connections", args...); err != nil {
		return err
	}
	err := s.ping()
	if err != nil {
		s.stop()
	}
	return err
}

// run returns when the server has said that it is ready.
func (s *server) run(ready string, args ...string) error {
	s.process = exec.Command("sh", append([]string{"-c", guard, "sh", "redis-server"}, args...)...)
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if s.alive, err = s.process.StdinPipe(); err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	var log strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), ready) {
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // a full pipe would stop the server
			return nil
		}
	}
	s.stop()
	return fmt.Errorf("redis-server ended:\n%s", log.String())
}

func (s *server) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	defer client.Close()
	return client.Ping(ctx).Err()
}

// stop kills the server, as a power failure would.
func (s *server) stop() {
	_ = s.alive.Close()
	_ = s.process.Wait() // says that it was killed
}

// admin is a client with all rights.
func (s *server) admin(t *testing.T, db int) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket, DB: db, Protocol: 2})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
