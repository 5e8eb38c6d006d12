package daemon

import (
	"fmt"
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
