package daemon

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

// somebodyDraws calls WeChat as an SDK with the same AppSecret does, which WeChat counts.
func (w *world) somebodyDraws() {
	w.Helper()
	answer := httptest.NewRecorder()
	w.wechat.ServeHTTP(answer, httptest.NewRequest("GET", wechatsim.PathToken+"?grant_type=client_credential&appid="+
		testAppID+"&secret="+testSecret, nil))
	if !strings.Contains(answer.Body.String(), "access_token") {
		w.Fatalf("WeChat answers somebody else: %s", answer.Body)
	}
}

func (w *world) questionsForCounts() int { return w.wechat.Calls(testAppID)[wechatsim.PathQuotaGet] }

// TestOutsideDrawsAreTold: an SDK draws every two hours, each time soon after the daemon, so that
// no reader's token is dead before the daemon draws again. Each replica says so, by log, page and metrics.
func TestOutsideDrawsAreTold(t *testing.T) {
	withoutRace(t)
	inWorld(t, "classic", func(w *world) {
		w.config.Refresh.Poll = 10 * time.Second
		other := newReplica("10.0.0.10")
		w.start()
		w.launch(other)
		defer other.kill()
		for n := 1; n <= 3; n++ {
			w.wait(20 * time.Minute)
			if n == 3 && w.logged("level=WARN msg=\"somebody else has drawn") != 0 {
				t.Errorf("told of %d draws\n%s", n-1, w.logs)
			}
			w.somebodyDraws()
		}
		w.wait(20 * time.Minute)
		if w.logged("level=WARN msg=\"somebody else has drawn 3 tokens for this appid today") != 2 {
			t.Errorf("not told by each of two\n%s", w.logs)
		}
		quota, err := w.wechat.Quota(testAppID, wechatsim.PathToken)
		w.must(err)
		for _, r := range []*replica{w.replica, other} {
			if notes := strings.Join(r.daemon.registry.all()[0].Credential().Notes, "\n"); !strings.Contains(notes,
				"somebody else has drawn 3 tokens for this appid today") {
				t.Errorf("notes: %s", notes)
			}
		}
		text := w.page1("/metrics")
		for name, want := range map[string]int{
			"outside_draws_today": 3, "wechat_quota_used": quota.Used, "wechat_quota_limit": 2000,
		} {
			if got := metric(w, text, "wxtokend_"+name+`{key="WXAccessToken"}`); got != float64(want) {
				t.Errorf("%s is %v, want %d", name, got, want)
			}
		}
		// Bubbles begin at 08:00 in China; the next day begins without any of it.
		w.wait(16 * time.Hour)
		if text := w.page1("/metrics"); metric(w, text, `wxtokend_outside_draws_today{key="WXAccessToken"}`) != 0 {
			t.Error("told of a day that is over")
		}
	})
}

// TestNobodyElseIsAccused: what goes wrong between us, WeChat and Redis is no draw of
// somebody else. Two replicas live for more than a day, in each hour of which it does.
func TestNobodyElseIsAccused(t *testing.T) {
	withoutRace(t)
	const hours = 26
	for name, spoil := range map[string]func(w *world, hour int){
		"nothing": func(*world, int) {},
		"replies of draws lost": func(w *world, _ int) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultReplyLost, Times: 1, Path: wechatsim.PathToken})
		},
		"requests of draws lost":  func(w *world, _ int) { w.toWeChat.DropRequests(1, isMint) },
		"draws held for a minute": func(w *world, _ int) { w.toWeChat.HoldRequests(1, isMint, time.Minute) },
		"WeChat busy": func(w *world, _ int) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Times: 3})
		},
		"replies of counts lost": func(w *world, hour int) {
			if hour%3 == 0 {
				w.inject(wechatsim.Fault{Kind: wechatsim.FaultReplyLost, Times: 1, Path: wechatsim.PathQuotaGet})
			}
		},
		"commits lost": func(w *world, _ int) {
			w.toRedis.DropReplies(1, isCommit)
			w.toRedis.DropRequests(1, isCommit)
		},
		"Redis flushed":           func(w *world, _ int) { w.redis.FlushAll() },
		"state deleted":           func(w *world, _ int) { w.redis.Del("{" + testKey + "}:state") },
		"dials refused":           func(w *world, hour int) { w.toWeChat.Refuse(hour%2 == 0) },
		"crash and restart":       func(w *world, _ int) { w.crash(); w.start() },
		"the count cleared":       func(w *world, hour int) { w.resets(hour == 9) },
		"WeChat's day ends later": (*world).lateDay,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "classic", func(w *world) {
				w.config.Refresh.Poll = 30 * time.Second
				other := newReplica("10.0.0.10")
				w.start()
				w.launch(other)
				defer other.kill()
				asked := 0
				for hour := range hours {
					spoil(w, hour)
					w.wait(time.Hour + time.Duration(hour)*time.Second)
					if s := w.state(); s.OutsideToday != 0 {
						t.Fatalf("after %d hours: %d draws of somebody else\n%s", hour, s.OutsideToday, w.logs)
					}
					asked = max(asked, w.state().QuotaUsed)
				}
				said := w.logged("somebody else has drawn")
				if n := w.questionsForCounts(); said != 0 || asked == 0 || n < 3*hours || n > 12*hours+2 {
					t.Errorf("said %d times, WeChat counted %d, asked %d times\n%s", said, asked, n, w.logs)
				}
			})
		})
	}
}

// resets clears WeChat's count, as a person may.
func (w *world) resets(now bool) {
	if now {
		w.must(w.wechat.SetQuota(testAppID, wechatsim.PathToken, wechatsim.Quota{Limit: 2000}))
	}
}

// lateDay keeps yesterday's count at WeChat until three in the morning, and then begins anew.
func (w *world) lateDay(hour int) {
	q, err := w.wechat.Quota(testAppID, wechatsim.PathToken)
	w.must(err)
	switch hour % 24 {
	case 15:
		time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(16*time.Hour + time.Second)))
		w.must(w.wechat.SetQuota(testAppID, wechatsim.PathToken, q))
	case 18:
		w.must(w.wechat.SetQuota(testAppID, wechatsim.PathToken, wechatsim.Quota{Limit: 2000}))
	}
}

// TestStableDrawsAreNobodysBusiness: any SDK may ask for the stable token, which ends none.
func TestStableDrawsAreNobodysBusiness(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(10 * time.Minute)
		q, err := w.wechat.Quota(testAppID, wechatsim.PathStableToken)
		w.must(err)
		q.Used += 50
		w.must(w.wechat.SetQuota(testAppID, wechatsim.PathStableToken, q))
		w.wait(20 * time.Minute)
		text := w.page1("/metrics")
		if got := metric(w, text, `wxtokend_wechat_quota_used{key="WXAccessToken"}`); got != 51 {
			t.Errorf("WeChat's count is told as %v", got)
		}
		if strings.Contains(text, "wxtokend_outside_draws_today{") || w.logged("somebody else") != 0 {
			t.Errorf("somebody is accused\n%s", w.logs)
		}
	})
}

// TestCountsAreNoHarm: whatever WeChat says to the question for its count, or if it says nothing, the
// token is verified as often as without, and it is not asked again within the hour.
func TestCountsAreNoHarm(t *testing.T) {
	withoutRace(t)
	verified := func(f *wechatsim.Fault, every time.Duration) (questions, counts int) {
		inWorld(t, "classic", func(w *world) {
			w.config.Credentials[0].VerifyEvery = every
			if f != nil {
				w.inject(*f)
			}
			w.start()
			w.wait(85 * time.Minute)
			questions, counts = w.verifications(), w.questionsForCounts()
			if w.logged("level=WARN") != 0 || !w.accepted() || w.mints() != 1 {
				t.Errorf("%+v: %d mints\n%s", f, w.mints(), w.logs)
			}
		})
		return questions, counts
	}
	for _, every := range []time.Duration{5 * time.Minute, 90 * time.Second} {
		want, counts := verified(nil, every)
		if most := int(85*time.Minute/(5*time.Minute)) + 1; counts < most/2 || counts > most {
			t.Errorf("verify_every %v: WeChat's count was asked for %d times, at most %d", every, counts, most)
		}
		for _, f := range []wechatsim.Fault{
			{Kind: wechatsim.FaultHang}, {Kind: wechatsim.FaultHTML}, {Kind: wechatsim.FaultErrcode, Code: 48001},
			{Kind: wechatsim.FaultErrcode, Code: 45009}, {Kind: wechatsim.FaultErrcode, Code: 40234},
			{Kind: wechatsim.FaultErrcode, Code: 40001},
		} {
			f.Path = wechatsim.PathQuotaGet
			t.Run(fmt.Sprint(f.Kind, f.Code, every), func(t *testing.T) {
				if questions, counts := verified(&f, every); questions < want-1 || questions > want+1 || counts != 2 {
					t.Errorf("%d verifications, without %d; %d questions for the count", questions, want, counts)
				}
			})
		}
	}
}
