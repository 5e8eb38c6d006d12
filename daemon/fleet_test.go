package daemon

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"wxtokend/daemon/testnet"
)

// fleet launches n daemons for the same credential.
func (w *world) fleet(n int) []*replica {
	w.Helper()
	replicas := make([]*replica, n)
	for i := range replicas {
		replicas[i] = &replica{toRedis: &testnet.Faults{}, toWeChat: &testnet.Faults{}}
		w.launch(replicas[i])
	}
	return replicas
}

func (w *world) disband(replicas []*replica) {
	for _, r := range replicas {
		r.kill()
	}
}

// TestFleetMintsOnce: any number of daemons, one mint per refresh.
func TestFleetMintsOnce(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			inWorldOf(t, api, shortLife, func(w *world) {
				replicas := w.fleet(10)
				w.wait(5 * time.Second)
				if w.mints() != 1 || !w.accepted() {
					t.Fatalf("%d mints at the start", w.mints())
				}
				w.wait(time.Hour)
				ahead := replicas[0].daemon.refreshers[0].policy.effectiveAhead(shortLife)
				if most := int(time.Hour/(shortLife-ahead-5*time.Second)) + 1; w.mints() > most {
					t.Errorf("%d mints in an hour, want at most %d", w.mints(), most)
				}
				w.disband(replicas)
			})
		})
	}
}

// TestFleetUnderFaults crashes, partitions and restarts three daemons at
// random. A reader with the stable endpoint never meets a refused token; with
// the classic one only in the moment after a lost mint, and never for long.
func TestFleetUnderFaults(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			inWorldOf(t, api, shortLife, func(w *world) {
				dice := rand.New(rand.NewPCG(seed, 1))
				replicas := w.fleet(3)
				w.wait(5 * time.Second)
				refused := 0
				for second := range fleetHours * 3600 {
					if dice.IntN(60) == 0 {
						harm(w, replicas[dice.IntN(len(replicas))], dice)
					}
					w.wait(time.Second)
					if w.accepted() || !slices.ContainsFunc(replicas, (*replica).connected) {
						refused = 0
						continue
					}
					if refused++; refused > 50 {
						w.Fatalf("seed %d, second %d: for 50 s WeChat refuses what a reader reads (%q)\n%s", seed, second, w.read(), w.logs)
					}
				}
				w.Logf("seed %d: %d mints in %d hours", seed, w.mints(), fleetHours)
				w.disband(replicas)
			})
		})
	}
}

// connected says that nothing keeps the replica from Redis and WeChat: while
// that is so of none, nobody could do better.
func (r *replica) connected() bool { return !r.cut }

// harm does one thing to a replica, and heals what was done to it before.
func harm(w *world, r *replica, dice *rand.Rand) {
	r.toRedis.Heal()
	r.toWeChat.Heal()
	kind := dice.IntN(9)
	r.cut = kind >= 2 && kind <= 4
	switch kind {
	case 0:
		r.crash()
		w.launch(r)
	case 1:
		r.kill()
		w.launch(r)
	case 2:
		r.toRedis.Hang(true)
	case 3:
		r.toRedis.Refuse(true)
	case 4:
		r.toWeChat.Hang(true)
	case 5:
		r.toWeChat.DropReplies(1, isMint)
	case 6:
		r.toRedis.DropReplies(1, isCommit)
	case 7:
		r.toRedis.DropReplies(1, isBegin)
	case 8:
		w.redis.Del(testKey)
	}
}
