package daemon

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

func (w *world) noted() string {
	return strings.Join(w.daemon.registry.all()[0].Credential().Notes, "\n")
}

// TestExitsAreListed: calls leave by several addresses, each of which WeChat names to
// one replica. Each replica lists them all, until a day after the last was not let in.
func TestExitsAreListed(t *testing.T) {
	withoutRace(t)
	inWorld(t, "classic", func(w *world) {
		w.config.Refresh.Poll = 10 * time.Second
		w.letIn("192.0.2.1")
		all := []*replica{w.replica, newReplica("10.0.0.10"), newReplica("10.0.0.11")}
		for _, r := range all {
			w.launch(r)
		}
		defer all[1].kill()
		defer all[2].kill()
		w.wait(3 * time.Hour)
		for _, r := range all {
			for _, want := range []string{"3 exits seen", "10.0.0.9", "10.0.0.10", "10.0.0.11"} {
				if notes := (&world{replica: r}).noted(); !strings.Contains(notes, want) {
					t.Errorf("%s: no %q in %s", r.ip, want, notes)
				}
			}
		}
		if page := w.page1("/"); !strings.Contains(page, "3 exits seen") {
			t.Error("the page does not list them")
		}
		w.letIn("10.0.0.9", "10.0.0.10", "10.0.0.11")
		w.wait(23 * time.Hour)
		if !w.accepted() || !strings.Contains(w.noted(), "3 exits seen") {
			t.Errorf("forgotten within a day: %s", w.noted())
		}
		w.wait(2 * time.Hour)
		if strings.Contains(w.noted(), "exits") {
			t.Errorf("told for days: %s", w.noted())
		}
	})
}

// TestExitsOfAQuestion: WeCom gives a token to whoever asks, and refuses all that is done with it.
func TestExitsOfAQuestion(t *testing.T) {
	inHouse(t, wechatsim.Options{}, []string{"wecom"}, func(w *world) {
		w.must(w.wechat.SetWhitelist(testAgent, netip.MustParsePrefix("192.0.2.1/32")))
		w.start()
		w.wait(10 * time.Minute)
		if w.daemon.Ready() != nil || !strings.Contains(w.noted(), "1 exit seen within a week: whitelist 10.0.0.9") {
			t.Errorf("%v, notes: %s\n%s", w.daemon.Ready(), w.noted(), w.logs)
		}
	})
}
