package daemon

import (
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

// TestBeginAskedAgain: an attempt whose begin was applied goes on at the next
// tick. A new one would wait for its lease.
func TestBeginAskedAgain(t *testing.T) {
	inWorldOf(t, "classic", shortLife, func(w *world) {
		before := w.warm()
		w.toRedis.DropReplies(1, isBegin)
		w.wait(10*time.Second + 3*w.config.Refresh.Poll)
		if w.toRedis.Pending() != 0 || w.mints() != before+1 {
			t.Errorf("%d mints, %d faults left\n%s", w.mints()-before, w.toRedis.Pending(), w.logs)
		}
	})
}

// TestBarredProcess: WeChat refuses this address, which it may only have done
// because the call left by another exit. Readers are never without a token for
// that, and a process that is barred for long asks once a minute.
func TestBarredProcess(t *testing.T) {
	withoutRace(t)
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(w.life - 5*time.Minute)
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40164, Times: 1})
		for range 10 * 60 {
			if w.wait(time.Second); !w.accepted() {
				t.Fatalf("readers have no token\n%s", w.story())
			}
		}
		w.wait(w.life - 15*time.Minute)
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40164, Times: 1000})
		w.wait(10 * time.Minute)
		before := w.drawn()
		w.wait(10 * time.Minute)
		if got := w.drawn() - before; got < 8 || got > 10 {
			t.Errorf("%d calls in ten minutes, want one a minute\n%s", got, w.story())
		}
	})
}

// TestSecretIsTriedOnce: two processes with different secrets must not end each
// other's wait for ever.
func TestSecretIsTriedOnce(t *testing.T) {
	inWorldOf(t, "stable", shortLife, func(w *world) {
		w.warm()
		w.must(w.wechat.SetSecret(testAppID, "another"))
		w.wait(15 * time.Second)
		before := w.drawn()
		for range 10 {
			w.redis.HSet("{"+testKey+"}:state", "secret", "0ther") // the other one has tried
			w.wait(2 * time.Second)
		}
		if got := w.drawn() - before; got != 0 {
			t.Errorf("%d more calls with a secret that failed\n%s", got, w.logs)
		}
	})
}

// TestDyingInAMintCostsAWait: what lies in Redis during a mint is all that the
// next process knows of this one.
func TestDyingInAMintCostsAWait(t *testing.T) {
	inWorldOf(t, "stable", shortLife, func(w *world) {
		w.warm()
		w.toWeChat.Hang(true)
		w.wait(12 * time.Second)
		if lease, _ := w.redis.Get("{" + testKey + "}:lease"); lease == "" {
			t.Fatalf("no mint is under way\n%s", w.logs)
		}
		if s := w.state(); s.NextAttemptAt.Sub(s.BegunAt) != time.Second {
			t.Errorf("dying now costs %v, want a second", s.NextAttemptAt.Sub(s.BegunAt))
		}
		w.toWeChat.Heal()
	})
}
