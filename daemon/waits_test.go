package daemon

import (
	"regexp"
	"testing"
	"time"

	"wxtokend/daemon/store"
	"wxtokend/daemon/wechatsim"
)

// state is what Redis holds of the credential.
func (w *world) state() store.State {
	w.Helper()
	r := w.daemon.registry.entries[0]
	result := w.daemon.store.Observe(w.Context(), r.Spec().Slot)
	if result.Err != nil {
		w.Fatal(result.Err)
	}
	return result.Observation.State
}

// TestWaitsPerClass: an AppSecret that is refused for the first time waits its
// first wait, whatever failed before.
func TestWaitsPerClass(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Times: 5})
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40125, Path: wechatsim.PathStableToken})
		w.start()
		var waits []time.Duration
		for range 15 * 60 {
			w.wait(time.Second)
			if s := w.state(); s.LastError != nil && s.LastError.Code == 40125 && s.LastError.Times > len(waits) {
				waits = append(waits, s.NextAttemptAt.Sub(s.LastError.At))
			}
		}
		want := []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}
		if len(waits) < len(want) {
			t.Fatalf("waits %v", waits)
		}
		for i, least := range want {
			if waits[i] < least || waits[i] > least*6/5 {
				t.Errorf("wait %d is %v, want %v and a fifth at most", i+1, waits[i], least)
			}
		}
	})
}

var nextAttempt = regexp.MustCompile(`refresh failed.* next_attempt=(\S+)`)

// TestLoggedNextAttempt: what the log announces is when it happens.
func TestLoggedNextAttempt(t *testing.T) {
	inWorldOf(t, "classic", shortLife, func(w *world) {
		before := w.warm()
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultReplyLost, Times: 1})
		for w.mints() == before {
			w.wait(time.Second)
		}
		w.wait(10 * time.Second)
		found := nextAttempt.FindStringSubmatch(w.story())
		if found == nil {
			t.Fatalf("no next attempt in\n%s", w.story())
		}
		next, err := time.Parse(time.RFC3339, found[1])
		w.must(err)
		for w.mints() == before+1 {
			w.wait(100 * time.Millisecond)
		}
		if late := time.Since(next); late < 0 || late > w.config.Refresh.Poll+time.Second {
			t.Errorf("announced for %v, came %v later", next, late)
		}
	})
}

// TestUnknownIsAChangeOfState: an operator reads in the log when nothing is
// known any more, and when it is known again.
func TestUnknownIsAChangeOfState(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(time.Second)
		w.toRedis.Hang(true)
		w.wait(w.config.Refresh.Lease + 10*time.Second)
		if w.logged("to=unknown") != 1 {
			t.Errorf("not said, or more than once\n%s", w.story())
		}
		w.toRedis.Heal()
		w.wait(10 * time.Second)
		if w.logged("from=unknown to=fresh") != 1 {
			t.Errorf("not said when it was over\n%s", w.story())
		}
	})
}
