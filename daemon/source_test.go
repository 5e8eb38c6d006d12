package daemon

import (
	"testing"
	"time"

	"wxtokend/daemon/web"
)

// A token must never seem to live longer than it does.
func TestKnownTimesAreCutDown(t *testing.T) {
	at := time.Unix(100, 999_999_999).In(time.FixedZone("UTC+8", 8*3600))
	if got := known(at); got.UnixNano() != 100_999_000_000 || got.Location() != time.UTC {
		t.Errorf("%v becomes %v", at, got)
	}
	if got := known(time.Time{}); got != nil {
		t.Errorf("what is not known becomes %v", got)
	}
}

// Ready says of each credential that is not ready why, for tests.
func (d *Daemon) Ready() (reasons []string) {
	for _, e := range d.registry.all() {
		if c := e.Credential(); c.Unready != "" {
			reasons = append(reasons, c.Key+": "+c.Unready)
		}
	}
	return reasons
}

// shown is what the page shows of each credential.
func (d *Daemon) shown() (all []web.Credential) {
	for e := range d.Credentials() {
		all = append(all, e.Credential())
	}
	return all
}
