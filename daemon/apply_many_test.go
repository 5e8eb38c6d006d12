package daemon

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/keeper"
)

// TestApplyCrowd is for the race detector: changes, looks, mints, requests and
// scrapes at once.
func TestApplyCrowd(t *testing.T) {
	inWorldOfMany(t, 100, "stable", func(w *world) {
		w.config.Credentials[0].Format = "json"
		all := slices.Clone(w.config.Credentials)
		w.protect()
		w.start()
		w.wait(2 * time.Second)
		var crowd sync.WaitGroup
		crowd.Go(func() {
			for i := range 25 {
				now := slices.Clone(all[i*2 : 50+i*2])
				for j := range now {
					now[j].DailyLimit = 10_000 + i%3
				}
				w.apply(now...)
				time.Sleep(170 * time.Millisecond)
			}
		})
		crowd.Go(func() {
			for i := range 50 {
				w.get("/")
				w.get("/metrics")
				w.post(all[i*2].Key, "Bearer "+bearer, "")
				time.Sleep(101 * time.Millisecond)
			}
		})
		crowd.Wait()
		w.apply(all...)
		w.wait(time.Minute)
		w.daemon.registry.mu.Lock()
		w.daemon.registry.sound(t)
		w.daemon.registry.mu.Unlock()
		if reasons := w.daemon.Ready(); reasons != nil || len(w.daemon.shown()) != 100 {
			w.Errorf("%d shown, not ready: %v", len(w.daemon.shown()), reasons)
		}
		if w.logged("panic") != 0 {
			w.Errorf("a panic\n%s", w.tail())
		}
	})
}

// TestApplyWaitsForItsPlace: a draw that waits for a place when its credential
// is taken away is not made.
func TestApplyWaitsForItsPlace(t *testing.T) {
	inWorldOfMany(t, 40, "stable", func(w *world) {
		all := w.config.Credentials
		steps := map[keeper.Step]int{}
		var mu sync.Mutex
		w.passing = func(s keeper.Step, _ string) {
			mu.Lock()
			defer mu.Unlock()
			steps[s]++
		}
		w.toWeChat.Delay(900 * time.Millisecond)
		w.start()
		w.wait(500 * time.Millisecond)
		w.apply(all[0])
		synctest.Wait()
		w.wait(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if begun := steps[keeper.Beginning]; begun != 32 || w.mints() != 32 || len(w.daemon.shown()) != 1 {
			t.Errorf("%d began, %d mints; %d are left", begun, w.mints(), len(w.daemon.shown()))
		}
	})
}

// TestApplyOneOfAThousand: one is changed. Nobody else is asked for at WeChat,
// looked at more often, or unready for a moment.
func TestApplyOneOfAThousand(t *testing.T) {
	withoutRace(t)
	inWorldOfMany(t, 1000, "stable", func(w *world) {
		all := slices.Clone(w.config.Credentials)
		w.start()
		w.readyWithin(time.Minute)
		before, calls := w.daemon.registry.all(), w.mints()
		all[500].DailyLimit = 7
		if done := w.apply(all...); done != (Changes{Changed: 1}) {
			t.Errorf("apply says %+v", done)
		}
		for range 100 {
			w.wait(100 * time.Millisecond)
			for _, reason := range w.daemon.Ready() {
				t.Error(reason)
			}
		}
		for i, e := range w.daemon.registry.all() {
			if (e == before[i]) != (i != 500) {
				t.Errorf("credential %d has its old keeper: %v", i, e == before[i])
			}
		}
		if w.mints() != calls {
			t.Errorf("%d mints for it", w.mints()-calls)
		}
	})
}
