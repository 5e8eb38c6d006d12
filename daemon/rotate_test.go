package daemon

import (
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

// TestRotates: at its hour one replica draws a token by force, while the one that readers
// hold lives on, and it is done once. The bubble's time begins at midnight UTC.
func TestRotates(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			inWorld(t, api, func(w *world) {
				w.config.Credentials[0].Rotate = "CRON_TZ=Asia/Shanghai 30 8 * * *"
				other := newReplica("10.0.0.8")
				w.launch(other)
				defer other.kill()
				w.start()
				w.wait(30*time.Minute - time.Second)
				before, mints := w.read(), w.mints()
				if mints != 1 || !w.accepted() {
					t.Fatalf("%d mints before the hour, want 1\n%s", mints, w.logs)
				}
				w.wait(5 * time.Second)
				if w.read() == before || w.mints() != 2 || !w.accepted() {
					t.Errorf("%d mints after the hour, want 2, and another token\n%s", w.mints(), w.logs)
				}
				w.wait(time.Hour)
				if w.mints() != 2 {
					t.Errorf("%d mints an hour later, want 2\n%s", w.mints(), w.logs)
				}
			})
		})
	}
}

// TestRotationWaits: where the platform cannot be asked at the hour, it is done later, if the token is
// still the one of before.
func TestRotationWaits(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.config.Credentials[0].Rotate = "30 0 * * *"
		w.start()
		w.wait(29 * time.Minute)
		before := w.read()
		if _, err := w.wechat.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Times: 5}); err != nil {
			t.Fatal(err)
		}
		w.wait(5 * time.Minute)
		if w.read() == before || !w.accepted() {
			t.Errorf("the token is still that of before\n%s", w.logs)
		}
	})
}
