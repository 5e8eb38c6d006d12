package daemon

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSecretRotated resets the AppSecret at WeChat while the daemon runs: few
// calls while it is wrong, and a token soon after the file has changed.
func TestSecretRotated(t *testing.T) {
	inWorldOf(t, "stable", shortLife, func(w *world) {
		file := filepath.Join(t.TempDir(), "appsecret")
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(testSecret)
		w.config.Credentials[0].Secret, w.config.Credentials[0].SecretFile = "", file
		w.warm()
		if err := w.wechat.SetSecret(testAppID, "fedcba9876543210fedcba9876543210"); err != nil {
			t.Fatal(err)
		}
		before := w.wechat.Calls(testAppID)["/cgi-bin/stable_token"]
		w.wait(time.Hour)
		if calls := w.wechat.Calls(testAppID)["/cgi-bin/stable_token"] - before; calls > 20 {
			t.Errorf("%d calls in an hour with a wrong secret, want at most 20", calls)
		}
		write("fedcba9876543210fedcba9876543210")
		w.wait(2 * w.config.Refresh.Poll)
		if !w.accepted() {
			t.Errorf("no token after the file changed\n%s", w.logs)
		}
		// A restart with a new secret does not wait either.
		if err := w.wechat.SetSecret(testAppID, testSecret); err != nil {
			t.Fatal(err)
		}
		w.redis.FlushAll()
		w.kill()
		w.start()
		w.wait(20 * time.Second)
		if w.accepted() {
			t.Fatal("a token with the wrong secret")
		}
		write(testSecret)
		w.kill()
		w.start()
		w.wait(time.Second)
		if !w.accepted() {
			t.Errorf("a restart with the right secret waits\n%s", w.logs)
		}
	})
}
