package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// TestPasswordRotates: the daemon's user gets another password, first in
// Redis, later in the file. No restart.
func TestPasswordRotates(t *testing.T) {
	w := inParallel(t, "classic", scaled())
	file := passwordFile(t)
	user := func(password string) {
		w.redis.do("acl", "setuser", "wxtokend", "reset", "on", ">"+password, "~*", "+@all")
	}
	user(password)
	w.settings.redis = fmt.Sprintf("  url: redis://wxtokend@%s/0\n  password_file: %s\n", w.redis.addr, file)
	d := w.warm()

	const wrong = "WRONGPASS" // what Redis answers
	user(rotated)
	w.redis.do("del", w.key)
	w.good(startup)
	if d.out.has(wrong) {
		t.Error("a connection that was there before did not stay")
	}

	w.redis.do("client", "kill", "user", "wxtokend")
	d.more(unseen, 3, startup)
	if !d.out.has(wrong) {
		t.Error("the log does not say that the password is wrong")
	}
	w.redis.do("del", w.key) // and nobody can put it back
	d.expect("/readyz", http.StatusServiceUnavailable, startup)
	d.expect("/healthz", http.StatusOK, 0)

	writeFile(t, file, rotated)
	took := w.good(startup)
	d.expect("/readyz", http.StatusOK, startup)
	d.settled()
	w.mints(1, 1)
	t.Logf("healed %s after the file was right; %d call in all", ms(took), w.calls())
}
