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
	"slices"
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
	// binary is the path of wxtokend.
	binary string
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
	s.binary = filepath.Join(dir, "wxtokend")
	if out, err := exec.Command("go", "build", "-o", s.binary, "wxtokend").CombinedOutput(); err != nil {
		return s, fmt.Errorf("build wxtokend: %w\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, err
	}
	s.redis = free.Addr().String()
	_, port, _ := net.SplitHostPort(s.redis)
	_ = free.Close()
	_, _, err = spawn("eady to accept connections", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", dir,
		"--save", "", "--databases", strconv.Itoa(len(modes())+1))
	if err != nil {
		return s, err
	}
	simulate := append([]string{"simulate", "--listen", "127.0.0.1:0"}, twoAgents()...)
	for i, m := range modes() {
		simulate = append(simulate, m.simulated(i)...)
	}
	_, s.simulator, err = spawn(`http://[0-9.]+:[0-9]+`, s.binary, simulate...)
	return s, err
}

// redisURL is that of a database.
func redisURL(db int) string { return fmt.Sprintf("redis://%s/%d", shared.redis, db) }

// process is a server that was started.
type process struct {
	cmd *exec.Cmd
	out output
}

// spawn starts a server and returns what it prints of that pattern when it is ready.
func spawn(ready, command string, args ...string) (*process, string, error) {
	p := &process{cmd: exec.Command(command, args...)}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// A developer's own variables would win over the test's file.
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WXTOKEND_") })
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, "", err
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if found := regexp.MustCompile(ready).FindString(p.out.String()); found != "" {
			return p, found, nil
		}
	}
	_ = p.cmd.Process.Kill()
	return nil, "", fmt.Errorf("%s is not ready: %s", command, p.out.String())
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
