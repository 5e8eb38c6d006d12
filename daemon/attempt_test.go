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

// TestBarredProcess: WeChat refuses this address, so this process waits ten
// minutes although another one might try after a minute.
func TestBarredProcess(t *testing.T) {
	inWorldOf(t, "stable", shortLife, func(w *world) {
		w.warm()
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40164, Times: 1})
		before := w.drawn()
		w.wait(5 * time.Minute)
		if got := w.drawn() - before; got != 1 {
			t.Errorf("%d calls in five minutes, want 1\n%s", got, w.logs)
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

// TestLimitOutlivesRedis: a Redis that lost the day's count is told of it.
func TestLimitOutlivesRedis(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.config.Credentials[0].DailyLimit = 3
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Times: 100})
		w.start()
		w.wait(time.Minute)
		w.redis.FlushAll()
		w.wait(10 * time.Minute)
		if got := w.drawn(); got != 3 {
			t.Errorf("%d calls with a limit of 3\n%s", got, w.logs)
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
		if wait, want := w.redis.HGet("{"+testKey+"}:state", "wait"), "1000"; wait != want {
			t.Errorf("dying now costs %s ms, want %s", wait, want)
		}
		w.toWeChat.Heal()
	})
}
