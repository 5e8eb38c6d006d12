package daemon

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/testnet"
)

// isTelling knows what readers are told by.
func isTelling(write []byte) bool { return strings.Contains(strings.ToLower(string(write)), "publish") }

// publishing has judge look at each PUBLISH that arrives at Redis, and answer it
// with an error unless that is "".
func (w *world) publishing(judge func(channel, message string) (refusal string)) {
	w.Helper()
	// This creates the server inside, which takes the hook.
	conn, err := w.redis.Dial()
	w.must(err)
	w.must(conn.Close())
	w.redis.Server().SetPreHook(func(peer *server.Peer, cmd string, args ...string) bool {
		if cmd != "PUBLISH" {
			return false
		}
		refusal := judge(args[0], args[1])
		if refusal != "" {
			peer.WriteError(refusal)
		}
		return refusal != ""
	})
}

// news are what readers of the key are told since it was last asked for.
func (w *world) news() func() []store.News {
	w.Helper()
	var mu sync.Mutex
	var told []store.News
	w.publishing(func(channel, message string) string {
		mu.Lock()
		defer mu.Unlock()
		var one store.News
		if err := json.Unmarshal([]byte(message), &one); err != nil || channel != "wxtokend:"+testKey {
			w.Errorf("told %q on %q", message, channel)
		}
		told = append(told, one)
		return ""
	})
	return func() []store.News {
		mu.Lock()
		defer mu.Unlock()
		all := told
		told = nil
		return all
	}
}

// TestReadersAreTold of each new token once, whichever replica drew it, and of
// nothing else: an unchanged answer, a restart, a token that is written back.
func TestReadersAreTold(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		inWorld(t, api, func(w *world) {
			w.config.Refresh.Poll = 20 * time.Second
			if api == "stable" {
				// WeChat renews it five minutes before its end, and gives the same until then.
				w.config.Credentials[0].Ahead = 10 * time.Minute
			}
			heard := w.news()
			w.start()
			w.launch(newReplica("10.0.0.10"))
			w.wait(time.Minute)
			first := heard()
			if want := secret.Token(w.read()).Fingerprint(); len(first) != 1 || first[0].Fingerprint != want ||
				!first[0].ExpiresAt.Equal(w.state().ExpiresAt) {
				t.Fatalf("%s: told %+v of %s, which ends %v", api, first, want, w.state().ExpiresAt)
			}
			w.redis.Del(testKey)
			w.wait(time.Minute)
			w.redis.FlushAll()
			w.wait(time.Minute)
			w.kill()
			w.start()
			w.wait(time.Minute)
			if more := heard(); len(more) != 0 || !w.accepted() {
				t.Errorf("%s: told %+v of a token that readers were told of", api, more)
			}
			before := w.mints()
			w.wait(5 * time.Hour)
			var told, drawn []string
			for _, one := range heard() {
				told = append(told, one.Fingerprint)
			}
			for _, issue := range w.wechat.Issued()[before:] {
				drawn = append(drawn, issue.Token.Fingerprint())
			}
			if unchanged := w.logged("result=unchanged"); api == "stable" && unchanged == 0 {
				t.Error("WeChat never gave the same token")
			}
			if len(drawn) < 2 || !slices.Equal(told, drawn) {
				t.Errorf("%s: told %v, drawn %v\n%s", api, told, drawn, w.logs)
			}
		})
	}
}

// TestTellingCostsNoCommit: Redis refuses to tell readers, or never answers. The
// token is stored all the same, and that is said once, for all credentials.
func TestTellingCostsNoCommit(t *testing.T) {
	answers := map[string]string{
		"a missing right":         "NOPERM this user has no permissions to run the 'publish' command",
		"a missing channel":       "NOPERM No permissions to access a channel",
		"a server without it":     "ERR unknown command 'PUBLISH'",
		"a proxy that answers so": "ERR unsupported command",
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			inWorldOfMany(t, 3, "stable", func(w *world) {
				w.sockets = false
				w.config.Refresh.Poll = 20 * time.Second
				w.publishing(func(string, string) string { return answer })
				w.start()
				w.wait(5 * time.Hour)
				if said := w.logged("level=WARN msg=\"readers are not told"); said != 1 || w.logged("level=WARN") != 1 {
					t.Errorf("said %d times\n%s", said, w.logs)
				}
				if want := 3 * 3; w.mints() != want || w.daemon.Ready() != nil {
					t.Errorf("%d mints, want %d; %v", w.mints(), want, w.daemon.Ready())
				}
			})
		})
	}
	for name, spoil := range map[string]func(*testnet.Faults){
		"the request is lost": func(f *testnet.Faults) { f.DropRequests(1, isTelling) },
		"the reply is lost":   func(f *testnet.Faults) { f.DropReplies(1, isTelling) },
		"it hangs":            func(f *testnet.Faults) { f.HoldRequests(1, isTelling, time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "classic", func(w *world) {
				spoil(w.toRedis)
				w.start()
				w.wait(10 * time.Second)
				if !w.accepted() || w.daemon.Ready() != nil || w.mints() != 1 || w.toRedis.Pending() != 0 {
					t.Errorf("%v, %d mints, %d to lose\n%s", w.daemon.Ready(), w.mints(), w.toRedis.Pending(), w.logs)
				}
			})
		})
	}
}

// TestToldAfterALostReply: the reply of a commit was lost, and whoever asks again
// is told that it had arrived.
func TestToldAfterALostReply(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		heard := w.news()
		w.loadScripts()
		before := w.mints()
		heard()
		w.toRedis.DropReplies(1, isCommit)
		w.start()
		w.wait(time.Minute)
		if told := heard(); len(told) != 1 || w.mints() != before+1 || w.toRedis.Pending() != 0 {
			t.Errorf("told %+v\n%s", told, w.logs)
		}
	})
}
