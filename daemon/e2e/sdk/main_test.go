//go:build sdk

package sdk

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// servers are what all clients share; each has an account and a database of
// its own there.
type servers struct {
	// redis is host:port.
	redis string
	// simulator is a base URL.
	simulator string
}

var shared servers

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	// The kernel ends a child with the thread that started it; this one lives as
	// long as the tests.
	runtime.LockOSThread()
	dir, err := os.MkdirTemp("", "wxtokend-sdk")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	if shared, err = startServers(dir); err != nil {
		fmt.Println(err)
		return 1
	}
	return m.Run()
}

func startServers(dir string) (s servers, err error) {
	binary := filepath.Join(dir, "wxtokend")
	if out, err := exec.Command("go", "build", "-o", binary, "wxtokend").CombinedOutput(); err != nil {
		return s, fmt.Errorf("build wxtokend: %w\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, err
	}
	s.redis = free.Addr().String()
	_, port, _ := net.SplitHostPort(s.redis)
	_ = free.Close()
	_, err = spawn("eady to accept connections", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", dir,
		"--save", "", "--databases", strconv.Itoa(len(modes())))
	if err != nil {
		return s, err
	}
	simulate := []string{"simulate", "--listen", "127.0.0.1:0"}
	for i, m := range modes() {
		simulate = append(simulate, m.simulated(i)...)
	}
	s.simulator, err = spawn(`http://[0-9.]+:[0-9]+`, binary, simulate...)
	return s, err
}

// spawn starts a server and returns what it prints of that pattern when it is ready.
func spawn(ready, command string, args ...string) (string, error) {
	cmd := exec.Command(command, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if found := regexp.MustCompile(ready).FindString(out.String()); found != "" {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s is not ready: %s", command, out.String())
}

// output is what a process prints, safe to read while it does.
type output struct {
	mu sync.Mutex
	strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Builder.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Builder.String()
}
