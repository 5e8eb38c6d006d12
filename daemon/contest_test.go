package daemon

import (
	"context"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

const (
	otherAppID  = "wxfedcba9876543210"
	otherSecret = "CANARY-of-the-other-app-01234567"
)

// other is the same Redis as another account's daemon would use it: its own
// WeChat, and by mistake the same key.
func (w *world) other() *world {
	w.Helper()
	sim, err := wechatsim.New(wechatsim.Options{Seed: 2, Apps: []wechatsim.App{{AppID: otherAppID, Secret: otherSecret}}})
	w.must(err)
	ln := testnet.NewListener("10.0.0.4:80")
	ctx, cancel := context.WithCancel(w.Context())
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, ln) }()
	o := *w
	o.replica = newReplica("10.0.0.9")
	o.wechat, o.listener, o.logs = sim, ln, &safeBuffer{}
	o.closeWeChat = func() { cancel(); <-served }
	credential := w.config.Credentials[0]
	credential.AppID, credential.Secret = otherAppID, secret.Secret(otherSecret)
	o.config.Credentials = append(o.config.Credentials[:0:0], credential)
	return &o
}

// drawn is how often this side asked its WeChat for a token: once each time
// it takes the key over.
func (w *world) drawn() int {
	made := w.wechat.Calls(w.config.Credentials[0].AppID)
	return made[wechatsim.PathStableToken] + made[wechatsim.PathToken]
}

// TestContest: two accounts under one key cannot both be served. Both say so,
// neither claims to be ready, and they do not spend their quotas on a fight.
func TestContest(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			inWorld(t, api, func(w *world) {
				o := w.other()
				w.start()
				w.wait(time.Minute)
				o.start()
				w.wait(10 * time.Second)
				sides := []*world{w, o}
				drawn, taken := [2]int{w.drawn(), o.drawn()}, [2][]time.Time{}
				for start := time.Now(); time.Since(start) < 30*time.Minute; w.wait(500 * time.Millisecond) {
					for i, side := range sides {
						for ; drawn[i] < side.drawn(); drawn[i]++ {
							taken[i] = append(taken[i], time.Now())
						}
						if reasons := strings.Join(side.daemon.Ready(), "\n"); reasons != testKey+": another appid lives under this key: "+sides[1-i].config.Credentials[0].AppID+": give each its own key" {
							w.Fatalf("%s is ready, or not because of %q", side.config.Credentials[0].AppID, reasons)
						}
					}
				}
				for i, times := range taken {
					if len(times) < 5 {
						w.Errorf("side %d gave in: %v", i, times)
					}
					for n := 1; n < len(times); n++ {
						if gap := times[n].Sub(times[n-1]); gap < overlap-500*time.Millisecond {
							w.Errorf("side %d took the key over again after %v", i, gap)
						}
					}
				}
				for _, side := range sides {
					if n := side.logged("give each its own key"); n != 1 {
						w.Errorf("%s said it %d times\n%s", side.config.Credentials[0].AppID, n, side.story())
					}
				}
				o.kill()
				w.wait(3 * overlap)
				if w.daemon.Ready() != nil || !w.accepted() {
					w.Errorf("alone again: %v", w.daemon.Ready())
				}
				o.closeWeChat()
			})
		})
	}
}

// TestTwoHostsOfOneWeChat: who reaches the same WeChat under two names is told
// so, and not that its own appid is another one.
func TestTwoHostsOfOneWeChat(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		second := newReplica("10.0.0.10")
		second.configure = func(c *config.Config) { c.WeChat.BaseURL = "http://10.0.0.1:80" }
		w.start()
		w.wait(time.Minute)
		w.launch(second)
		w.wait(time.Minute)
		const want = "another host of WeChat is used under this key: 10.0.0.1:80, ours is 10.0.0.1: give all replicas the same wechat.base_url"
		w.probes("beside the other one", 200, 503, testKey+": "+want)
		if notes := w.daemon.refreshers[0].Credential().Notes; len(notes) != 1 || notes[0] != want {
			t.Errorf("notes %q", notes)
		}
		if w.logged("give all replicas the same wechat.base_url") != 2 || w.logged("other_host=10.0.0.1:80 ours=10.0.0.1") != 1 || w.logged("another appid") != 0 {
			t.Errorf("%s", w.story())
		}
		second.kill()
	})
}

// TestChangedAppID: a configuration that names another account takes over at
// once, and there is nothing to warn of.
func TestChangedAppID(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		inWorld(t, api, func(w *world) {
			o := w.other()
			w.start()
			w.wait(20 * time.Minute)
			w.kill()
			o.start()
			w.wait(time.Second)
			if !o.wechat.Accepts(otherAppID, o.read()) || o.daemon.Ready() != nil {
				w.Errorf("after a second: readers get %q; not ready: %v", o.read(), o.daemon.Ready())
			}
			w.wait(20 * time.Minute)
			if n := len(o.wechat.Issued()); n != 1 || o.logged("level=WARN") != 0 || o.daemon.Ready() != nil {
				w.Errorf("%d mints, not ready: %v\n%s", n, o.daemon.Ready(), o.story())
			}
			o.kill()
			o.closeWeChat()
		})
	}
}

// TestContestObserve has the steps that are hard to reach from outside.
func TestContestObserve(t *testing.T) {
	var c contest
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 3 {
		now = now.Add(time.Second)
		if c.observe(otherAppID, false, now) || c.open(now) {
			t.Fatal("a take-over that did not happen is not tried again")
		}
	}
	c.observe("", true, now)
	if c.observe("", false, now) || c.open(now) {
		t.Error("an empty Redis counts as a rival")
	}
	if !c.observe(otherAppID, false, now.Add(overlap-time.Second)) {
		t.Error("within an overlap of the last try the other one is left alone")
	}
	if c.observe(otherAppID, false, now.Add(overlap)) {
		t.Error("after an overlap it is our turn")
	}
	if !c.open(now.Add(2*overlap+time.Minute)) || c.rival != otherAppID {
		t.Error("the rival counts as gone although it may only be waiting for its turn")
	}
	if c.open(now.Add(4 * overlap)) {
		t.Error("a rival that is gone is remembered for ever")
	}
}
