//go:build failpoint

package daemon

import (
	"os"
	"strings"
	"syscall"
	"time"

	"wxtokend/daemon/keeper"
)

// failpoint kills the process, as SIGKILL from outside would, when it comes to
// the step that WXTOKEND_FAILPOINT names. "committing:sleep=3s" pauses there
// instead. Only tests build with this tag.
func failpoint() func(s keeper.Step, attempt string) {
	name, pause, sleeps := strings.Cut(os.Getenv("WXTOKEND_FAILPOINT"), ":sleep=")
	length, err := time.ParseDuration(pause)
	if sleeps && err != nil {
		panic("WXTOKEND_FAILPOINT: " + err.Error())
	}
	return func(s keeper.Step, _ string) {
		switch {
		case string(s) != name:
		case sleeps:
			time.Sleep(length)
		default:
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			// Until the signal arrives.
			select {}
		}
	}
}
