package wechatsim_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

// accepted is WeChat's rule written down a second time, from the log alone:
// of each channel the newest token lives its life, the one before it at most
// five minutes longer than its reign.
func accepted(log []wechatsim.Issue, token string, now time.Time) bool {
	newer := map[wechatsim.Channel][]wechatsim.Issue{}
	for i := len(log) - 1; i >= 0; i-- {
		issue := log[i]
		if issue.AppID != appid {
			continue
		}
		later := newer[issue.Channel]
		if issue.Token.Reveal() == token {
			return now.Before(issue.ExpiresAt) && (len(later) == 0 ||
				len(later) == 1 && now.Before(later[0].At.Add(5*time.Minute)))
		}
		newer[issue.Channel] = append([]wechatsim.Issue{issue}, later...)
	}
	return false
}

// Random calls, faults and administrators: at every step the oracle, the
// endpoint and the rule agree about every token there ever was.
func TestOracleEqualsEndpointEqualsRule(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		inBubble(t, func(o *wechatsim.Options) { o.Seed = seed }, func(t *testing.T, s sim) {
			s.must(s.SetQuota(appid, wechatsim.PathDomainIP, wechatsim.Quota{Limit: 1 << 30}))
			dice := rand.New(rand.NewPCG(seed, 1))
			ops := []func(){
				func() { s.classic() },
				func() { s.stable() },
				func() { s.forced() },
				func() { s.do("GET", classicURL(appidTwo, pass), "") },
				func() { _, _ = s.Draw(appid, wechatsim.Classic, "rogue") },
				func() { _, _ = s.ForceRefresh(appid) },
				func() { _ = s.SetState(appid, []wechatsim.State{wechatsim.OK, wechatsim.Forbidden}[dice.IntN(2)]) },
				func() {
					_, _ = s.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45011, Path: wechatsim.PathToken, Times: 1})
				},
				func() { time.Sleep(ms) },
				func() { time.Sleep(5*time.Minute - ms) },
				func() { time.Sleep(time.Duration(dice.Int64N(int64(40 * time.Second)))) },
				func() { time.Sleep(time.Duration(dice.Int64N(int64(2 * time.Hour)))) },
			}
			alive := 0
			for step := range 250 {
				ops[dice.IntN(len(ops))]()
				log := s.Issued()
				for _, issue := range log[max(0, len(log)-12):] {
					token := issue.Token.Reveal()
					want := accepted(log, token, time.Now())
					if got := s.Accepts(appid, token); got != want {
						t.Fatalf("seed %d step %d: oracle %v, rule %v for %+v at %v", seed, step, got, want, issue, time.Now())
					}
					if got := s.use(token) == 0; got != (want || s.Accepts(appidTwo, token)) {
						t.Fatalf("seed %d step %d: endpoint %v, rule %v for %+v at %v", seed, step, got, want, issue, time.Now())
					}
					if want {
						alive++
					}
				}
			}
			if alive == 0 {
				t.Error("no token was ever accepted: the test tests nothing")
			}
		})
	}
}

func TestCurrentAndCalls(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		if token, at := s.Current(appid, wechatsim.Stable); token != "" || !at.IsZero() {
			t.Errorf("before any: %v %v", token, at)
		}
		a := s.stable()
		token, at := s.Current(appid, wechatsim.Stable)
		if token.Reveal() != a.Token || !at.Equal(time.Now().Add(2*time.Hour)) {
			t.Errorf("current %v %v", token, at)
		}
		s.do("GET", classicURL(appid, "wrong"), "")
		s.do("GET", classicURL("wx-unknown", pass), "")
		s.do("GET", "/cgi-bin/unknown?appid="+appid, "")
		s.use(a.Token)
		want := "map[/cgi-bin/get_api_domain_ip:1 /cgi-bin/stable_token:1 /cgi-bin/token:1]"
		if got := fmt.Sprint(s.Calls(appid)); got != want {
			t.Errorf("calls %s", got)
		}
		if s.Calls("wx-unknown") != nil {
			t.Error("calls of an app that is not there")
		}
		if token, _ := s.Current("wx-unknown", wechatsim.Stable); token != "" {
			t.Error("token of an app that is not there")
		}
		if token, _ := s.Current(appid, "x"); token != "" {
			t.Error("token of a channel that is not there")
		}
	})
}

func TestDrawAndForceRefresh(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		classic, stable := s.classic().Token, s.stable().Token
		rogue, err := s.Draw(appid, wechatsim.Classic, "rogue")
		s.must(err)
		forced, err := s.ForceRefresh(appid)
		s.must(err)
		s.wantUse("rogue", rogue.Reveal(), 0)
		if a := s.stable(); a.Token != forced.Reveal() {
			t.Errorf("normal mode does not return the forced token: %s", a.body)
		}
		time.Sleep(5 * time.Minute)
		s.wantUse("classic before the rogue", classic, 40001)
		s.wantUse("stable before the administrator", stable, 40001)
		var reasons []string
		for _, i := range s.Issued() {
			reasons = append(reasons, string(i.Channel)+":"+i.Reason)
		}
		if got := strings.Join(reasons, " "); got != "classic:normal stable:normal classic:rogue stable:forced" {
			t.Errorf("log: %s", got)
		}
		if q, _ := s.Quota(appid, wechatsim.PathToken); q.Used != 1 {
			t.Errorf("a rogue cost quota: %+v", q)
		}
		if _, err := s.Draw("wx-unknown", wechatsim.Classic, ""); err == nil {
			t.Error("drew for an app that is not there")
		}
		if _, err := s.Draw(appid, "x", ""); err == nil {
			t.Error("drew on a channel that is not there")
		}
	})
}

func TestTheLogIsBounded(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		for i := range 25_000 {
			_, err := s.Draw(appid, wechatsim.Classic, fmt.Sprint(i))
			s.must(err)
		}
		log := s.Issued()
		if len(log) != 10_000 || log[0].Reason != "15000" || log[len(log)-1].Reason != "24999" {
			t.Errorf("%d entries, %s to %s", len(log), log[0].Reason, log[len(log)-1].Reason)
		}
	})
}

// Parallel callers: every answer carries a token that was issued once, and the
// counters add up. The race detector watches the rest.
func TestParallelCallers(t *testing.T) {
	s, err := wechatsim.New(wechatsim.Options{Apps: []wechatsim.App{{AppID: appid, Secret: pass}}})
	if err != nil {
		t.Fatal(err)
	}
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 50 {
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", classicURL(appid, pass), nil))
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", wechatsim.PathStableToken,
					strings.NewReader(stableBody(appid, pass, false))))
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/sim/apps", nil))
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/sim/issued", nil))
				_, _ = s.Inject(wechatsim.Fault{Kind: wechatsim.FaultEmpty, Path: wechatsim.PathDomainIP})
				s.ClearFaults()
			}
		})
	}
	callers.Wait()
	seen := map[string]bool{}
	for _, i := range s.Issued() {
		if seen[i.Token.Reveal()] {
			t.Error("a token was issued twice")
		}
		seen[i.Token.Reveal()] = true
	}
	if len(seen) != 401 {
		t.Errorf("%d tokens, want 400 classic and 1 stable", len(seen))
	}
	if q, _ := s.Quota(appid, wechatsim.PathToken); q.Used != 400 {
		t.Errorf("quota %+v", q)
	}
}
