package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// parentOnly has this test binary start one child, say its pid and wait.
const parentOnly = "E2E_PARENT_ONLY"

func beParent() int {
	child := exec.Command("sleep", "600")
	if err := startOrphanSafe(child); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(child.Process.Pid)
	<-time.After(10 * time.Minute)
	return 0
}

// TestNoOrphans: not even a SIGKILL of the test binary leaves a process behind.
func TestNoOrphans(t *testing.T) {
	t.Parallel()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentOnly+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := startOrphanSafe(parent); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("the child does not run")
	}
	_ = parent.Process.Kill()
	_ = parent.Wait() // says that it was killed
	eventually(t, startup, "the child is gone", func() error {
		if alive(pid) {
			return fmt.Errorf("%d runs", pid)
		}
		return nil
	})
}

// alive reads the state of a process; a zombie, whom nobody waits for, is dead.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
