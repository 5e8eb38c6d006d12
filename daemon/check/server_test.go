package check_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/store"
)

// TestMain silences the lines that go-redis writes by itself; the program sends
// them to its log.
func TestMain(m *testing.M) {
	redis.SetLogger(store.Logger{Log: slog.New(slog.DiscardHandler)})
	os.Exit(m.Run())
}

// server is a real redis-server, started for one test.
type server struct {
	addr  string
	admin *redis.Client // with all rights
}

// startRedis skips loudly where no redis-server is installed, and fails where
// somebody relies on the tests.
func startRedis(t *testing.T, args ...string) server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI=true, but redis-server is not installed: the check would not be tested against a Redis")
		}
		t.Skip("SKIPPED, NOT PASSED: redis-server is not installed (Debian: apt-get install redis-server)")
	}
	// Not t.TempDir: its long path does not fit into a socket's address.
	dir, err := os.MkdirTemp("", "wx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for range 3 { // between asking for a free port and using it somebody else may take it
		s := server{addr: freeAddr(t)}
		if err = s.start(t, dir, args); err == nil {
			return s
		}
	}
	t.Fatal(err)
	return server{}
}

func (s *server) start(t *testing.T, dir string, args []string) error {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	process := exec.Command("redis-server", append([]string{
		"--port", port, "--bind", "127.0.0.1", "--unixsocket", dir + "/s", "--dir", dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no",
	}, args...)...)
	stdout, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	var log strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "eady to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // a full pipe would stop the server
			t.Cleanup(func() {
				_ = process.Process.Kill()
				_, _ = process.Process.Wait()
			})
			s.admin = redis.NewClient(&redis.Options{Network: "unix", Addr: dir + "/s", Protocol: 2})
			t.Cleanup(func() { _ = s.admin.Close() })
			return nil
		}
	}
	_ = process.Wait()
	return fmt.Errorf("redis-server ended:\n%s", log.String())
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// do runs a command with all rights.
func (s server) do(t *testing.T, args ...any) {
	t.Helper()
	if err := s.admin.Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}

// user makes the user wxtokend, with password and rights.
func (s server) user(t *testing.T, rights string) {
	t.Helper()
	args := []any{"acl", "setuser", "wxtokend", "reset", "on", ">" + password}
	for _, right := range strings.Fields(rights) {
		args = append(args, right)
	}
	s.do(t, args...)
}

// dirty counts all writes that Redis ever took. A script that wrote and undid
// it would show here.
func (s server) dirty(t *testing.T) string {
	t.Helper()
	info, err := s.admin.Info(t.Context(), "persistence").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(info, "rdb_changes_since_last_save:")
	if !found {
		t.Fatal("Redis does not count its changes")
	}
	count, _, _ := strings.Cut(rest, "\r")
	return count
}
