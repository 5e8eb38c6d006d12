package daemon

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"wxtokend/daemon/web"
)

// notify tells systemd how the daemon does, until ctx ends; without systemd it
// does nothing. Ready is who has one good token for readers: of many
// credentials one that is broken must not hold up all units that wait for
// this one. The watchdog hears from us as long as Live has nothing to say, so
// that systemd restarts a daemon whose ticks do not end.
func (d *Daemon) notify(ctx context.Context) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		d.options.Log.Warn("systemd's watchdog is not fed", "error", err)
	}
	const pace = time.Second
	rest := pace
	if watchdog > 0 {
		rest = min(pace, watchdog/3)
	}
	// Readiness comes within milliseconds, mostly.
	clock := time.NewTicker(pace / 10)
	defer clock.Stop()
	ready, told := false, ""
	for {
		select {
		case <-ctx.Done():
			d.tell(daemon.SdNotifyStopping)
			return
		case <-clock.C:
		}
		var news []string
		if ready && watchdog > 0 && d.Live() == nil {
			news = append(news, daemon.SdNotifyWatchdog)
		}
		if !ready && d.anyReady() {
			ready, news = true, append(news, daemon.SdNotifyReady)
			clock.Reset(rest)
		}
		if now := d.oneLine(); now != told {
			told, news = now, append(news, "STATUS="+now)
		}
		if len(news) > 0 {
			d.tell(news...)
		}
	}
}

// tell sends one message to systemd. One that is lost is no reason to stop.
func (d *Daemon) tell(news ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(news, "\n")); err != nil {
		d.options.Log.Debug("systemd was not told", "error", err)
	}
}

// anyReady says that readers of one key at least can rely on it.
func (d *Daemon) anyReady() bool {
	for e := range d.Credentials() {
		if e.Brief().Ready {
			return true
		}
	}
	return false
}

// oneLine is the state for `systemctl status`.
func (d *Daemon) oneLine() string {
	if reasons := web.Unready(d.Credentials()); len(reasons) > 0 {
		return reasons[0]
	}
	return "readers of every key have a valid token"
}
