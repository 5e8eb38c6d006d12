package e2e

import (
	"os/exec"
	"runtime"
	"syscall"
)

const endsWithParent = true

// starts takes the commands to start. The kernel kills a child when the thread
// that started it ends, so one thread that never ends starts them all.
var starts = func() chan<- start {
	c := make(chan start)
	go func() {
		runtime.LockOSThread()
		for s := range c {
			s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			s.err <- s.cmd.Start()
		}
	}()
	return c
}()

type start struct {
	cmd *exec.Cmd
	err chan error
}

// startOrphanSafe starts a command that does not outlive this process: not a
// panic, not a SIGKILL, not while it is stopped itself.
func startOrphanSafe(cmd *exec.Cmd) error {
	s := start{cmd, make(chan error)}
	starts <- s
	return <-s.err
}
