package daemon

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/wechatsim"
)

// apply changes the credentials of the running daemon as a reload does.
func (w *world) apply(credentials ...config.Credential) Changes {
	w.Helper()
	done, err := w.daemon.apply(w.Context(), credentials)
	if err != nil {
		w.Fatal(err)
	}
	w.daemon.heart.tickSoon()
	return done
}

// series lists the keys that have metrics.
func (w *world) series() (keys []string) {
	_, body := w.get("/metrics")
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, `wxtokend_credential_info{api="stable",appid="`); ok {
			_, key, _ := strings.Cut(rest, `key="`)
			key, _, _ = strings.Cut(key, `"`)
			keys = append(keys, key)
		}
	}
	return keys
}

// TestApply adds, changes and takes away credentials of a running daemon.
func TestApply(t *testing.T) {
	inWorldOfMany(t, 3, "stable", func(w *world) {
		all := w.config.Credentials
		w.config.Credentials = all[:2]
		w.start()
		w.wait(time.Minute)
		token, _ := w.redis.Get(all[0].Key)
		first := w.daemon.registry.find(all[0].Key)
		changed := all[1]
		changed.DailyLimit = 7
		if done := w.apply(all[0], changed, all[2]); done != (Changes{Added: 1, Changed: 1}) {
			w.Errorf("apply says %+v", done)
		}
		w.wait(time.Second)
		if reasons := w.daemon.Ready(); reasons != nil || len(w.daemon.shown()) != 3 {
			w.Errorf("a second later not ready: %v", reasons)
		}
		if _, body := w.get("/metrics"); !strings.Contains(body, `wxtokend_daily_limit{key="`+changed.Key+`"} 7`) {
			w.Error("the new limit is not in force")
		}
		if again, _ := w.redis.Get(all[0].Key); again != token || w.daemon.registry.find(all[0].Key) != first {
			w.Error("the unchanged one was disturbed")
		}
		if w.mints() != 3 {
			w.Errorf("%d mints, want one for each", w.mints())
		}
		w.apply(changed)
		w.wait(time.Second)
		if keys := w.series(); !slices.Equal(keys, []string{changed.Key}) {
			w.Errorf("series of %q are left", keys)
		}
		if code, _ := w.get("/readyz/" + all[0].Key); code != 404 {
			w.Errorf("a removed key answers %d", code)
		}
		if again, _ := w.redis.Get(all[0].Key); again != token {
			w.Error("the token of a removed credential was touched")
		}
	})
}

// TestApplyDuringAttempt: WeChat takes three seconds, and meanwhile the
// credential is changed, or taken away. Its token is stored all the same, and
// only then somebody else looks after the key.
func TestApplyDuringAttempt(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		for _, removed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, removed %v", api, removed), func(t *testing.T) {
				inWorldOfMany(t, 2, api, func(w *world) {
					all := w.config.Credentials
					w.config.Credentials = all[:1]
					w.inject(wechatsim.Fault{Kind: wechatsim.FaultDelay, Delay: 3 * time.Second, Times: 1})
					w.start()
					w.wait(time.Second)
					old := w.daemon.registry.find(all[0].Key)
					changed := all[0]
					changed.DailyLimit = 7
					if w.apply(all[1]); !removed {
						w.apply(changed, all[1])
					}
					w.wait(1900 * time.Millisecond)
					if text, _ := w.redis.Get(all[0].Key); text != "" || w.daemon.registry.find(all[0].Key) != old {
						w.Fatalf("while WeChat thinks: readers get %q", text)
					}
					w.wait(200 * time.Millisecond)
					if text, _ := w.redis.Get(all[0].Key); text == "" || w.mints() != 2 || w.logged("token refreshed") != 2 {
						w.Errorf("after WeChat's answer: readers get %q, %d mints\n%s", text, w.mints(), w.story())
					}
					e := w.daemon.registry.find(all[0].Key)
					if removed && e != nil || !removed && (e == nil || e == old || e.Spec().DailyLimit != 7) {
						w.Errorf("after the attempt the keeper is %v", e)
					}
					w.wait(time.Minute)
					if reasons := w.daemon.Ready(); reasons != nil || w.mints() != 2 {
						w.Errorf("a minute later: %v, %d mints", reasons, w.mints())
					}
				})
			})
		}
	}
}

// TestApplyWithoutRedis: a token that Redis does not take keeps its keeper until
// the lease is over, and no longer.
func TestApplyWithoutRedis(t *testing.T) {
	inWorldOfMany(t, 2, "classic", func(w *world) {
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultDelay, Delay: time.Second, Times: 1})
		all := w.config.Credentials
		w.config.Credentials = all[:1]
		w.start()
		w.wait(500 * time.Millisecond)
		w.toRedis.Refuse(true)
		w.wait(time.Second)
		w.apply(all[1])
		w.wait(20 * time.Second)
		if w.daemon.registry.find(all[0].Key) == nil {
			t.Fatal("gone within its lease, with a token that nobody stored")
		}
		w.wait(15 * time.Second)
		if w.daemon.registry.find(all[0].Key) != nil || w.daemon.registry.find(all[1].Key) == nil {
			t.Errorf("not gone after its lease\n%s", w.story())
		}
		w.toRedis.Heal()
		w.wait(time.Minute)
		if reasons := w.daemon.Ready(); reasons != nil || w.logged("redis answers again") != 1 {
			t.Errorf("not ready: %v\n%s", reasons, w.story())
		}
		w.rest()
	})
}

// TestApplyMoves: an account gets another key, and a key another account. The
// key's new account waits until the last call of the old one is an overlap old.
func TestApplyMoves(t *testing.T) {
	inWorldOfMany(t, 2, "stable", func(w *world) {
		all := w.config.Credentials
		w.config.Credentials = all[:1]
		w.start()
		w.wait(time.Minute)
		moved, taken := all[0], all[1]
		moved.Key, taken.Key = all[1].Key, all[0].Key
		w.apply(moved, taken)
		w.wait(time.Second)
		if !w.daemon.registry.find(moved.Key).Brief().Ready {
			t.Errorf("the account has no token under its new key\n%s", w.story())
		}
		w.wait(overlap + 10*time.Second)
		if reasons := w.daemon.Ready(); reasons != nil {
			t.Errorf("not ready: %v\n%s", reasons, w.story())
		}
	})
}

// TestApplyStop: an attempt of a credential that was taken away ends before the daemon does.
func TestApplyStop(t *testing.T) {
	inWorldOfMany(t, 2, "classic", func(w *world) {
		all := w.config.Credentials
		w.config.Credentials = all[:1]
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultDelay, Delay: 3 * time.Second, Times: 1})
		w.start()
		w.wait(time.Second)
		w.apply(all[1])
		w.kill()
		if text, _ := w.redis.Get(all[0].Key); text == "" {
			t.Error("the token was lost")
		}
	})
}

// TestApplyKeepsMemory: what an unchanged credential knows outlives a change of
// the others, so that it costs no call when Redis loses all.
func TestApplyKeepsMemory(t *testing.T) {
	inWorldOfMany(t, 2, "stable", func(w *world) {
		w.start()
		w.wait(time.Minute)
		changed := w.config.Credentials[1]
		changed.Ahead = time.Minute
		w.apply(w.config.Credentials[0], changed)
		w.redis.FlushAll()
		w.wait(5 * time.Second)
		one, other := w.wechat.Calls(manyApp(0))[wechatsim.PathStableToken],
			w.wechat.Calls(manyApp(1))[wechatsim.PathStableToken]
		if one != 1 || other != 2 || w.daemon.Ready() != nil {
			w.Errorf("%d calls, and %d of the changed one, want 1 and 2\n%s", one, other, w.story())
		}
	})
}

// TestApplyOpensAll or none: a keeper that cannot be made changes nothing. Files
// are read for it, and may hang: nobody waits for it.
func TestApplyOpensAll(t *testing.T) {
	inWorldOfMany(t, 3, "stable", func(w *world) {
		all := w.config.Credentials
		w.config.Credentials = all[:1]
		opened := 0
		w.startWith(func(*keeper.Options) {
			opened++
			if w.daemon != nil && !w.daemon.registry.mu.TryLock() {
				w.Error("the registry waits for a keeper that is made")
			} else if w.daemon != nil {
				w.daemon.registry.mu.Unlock()
			}
		})
		w.wait(time.Minute)
		broken := all[2]
		broken.API = "none"
		_, err := w.daemon.apply(w.Context(), []config.Credential{all[1], broken})
		if err == nil || !strings.Contains(err.Error(), broken.Key) || opened != 2 {
			w.Errorf("%d opened, and %v", opened, err)
		}
		if keys := w.series(); !slices.Equal(keys, []string{all[0].Key}) || !slices.Equal(keysOf(w), keys) {
			w.Errorf("%q have series, %q are shown, want the first alone", keys, keysOf(w))
		}
	})
}
