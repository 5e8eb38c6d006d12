package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/wechatsim"
)

// TestRogueIsNoticed lets somebody else draw tokens until ours is dead, and
// nobody reports it: verification has to, even if it has just asked.
func TestRogueIsNoticed(t *testing.T) {
	for name, verified := range map[string]int{"soon after the mint": 0, "just after a verification": 1} {
		inWorld(t, "classic", func(w *world) {
			w.start()
			w.wait(time.Minute)
			for w.verifications() < verified {
				w.wait(10 * time.Millisecond)
			}
			dead := w.read()
			w.draw(2) // the second one kills ours at once: only the newest two live
			if w.accepted() {
				t.Fatal("the rogue did no harm")
			}
			took := w.untilAccepted(w.config.Refresh.VerifyEvery)
			figure(t, "a rogue without watch, "+name, "replaced %v after WeChat's first refusal", took)
			if w.read() == dead {
				t.Error("the dead token came back")
			}
			w.wait(overlap + time.Second)
			before := w.mints()
			w.wait(time.Hour)
			if got := w.mints() - before; got > 1 {
				t.Errorf("%d mints in a quiet hour", got)
			}
		})
	}
}

// untilAccepted is how long it takes until WeChat accepts what readers get.
func (w *world) untilAccepted(most time.Duration) time.Duration {
	w.Helper()
	start := time.Now()
	for !w.accepted() {
		w.wait(100 * time.Millisecond)
		if took := time.Since(start); took > most {
			w.Fatalf("not replaced after %v, want at most %v\n%s", took, most, w.logs)
		}
	}
	return time.Since(start)
}

// TestOwnMintMayHaveReplacedIt: while a mint of our own is outstanding, nobody
// else is suspected of drawing.
func TestOwnMintMayHaveReplacedIt(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.start()
		w.wait(time.Minute)
		token, state := w.read(), "{"+testKey+"}:state"
		w.draw(2)
		w.redis.HSet(state, "generation", "2", "unknown_until", fmt.Sprint(time.Now().Add(25*time.Second).UnixMilli()),
			"unknown_wait", "30000")
		w.must(w.redis.Set("{"+testKey+"}:rejected", token))
		w.untilAccepted(20 * time.Second)
		if ours, theirs := w.logged("a mint of our own"), w.logged("somebody else"); ours != 1 || theirs != 0 {
			t.Errorf("%d times a mint of our own, %d times somebody else\n%s", ours, theirs, w.logs)
		}
	})
}

// TestStrangerIsSaid: a token that somebody else writes is named once in the
// log and counted once, not on each poll, and so is the next one.
func TestStrangerIsSaid(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		inWorld(t, api, func(w *world) {
			w.start()
			w.wait(time.Minute)
			for n := 1; n <= 2; n++ {
				w.must(w.redis.Set(testKey, fmt.Sprintf("98_%0120d", n)))
				w.wait(time.Minute)
				if said := w.logged("level=WARN msg=\"somebody else wrote a token under this key"); said != n {
					t.Errorf("%s: said %d times, want %d\n%s", api, said, n, w.logs)
				}
				if got := metric(w, w.page1("/metrics"), `wxtokend_foreign_tokens_total{key="WXAccessToken"}`); got != float64(n) {
					t.Errorf("%s: counted %v times, want %d", api, got, n)
				}
			}
		})
	}
}

// TestNoFight lets a rogue kill every token as soon as it is there.
func TestNoFight(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.start()
		w.wait(time.Minute)
		before, ours := w.mints(), 0
		for range 3600 / 10 {
			if w.accepted() {
				w.draw(2)
				before += 2
			}
			w.wait(10 * time.Second)
		}
		ours = w.mints() - before
		if ours < 6 || ours > 12 {
			t.Errorf("%d mints in an hour, want about one in five minutes to ten", ours)
		}
		if notes := strings.Join(w.daemon.registry.all()[0].Credential().Notes, "\n"); !strings.Contains(notes,
			"somebody else keeps drawing tokens") {
			t.Errorf("the page does not say that somebody else draws tokens: %s", notes)
		}
		if w.logged("level=WARN msg=\"WeChat refuses the stored token: somebody else drew one") == 0 {
			t.Errorf("nor does the log\n%s", w.logs)
		}
	})
}

// TestStableRefused kills the stable token with forced refreshes of somebody
// else: asking in normal mode brings theirs, and no forced refresh is spent.
func TestStableRefused(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(time.Minute)
		for range 2 {
			if _, err := w.wechat.ForceRefresh(testAppID); err != nil {
				t.Fatal(err)
			}
			w.wait(31 * time.Second)
		}
		w.wait(w.config.Refresh.VerifyEvery)
		if !w.accepted() {
			t.Fatalf("not replaced\n%s", w.logs)
		}
		if forced := w.state().Force; forced != 0 {
			t.Errorf("%d forced refreshes wanted", forced)
		}
		for _, issue := range w.wechat.Issued()[3:] {
			t.Errorf("a token was drawn needlessly: %+v", issue)
		}
	})
}

// TestReport lets a reader say that its token is refused.
func TestReport(t *testing.T) {
	for name, truth := range map[string]bool{"rightly": true, "wrongly": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "classic", func(w *world) {
				w.start()
				w.wait(time.Minute)
				token := w.read()
				if truth {
					w.draw(2)
				}
				before := w.mints()
				_ = w.redis.Set("{"+testKey+"}:rejected", token)
				w.wait(15 * time.Second)
				if !w.accepted() || (w.read() != token) != truth {
					t.Errorf("replaced: %v, want %v\n%s", w.read() != token, truth, w.logs)
				}
				if got := w.mints() - before; truth && got != 1 || !truth && got != 0 {
					t.Errorf("%d mints", got)
				}
				if w.redis.Exists("{" + testKey + "}:rejected") {
					t.Error("the report was not deleted")
				}
				if calls := w.verifications(); !truth && calls != 1 {
					t.Errorf("%d verifications", calls)
				}
			})
		})
	}
}

// TestQuestionHoldsUpNothing: WeChat leaves a verification without an answer,
// and meanwhile somebody deletes the key.
func TestQuestionHoldsUpNothing(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.config.Credentials[0].VerifyEvery = w.config.Refresh.Poll
		asking := make(chan struct{}, 100)
		w.passing = func(s keeper.Step, _ string) {
			if s == keeper.Verifying {
				asking <- struct{}{}
			}
		}
		w.start()
		w.wait(time.Minute)
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultHang, Path: wechatsim.PathDomainIP})
		for len(asking) > 0 {
			<-asking
		}
		<-asking
		w.redis.Del(testKey)
		w.wait(w.config.Refresh.Poll)
		if !w.accepted() {
			t.Errorf("not written back within one poll\n%s", w.logs)
		}
		w.wait(w.config.Refresh.Poll)
		if again := len(asking); again != 0 {
			t.Errorf("asked %d times more meanwhile", again)
		}
	})
}

// draw is a rogue script with the same appid.
func (w *world) draw(n int) {
	w.Helper()
	for range n {
		if _, err := w.wechat.Draw(testAppID, wechatsim.Classic, rogue); err != nil {
			w.Fatal(err)
		}
	}
}

// TestReportsDoNotHoldUpVerification: readers that report their dead token
// without a pause, and somebody who writes bytes that are no text.
func TestReportsDoNotHoldUpVerification(t *testing.T) {
	for name, report := range map[string]func(token string) string{
		"dead token": func(token string) string { return token },
		"not text":   func(string) string { return "\xff\xfe" },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, "classic", func(w *world) {
				w.start()
				w.wait(time.Minute)
				w.draw(2)
				for range 10 * 300 {
					_ = w.redis.Set("{"+testKey+"}:rejected", report(w.read()))
					w.wait(100 * time.Millisecond)
				}
				if !w.accepted() {
					t.Errorf("a dead token is not replaced while readers report it\n%s", w.logs)
				}
			})
		})
	}
}

// TestCallsThatNeverLeft do not count for the day, however many there are.
func TestCallsThatNeverLeft(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.config.Credentials[0].DailyLimit = 3
		w.toWeChat.Refuse(true)
		w.start()
		w.wait(10 * time.Minute)
		w.toWeChat.Heal()
		w.wait(time.Minute)
		if !w.accepted() {
			t.Errorf("refused dials have used up the daily limit\n%s", w.logs)
		}
	})
}

// TestDailyLimitIsSaid: the last call of the day is spent, and everybody is told.
func TestDailyLimitIsSaid(t *testing.T) {
	inWorldOf(t, "stable", shortLife, func(w *world) {
		w.config.Credentials[0].DailyLimit = 1
		w.start()
		w.wait(time.Hour)
		reasons := strings.Join(w.daemon.Ready(), "; ")
		if !strings.Contains(reasons, "daily_limit") ||
			!strings.Contains(w.logs.String(), "daily_limit of calls is reached") {
			t.Errorf("not ready: %s\n%s", reasons, w.logs)
		}
		if w.mints() != 1 {
			t.Errorf("%d mints with a limit of 1", w.mints())
		}
	})
}
