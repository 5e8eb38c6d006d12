package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a child of this test binary.
type process struct {
	name  string
	cmd   *exec.Cmd
	out   output
	ended chan struct{}
}

// spawn starts a command; it ends with the test at the latest. What it printed
// is shown if the test fails.
func spawn(t testing.TB, name string, env []string, command ...string) *process {
	t.Helper()
	p := &process{name: name, cmd: exec.Command(command[0], command[1:]...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	// A developer's own WXTOKEND_ variables would win over the test's file.
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WXTOKEND_") }),
		env...)
	if err := startOrphanSafe(p.cmd); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the state says how it ended
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("-- %s printed (the end of it):\n%s", name, p.out.tail(25))
		}
	})
	return p
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill is SIGKILL; afterwards it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// signal reaches this very process, which cannot be another one by now: its
// parent has not waited for it, or knows that it is gone.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// stop freezes it, as a long pause of its host would; cont undoes that.
func (p *process) stop() { p.signal(syscall.SIGSTOP) }
func (p *process) cont() { p.signal(syscall.SIGCONT) }

// wait returns how the process ended by itself.
func (p *process) wait(t testing.TB, within time.Duration) syscall.WaitStatus {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		t.Fatalf("%s did not end within %s", p.name, within)
	}
	return p.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

// output is what a process prints, safe to read while it does.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (o *output) has(text string) bool { return strings.Contains(o.String(), text) }

func (o *output) tail(lines int) string {
	all := strings.Split(strings.TrimSpace(o.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
