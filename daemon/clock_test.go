package daemon

import (
	"slices"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

// A clock of WeChat that is far from this host's is told once, and shown until it
// is not.
func TestClockOfWeChatIsFar(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultClockSkew, Skew: -3 * time.Hour})
		w.start()
		time.Sleep(20 * time.Minute)
		const note = "the clock of WeChat is -3h0m0s ahead of this host's: is this host's synchronised?"
		if notes := w.daemon.Overview().Notes; !slices.Contains(notes, note) || w.logged("the clock of WeChat") != 1 {
			t.Errorf("notes %q\n%s", notes, w.story())
		}
		w.wechat.ClearFaults()
		time.Sleep(20 * time.Minute)
		if notes := w.daemon.Overview().Notes; len(notes) > 0 {
			t.Errorf("notes %q", notes)
		}
	})
}
