package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechatsim"
)

// verifications is how often WeChat was asked about a token.
func (w *world) verifications() int { return w.wechat.Calls(testAppID)[wechatsim.PathDomainIP] }

// TestWeChatIsWrongAboutTokens: for half an hour WeChat says of every token
// that it is invalid. Readers keep theirs, few are drawn for nothing, and what
// was said falsely is forgotten: a key that is deleted then is written back.
func TestWeChatIsWrongAboutTokens(t *testing.T) {
	withoutRace(t)
	for api, most := range map[string]int{"stable": 8, "classic": 8} {
		inWorld(t, api, func(w *world) {
			w.start()
			w.wait(time.Minute)
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40001, Path: wechatsim.PathDomainIP,
				Until: time.Now().Add(30 * time.Minute)})
			for range 30 * 60 {
				if w.wait(time.Second); !w.accepted() {
					t.Fatalf("%s: readers were refused\n%s", api, w.logs)
				}
			}
			if got := w.mints() - 1; got < 1 || got > most {
				t.Errorf("%s: %d tokens were drawn for nothing, want at most %d", api, got, most)
			}
			w.wait(w.config.Refresh.VerifyEvery)
			if reasons := w.daemon.Ready(); len(reasons) != 0 {
				t.Errorf("%s: not ready: %v\n%s", api, reasons, w.logs)
			}
			before := w.mints()
			w.redis.Del(testKey)
			if w.wait(2 * w.config.Refresh.Poll); !w.accepted() || w.mints() != before {
				t.Errorf("%s: accepted: %v, %d mints\n%s", api, w.accepted(), w.mints()-before, w.logs)
			}
		})
	}
}

// TestVerificationsHaveTheirQuota: WeChat answers a thousand a day, whoever
// kills tokens or breaks the key all day.
func TestVerificationsHaveTheirQuota(t *testing.T) {
	withoutRace(t)
	harms := map[string]func(w *world){
		"the key is deleted": func(w *world) { w.redis.Del(testKey) },
		"somebody draws":     func(w *world) { w.draw(1) },
	}
	for name, harm := range harms {
		inWorld(t, "classic", func(w *world) {
			w.start()
			for range 24 * 12 {
				w.wait(5 * time.Minute)
				harm(w)
			}
			if got := w.verifications(); got < 300 || got > 1000 {
				t.Errorf("%s every five minutes: %d verifications in a day", name, got)
			}
			figure(t, "verifications", "%s every five minutes: %d in a day", name, w.verifications())
		})
	}
}

// TestBlind: with the quota of verifications used up nobody notices that the
// token was replaced. That is said, and WeChat is not pressed.
func TestBlind(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.start()
		w.wait(time.Minute)
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45009, Path: wechatsim.PathDomainIP,
			Until: time.Now().Add(65 * time.Minute)})
		w.wait(time.Hour)
		if got := w.verifications(); got < 1 || got > 2 {
			t.Errorf("%d verifications in an hour without an answer", got)
		}
		if said := w.logged("level=WARN msg=\"WeChat answers no question about the token"); said != w.verifications() {
			t.Errorf("said %d times\n%s", said, w.logs)
		}
		if notes := strings.Join(w.daemon.registry.all()[0].Credential().Notes, "\n"); !strings.Contains(notes,
			"questions about a token is used up") {
			t.Errorf("the page says %q", notes)
		}
		w.wait(time.Hour)
		before := w.verifications()
		w.wait(w.config.Refresh.VerifyEvery)
		if notes := w.daemon.registry.all()[0].Credential().Notes; w.verifications() == before || len(notes) != 0 {
			t.Errorf("%d verifications after it, the page says %q", w.verifications()-before, notes)
		}
	})
}

// TestBlindUntilMidnight: WeChat counts anew then.
func TestBlindUntilMidnight(t *testing.T) {
	withoutRace(t)
	inWorld(t, "classic", func(w *world) {
		w.start()
		w.wait(time.Until(store.NextDay(time.Now())) - 10*time.Minute)
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45009, Path: wechatsim.PathDomainIP,
			Until: time.Now().Add(10 * time.Minute)})
		w.wait(9 * time.Minute)
		before := w.verifications()
		if w.wait(w.config.Refresh.VerifyEvery); w.verifications() == before {
			t.Errorf("no verification after midnight\n%s", w.logs)
		}
	})
}

// TestBusyIsNotBlind: any other answer that says nothing is asked for again soon.
func TestBusyIsNotBlind(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.start()
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Path: wechatsim.PathDomainIP})
		w.wait(10 * time.Minute)
		if got := w.verifications(); got < 5 {
			t.Errorf("%d verifications in ten minutes of -1\n%s", got, w.logs)
		}
	})
}

// TestForcedRefreshesAreUsedUp: somebody else forced the day's twenty. WeChat's
// answer to ours keeps readers from nothing.
func TestForcedRefreshesAreUsedUp(t *testing.T) {
	withoutRace(t)
	inWorld(t, "stable", func(w *world) {
		w.protect()
		w.start()
		w.wait(90 * time.Minute)
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45009, Path: wechatsim.PathStableToken, Times: 1})
		if code, answer := w.post(testKey, "Bearer "+bearer, `{"force":true}`); code != 202 {
			t.Fatalf("%d %s", code, answer)
		}
		for range 2 * 3600 {
			if w.wait(time.Second); !w.accepted() {
				t.Fatalf("readers were left without a token\n%s", w.logs)
			}
		}
		if w.mints() != 2 {
			t.Errorf("%d tokens, want 2", w.mints())
		}
	})
}

// TestBrokenKeyHidesNoRogue: a reader that gives the key another life, or
// deletes it, at each poll keeps nobody from noticing that the token is dead,
// and the next one comes in time.
func TestBrokenKeyHidesNoRogue(t *testing.T) {
	withoutRace(t)
	for name, harm := range map[string]func(w *world){
		"expire": func(w *world) { w.redis.SetTTL(testKey, 2*time.Hour) },
		"del":    func(w *world) { w.redis.Del(testKey) },
	} {
		for _, killed := range []bool{true, false} {
			inWorld(t, "classic", func(w *world) {
				w.start()
				w.wait(time.Minute)
				token, start := w.read(), time.Now()
				if killed {
					w.draw(2)
				}
				most := w.config.Refresh.VerifyEvery
				if !killed {
					most = 90*time.Minute + 30*time.Second
				}
				for w.redis.HGet("{"+testKey+"}:state", "token") == token {
					w.wait(time.Second)
					harm(w)
					if time.Since(start) > most {
						t.Fatalf("%s, killed: %v: not replaced within %v\n%s", name, killed, most, w.logs)
					}
				}
			})
		}
	}
}

// TestFalseRefusalIsForgotten: WeChat was wrong about a token, and took that
// back. A process that knew of it restores the token all the same.
func TestFalseRefusalIsForgotten(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.start()
		w.wait(time.Minute)
		token, state := w.read(), "{"+testKey+"}:state"
		w.redis.HSet(state, "refused", secret.Token(token).Fingerprint(), "next_attempt_at",
			fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()))
		w.wait(w.config.Refresh.VerifyEvery)
		if refused := w.redis.HGet(state, "refused"); refused != "" {
			t.Fatalf("still refused: %q\n%s", refused, w.logs)
		}
		w.redis.FlushAll()
		if w.wait(2 * w.config.Refresh.Poll); w.read() != token {
			t.Errorf("the token is not restored\n%s", w.logs)
		}
	})
}

// TestKeyIsBrokenAllDay: whoever deletes the key again and again, and then all
// that Redis has, makes nobody draw a token.
func TestKeyIsBrokenAllDay(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.start()
		w.wait(time.Minute)
		for range 100 {
			w.redis.Del(testKey)
			w.wait(100 * time.Millisecond)
		}
		w.redis.FlushAll()
		if w.wait(2 * w.config.Refresh.Poll); !w.accepted() || w.mints() != 1 {
			t.Errorf("accepted: %v, %d tokens, want 1", w.accepted(), w.mints())
		}
	})
}
