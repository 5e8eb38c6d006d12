package e2e

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSystemd starts the binary as a unit with Type=notify is started: it says
// that it is ready once readers have a token, feeds the watchdog, and says that
// it stops.
func TestSystemd(t *testing.T) {
	w := inParallel(t, "stable", scaled())
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	// until reads what is sent up to the message that begins with last.
	until := func(last string) (before []string) {
		t.Helper()
		buffer := make([]byte, 4096)
		_ = socket.SetReadDeadline(time.Now().Add(startup))
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				t.Fatalf("%s did not come: %v; before it came %q", last, err, before)
			}
			for line := range strings.SplitSeq(string(buffer[:n]), "\n") {
				if strings.HasPrefix(line, last) {
					return before
				}
				before = append(before, line)
			}
		}
	}
	w.sim.stop()
	d := w.start("NOTIFY_SOCKET="+path, "WATCHDOG_USEC=3000000")
	until("STATUS=" + testKey + ": ")
	d.more(observed, 3, startup)
	w.sim.cont()
	for _, line := range until("READY=1") {
		if strings.HasPrefix(line, "WATCHDOG") {
			t.Errorf("before it was ready it sent %q", line)
		}
	}
	if _, err := w.read(); err != nil {
		t.Errorf("it is ready and readers have no token: %v", err)
	}
	until("WATCHDOG=1")
	d.signal(syscall.SIGTERM)
	until("STOPPING=1")
	if status := d.wait(t, startup); status.ExitStatus() != 0 {
		t.Errorf("exit %d after SIGTERM", status.ExitStatus())
	}
}
