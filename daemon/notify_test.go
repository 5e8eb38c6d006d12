package daemon

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/wechatsim"
)

// manager is systemd's end of NOTIFY_SOCKET.
type manager struct {
	t    *testing.T
	conn syscall.RawConn
}

func newManager(t *testing.T, watchdog time.Duration) manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
	return manager{t, raw}
}

// during lets time pass and lists what comes meanwhile. It takes each message
// soon, as a socket holds few.
func (m manager) during(w *world, d time.Duration) (all []string) {
	m.t.Helper()
	for range d / time.Second {
		w.wait(time.Second)
		all = append(all, m.heard()...)
	}
	return all
}

// heard lists what has come since the last call, one assignment an item. It
// waits for nothing: to wait for a socket would stop the bubble's time.
func (m manager) heard() (all []string) {
	m.t.Helper()
	buffer := make([]byte, 4096)
	for {
		n, got := 0, error(nil)
		if err := m.conn.Read(func(fd uintptr) bool {
			n, _, got = syscall.Recvfrom(int(fd), buffer, syscall.MSG_DONTWAIT)
			return true
		}); err != nil {
			m.t.Fatal(err)
		}
		if got != nil {
			return all
		}
		all = append(all, strings.Split(string(buffer[:n]), "\n")...)
	}
}

func count(all []string, what string) (n int) {
	for _, one := range all {
		if one == what {
			n++
		}
	}
	return n
}

// TestNotify follows a daemon through a life under systemd: it is not ready
// before readers have a token, feeds the watchdog while its ticks end, and no
// longer when one hangs.
func TestNotify(t *testing.T) {
	systemd := newManager(t, 30*time.Second)
	inWorld(t, "stable", func(w *world) {
		hang := make(chan struct{}, 1) // who is in there keeps the ticks waiting
		w.passing = func(s keeper.Step, _ string) {
			if s == keeper.Observing {
				hang <- struct{}{}
				<-hang
			}
		}
		w.toWeChat.Refuse(true)
		w.start()
		if got := systemd.during(w, time.Minute); len(got) == 0 || slices.Contains(got, "READY=1") ||
			!strings.HasPrefix(got[len(got)-1], "STATUS=WXAccessToken: ") {
			w.Errorf("without a token systemd heard %q", got)
		}
		w.toWeChat.Refuse(false)
		got := systemd.during(w, time.Minute)
		if count(got, "READY=1") != 1 || got[len(got)-1] != "WATCHDOG=1" ||
			!slices.Contains(got, "STATUS=readers of every key have a valid token") {
			w.Errorf("with a token systemd heard %q", got)
		}
		if got := systemd.during(w, 30*time.Second); count(got, "WATCHDOG=1") != 30 || len(got) != 30 {
			w.Errorf("in half a minute systemd heard %q", got)
		}

		hang <- struct{}{}
		systemd.during(w, 15*time.Second) // the daemon takes ten for silence
		if got := systemd.during(w, time.Minute); slices.Contains(got, "WATCHDOG=1") {
			w.Errorf("while a tick hangs systemd heard %q", got)
		}
		<-hang
		if got := systemd.during(w, 5*time.Second); count(got, "WATCHDOG=1") == 0 || slices.Contains(got, "READY=1") {
			w.Errorf("after the tick ended systemd heard %q", got)
		}
		w.kill()
		if got := systemd.heard(); count(got, "STOPPING=1") != 1 {
			w.Errorf("at the end systemd heard %q", got)
		}
	})
}

// One account that is broken does not keep those waiting that read another's
// key; what is wrong stands in the status.
func TestNotifyOfMany(t *testing.T) {
	systemd := newManager(t, 0)
	apps := []wechatsim.App{{AppID: testAppID, Secret: testSecret}}
	inWorldWith(t, 1, "stable", 2*time.Hour, apps, func(w *world) {
		other := w.config.Credentials[0]
		other.Key, other.AppID = "another", "wxfedcba9876543210"
		w.config.Credentials = append(w.config.Credentials, other)
		w.start()
		got := systemd.during(w, time.Minute)
		if count(got, "READY=1") != 1 || slices.Contains(got, "WATCHDOG=1") ||
			got[len(got)-1] != "STATUS=1 of 2 credentials are not ready" {
			w.Errorf("systemd heard %q", got)
		}
	})
}
