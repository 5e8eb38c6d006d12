package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"wxtokend/daemon/config"
)

// TestReloadNames: the log says which keys came, changed and went.
func TestReloadNames(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		d.write("other", nil, func(c *config.Config) { c.Credentials = all[1:2] })
		w.wait(3 * watchEvery)
		d.write("changed", nil, func(c *config.Config) { c.Credentials[0].Ahead = time.Minute })
		w.wait(3 * watchEvery)
		if w.logged(fmt.Sprintf("removed=1 added_keys=%s removed_keys=%s", all[1].Key, all[0].Key)) != 1 ||
			w.logged("changed=1 removed=0 changed_keys="+all[1].Key) != 1 {
			t.Errorf("keys %q and %q\n%s", all[0].Key, all[1].Key, w.story())
		}
	})
	if got := fmt.Sprint(listed("k", make([]string, maxNamed+3))); got != "[k , , , , , , , , ,  and 3 more]" {
		t.Errorf("many keys: %q", got)
	}
}

// TestReloadLost: an emptied file is good, and is warned of once.
func TestReloadLost(t *testing.T) {
	inWorldOfMany(t, 2, "stable", func(w *world) {
		path, text := filepath.Join(t.TempDir(), "config.yaml"), "credentials:\n"
		for _, c := range w.config.Credentials {
			text += fmt.Sprintf("- {key: %q, appid: %s, secret: %q}\n", c.Key, c.AppID, c.Secret.Reveal())
		}
		w.must(os.WriteFile(path, []byte(text), 0o600))
		list := filepath.Join(filepath.Dir(path), "credentials.d", "x.yaml")
		w.must(os.Mkdir(filepath.Dir(list), 0o700))
		w.must(os.WriteFile(list, []byte("- {key: more, appid: wxmore, secret: s}\n"), 0o600))
		w.source = config.Source{Path: path, Explicit: true, Getenv: func(string) string { return "" }}
		w.start()
		w.wait(3 * watchEvery)
		w.must(os.Truncate(path, 0))
		w.wait(time.Minute)
		if w.logged("level=WARN msg=\"files of the configuration are empty or gone") != 1 ||
			w.logged("config.yaml is empty") != 1 {
			t.Errorf("%s", w.story())
		}
	})
}
