package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechatsim"
)

const (
	silenceperKey = "gowechat_officialaccount__stable_access_token_" + testAppID
	rawKey        = "shop:wx:token"
	hashKey       = "shop:wx:hash"
)

// withTargets gives the world's credential targets of each sort.
func (w *world) withTargets() {
	w.config.Credentials[0].Targets = []config.Target{
		{Layout: "silenceper"}, {Key: rawKey, Format: "raw"}, {Key: hashKey, Format: "hash"},
		{File: filepath.Join(w.TempDir(), "token"), Format: "raw", Mode: "0640"},
	}
}

// file is the path of the target that is one.
func (w *world) file() string { return w.config.Credentials[0].Targets[3].File }

// atTargets is what lies at each target.
func (w *world) atTargets() map[string]secret.Token {
	found := map[string]secret.Token{}
	sdk, _ := w.redis.Get(silenceperKey)
	raw, _ := w.redis.Get(rawKey)
	file, _ := os.ReadFile(w.file())
	found[silenceperKey], found[rawKey] = secret.Token(sdk), secret.Token(raw)
	found[hashKey], found["file"] = secret.Token(w.redis.HGet(hashKey, "access_token")), secret.Token(file)
	return found
}

// shown says where readers get another token than under the key.
func (w *world) unlike() (all []string) {
	for place, token := range w.atTargets() {
		if token.Reveal() != w.read() {
			all = append(all, fmt.Sprintf("%s has %v", place, token))
		}
	}
	return all
}

// followsWithin waits until all targets say what the key says.
func (w *world) followsWithin(limit time.Duration) time.Duration {
	w.Helper()
	start := time.Now()
	for len(w.unlike()) > 0 {
		if time.Since(start) > limit {
			w.Fatalf("after %v: %v, not %v\n%s", limit, w.unlike(), secret.Token(w.read()), w.story())
		}
		w.wait(50 * time.Millisecond)
	}
	return time.Since(start)
}

// TestTargetsFollow: for hours each target says what the key says, at most a poll
// later, never longer than the key, and never nothing.
func TestTargetsFollow(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			inWorld(t, api, func(w *world) {
				w.withTargets()
				w.start()
				w.followsWithin(time.Second)
				most := time.Duration(0)
				for range 2*3600 + 600 {
					w.wait(time.Second)
					for place, token := range w.atTargets() {
						if !w.wechat.Accepts(testAppID, token.Reveal()) {
							w.Fatalf("%s has %v", place, token)
						}
					}
					for _, key := range []string{silenceperKey, rawKey, hashKey} {
						if ttl := w.redis.TTL(key); ttl <= 0 || ttl > w.redis.TTL(testKey) {
							w.Fatalf("%s ends in %v, and the key in %v", key, ttl, w.redis.TTL(testKey))
						}
					}
					most = max(most, w.followsWithin(w.config.Refresh.Poll))
				}
				info, err := os.Stat(w.file())
				if err != nil || info.Mode().Perm() != 0o640 {
					w.Errorf("%v, %v", info, err)
				}
				if w.logged("level=WARN") != 0 || w.mints() > 4 {
					w.Errorf("%d mints\n%s", w.mints(), w.story())
				}
				figure(t, "targets", "%s: up to %v after the key", api, most)
			})
		})
	}
}

// TestTargetIsBack: whatever somebody does to a target is undone within a poll,
// counted and told once where it says that an app fetches its own token.
func TestTargetIsBack(t *testing.T) {
	for name, tt := range map[string]struct {
		harm    func(w *world)
		foreign int
	}{
		"deleted": {func(w *world) { w.redis.Del(silenceperKey); w.redis.Del(hashKey); _ = os.Remove(w.file()) }, 0},
		"overwritten by an SDK": {func(w *world) {
			w.must(w.redis.Set(silenceperKey, "98_"+strings.Repeat("x", 130)))
		}, 1},
		"another form": {func(w *world) { w.must(w.redis.Set(rawKey, `"`+w.read()+`"`)) }, 0},
		"no end":       {func(w *world) { w.must(w.redis.Set(rawKey, w.read())) }, 0},
		"another type": {func(w *world) { w.redis.Del(rawKey); w.redis.HSet(rawKey, "a", "b") }, 1},
		"a field more, and one changed": {func(w *world) {
			w.redis.HSet(hashKey, "access_token", strings.Repeat("y", 130), "z", "1")
		}, 1},
		"a file that was changed": {func(w *world) {
			w.must(os.WriteFile(w.file(), []byte("98_"+strings.Repeat("x", 130)), 0o600))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "stable", func(w *world) {
				w.withTargets()
				w.start()
				w.followsWithin(time.Second)
				w.wait(time.Minute)
				for n := 1; n <= 2; n++ {
					tt.harm(w)
					w.wait(w.config.Refresh.Poll + 100*time.Millisecond)
					if all := w.unlike(); len(all) > 0 || w.redis.TTL(rawKey) <= 0 || w.redis.HGet(hashKey, "z") != "" {
						w.Fatalf("after a poll: %v\n%s", all, w.story())
					}
					w.wait(time.Minute)
				}
				counted := metric(w, w.page1("/metrics"), `wxtokend_target_foreign_tokens_total{key="WXAccessToken"}`)
				if said := w.logged("an app fetches its own token"); said != 2*tt.foreign || counted != float64(2*tt.foreign) {
					w.Errorf("said %d times, counted %v\n%s", said, counted, w.story())
				}
				if w.mints() != 1 {
					w.Errorf("%d mints", w.mints())
				}
			})
		})
	}
}

// TestForeignTargetIsAnswered: where each draw replaces, a token that an app drew
// for itself ends ours. A mint answers it before readers notice, once an overlap.
func TestForeignTargetIsAnswered(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.withTargets()
		w.start()
		w.followsWithin(time.Second)
		w.wait(time.Minute)
		drawn, err := w.wechat.Draw(testAppID, wechatsim.Classic, "an app")
		w.must(err)
		w.must(w.redis.Set(silenceperKey, drawn.Reveal()))
		for range 3600 {
			w.wait(time.Second)
			if !w.accepted() {
				w.Fatalf("readers have a dead token\n%s", w.story())
			}
		}
		w.followsWithin(time.Second)
		if ours := w.mints() - 1; ours != 2 || w.logged("an app fetches its own token") != 1 {
			w.Errorf("%d mints of our own\n%s", ours, w.story())
		}
	})
}

// TestFileOfExpiredTokenGoes: a file has no time to live, so it is removed when
// its token ends, also while Redis is away.
func TestFileOfExpiredTokenGoes(t *testing.T) {
	withoutRace(t)
	for _, redisAway := range []bool{false, true} {
		t.Run(fmt.Sprint("Redis away: ", redisAway), func(t *testing.T) {
			inWorld(t, "stable", func(w *world) {
				w.withTargets()
				w.start()
				w.followsWithin(time.Second)
				w.wait(time.Minute)
				w.toWeChat.Refuse(true)
				w.toRedis.Refuse(redisAway)
				w.wait(2*time.Hour - 2*time.Minute)
				if _, err := os.Stat(w.file()); err != nil {
					w.Error(err)
				}
				w.must(os.Remove(w.file()))
				w.wait(w.config.Refresh.Poll)
				if _, err := os.Stat(w.file()); err != nil {
					w.Errorf("not back: %v", err)
				}
				w.wait(2 * time.Minute)
				if _, err := os.Stat(w.file()); !os.IsNotExist(err) || w.logged("removed the file") != 1 {
					w.Errorf("an expired token lies there: %v\n%s", err, w.story())
				}
				w.toWeChat.Heal()
				w.toRedis.Heal()
				w.wait(time.Minute)
				w.followsWithin(time.Second)
			})
		})
	}
}

// TestTargetsChange: a reload writes to new targets at once, and leaves those that
// are no longer named to their end.
func TestTargetsChange(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.withTargets()
		all := w.config.Credentials[0].Targets
		w.config.Credentials[0].Targets = all[:1:1]
		w.start()
		w.wait(10 * time.Second)
		changed := w.config.Credentials[0]
		changed.Targets = all[1:]
		if got := w.apply(changed); got != (Changes{Changed: 1}) {
			w.Fatalf("%+v", got)
		}
		w.config.Credentials[0].Targets = all
		w.followsWithin(2 * w.config.Refresh.Poll)
		w.redis.Del(silenceperKey)
		w.wait(time.Minute)
		if w.redis.Exists(silenceperKey) || w.mints() != 1 {
			w.Errorf("a target that is no longer named is written; %d mints", w.mints())
		}
	})
}
