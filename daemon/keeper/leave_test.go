package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// TestLeaveBeginsNothing: neither a look nor what waits for its place begins
// anything once a keeper leaves.
func TestLeaveBeginsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.observed(ToDraw)
		if w.Left() {
			t.Error("has left without being told to")
		}
		w.Leave()
		if w.Left() {
			t.Error("has left while an action waits for its place")
		}
		if w.run(); w.soon != 1 {
			t.Errorf("asked for %d looks when nothing ran any more", w.soon)
		}
		w.observed()
		if !w.Left() || w.platform.calls != 0 {
			t.Errorf("left: %v, drew %d", w.Left(), w.platform.calls)
		}
	})
	for name, change := range map[string]func(*store.Observation){
		"a question":  func(o *store.Observation) { o.State.VerifyAt = o.Now },
		"a report":    func(o *store.Observation) { o.Rejected = foreign },
		"a deletion":  func(o *store.Observation) { o.Value = store.Value{} },
		"an old file": func(o *store.Observation) { o.State.LastError = &store.Failure{Class: "config"} },
	} {
		onBench(t, func(b *bench) {
			b.Leave()
			b.take(change)
			if len(b.errands) != 0 || !b.Left() {
				t.Errorf("%s calls for %v of a keeper that leaves; left %v", name, b.errands, b.Left())
			}
		})
	}
}

// TestLeaveAsksNothing: a question that waits for its place is not asked.
func TestLeaveAsksNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mint()
		w.seen.Observation = w.observe()
		w.seen.decision = decision{ask: true}
		w.Leave()
		if w.question(w.Context(), ToAsk); w.platform.checks != 0 {
			t.Errorf("asked %d times", w.platform.checks)
		}
	})
}

// TestLeaveOwesAnEnd: what the platform has answered is stored, for as long as
// the lease lets Redis take it.
func TestLeaveOwesAnEnd(t *testing.T) {
	for name, owed := range map[string]*attempt{
		"a token":   {commit: &store.Commit{}},
		"a failure": {abort: &store.Abort{}},
	} {
		onBench(t, func(b *bench) {
			owed.begun = time.Now()
			b.own = owed
			b.Leave()
			b.take()
			if b.Left() || len(b.errands) != 1 || b.errands[0] != ToWrite {
				t.Errorf("%s: left %v, errands %v", name, b.Left(), b.errands)
			}
			b.acting = false
			if time.Sleep(b.policy.Lease); b.Left() {
				t.Errorf("%s: left within its lease", name)
			}
			if time.Sleep(time.Millisecond); !b.Left() {
				t.Errorf("%s: not left after its lease", name)
			}
		})
	}
	onBench(t, func(b *bench) {
		b.own = &attempt{begun: time.Now()}
		if b.Leave(); !b.Left() {
			t.Error("an attempt that WeChat was not asked for keeps its keeper")
		}
	})
}
