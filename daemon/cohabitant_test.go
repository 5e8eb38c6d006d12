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

// TestCohabitants: two accounts under one key cannot both be served. Both say
// so, and they do not spend their quotas on a fight, however often they start.
func TestCohabitants(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		for name, every := range map[string]time.Duration{"live": time.Hour, "restart each second": time.Second} {
			t.Run(api+"/"+name, func(t *testing.T) {
				inWorld(t, api, func(w *world) {
					o := w.other()
					sides := []*world{w, o}
					w.start()
					w.wait(time.Minute)
					o.start()
					for start := time.Now(); time.Since(start) < 31*time.Minute; w.wait(min(every, time.Minute)) {
						for _, side := range sides {
							ready, good := side.daemon.Ready() == nil, side.wechat.Accepts(side.config.Credentials[0].AppID, side.read())
							if every > time.Minute && ready && !good {
								w.Fatalf("%s is ready, but readers get the other's token", side.config.Credentials[0].AppID)
							}
							if every <= time.Minute {
								side.kill()
								side.start()
							}
						}
					}
					for _, side := range sides {
						if n := side.drawn(); n < 3 || n > 4 {
							w.Errorf("%s drew %d times in half an hour, want once in two overlaps", side.config.Credentials[0].AppID, n)
						}
						if n := side.logged("give each its own key"); every > time.Minute && n != 1 {
							w.Errorf("%s said it %d times\n%s", side.config.Credentials[0].AppID, n, side.story())
						}
					}
					o.kill()
					w.wait(3 * overlap)
					if w.daemon.Ready() != nil || !w.accepted() || w.daemon.registry.all()[0].Credential().Notes != nil {
						w.Errorf("alone again: %v, %v", w.daemon.Ready(), w.daemon.registry.all()[0].Credential().Notes)
					}
					o.closeWeChat()
				})
			})
		}
	}
}

// TestLimitOfTwoAccounts: the calls of a day are those of the key, whoever has it.
func TestLimitOfTwoAccounts(t *testing.T) {
	withoutRace(t)
	inWorld(t, "classic", func(w *world) {
		w.config.Credentials[0].DailyLimit = 5
		o := w.other()
		w.start()
		o.start()
		w.wait(2 * time.Hour)
		if n := w.drawn() + o.drawn(); n != 5 {
			w.Errorf("%d calls with a limit of 5", n)
		}
		o.kill()
		o.closeWeChat()
	})
}

// TestStrayAppID: somebody writes another appid into the state once. Readers
// have a good token all the time, and that is what readiness is about.
func TestStrayAppID(t *testing.T) {
	for name, after := range map[string]time.Duration{"a moment after the mint": 10 * time.Second,
		"long after it": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "stable", func(w *world) {
				w.start()
				w.wait(after)
				w.redis.HSet("{"+testKey+"}:state", "appid", otherAppID)
				for range 20 * 60 {
					w.wait(time.Second)
					if !w.accepted() || w.daemon.Ready() != nil {
						w.Fatalf("readers have a good token: %v; not ready: %v", w.accepted(), w.daemon.Ready())
					}
				}
				if w.drawn() != 2 || w.logged("another appid lives under this key") != 1 {
					w.Errorf("%d calls\n%s", w.drawn(), w.story())
				}
			})
		})
	}
}

// TestTwoHostsOfOneWeChat: who reaches the same WeChat under two names is told
// so, and not that its own appid is another one.
func TestTwoHostsOfOneWeChat(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		second := newReplica("10.0.0.10")
		second.configure = func(c *config.Config) { c.WeChat.BaseURL = "http://wechat.internal" }
		w.start()
		w.wait(time.Minute)
		w.launch(second)
		w.wait(time.Minute)
		const name = "another host of WeChat is used under this key, HOST: give all replicas the same wechat.base_url"
		want := strings.ReplaceAll(name, "HOST", "10.0.0.1")
		if notes := second.daemon.registry.all()[0].Credential().Notes; len(notes) == 0 || notes[0] != want {
			t.Errorf("notes %q", notes)
		}
		w.wait(overlap)
		want = strings.ReplaceAll(name, "HOST", "wechat.internal")
		if notes := w.daemon.registry.all()[0].Credential().Notes; len(notes) == 0 || notes[0] != want {
			t.Errorf("notes %q", notes)
		}
		if w.logged(want) != 1 || w.logged("another appid") != 0 {
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
