package wechatsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/wechatsim"
)

const (
	appid    = "wx0123456789abcdef"
	appidTwo = "wxfedcba9876543210"
	pass     = "0123456789abcdef0123456789abcdef"
	caller   = "8.149.1.108"
)

func classicURL(id, pass string) string {
	return wechatsim.PathToken + "?grant_type=client_credential&appid=" + id + "&secret=" + pass
}

func stableBody(id, pass string, force bool) string {
	return fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%v}`, id, pass, force)
}

// sim drives a simulator without a network.
type sim struct {
	*wechatsim.Server
	t *testing.T
}

// inBubble runs f against a simulator with two apps, in virtual time.
func inBubble(t *testing.T, change func(*wechatsim.Options), f func(t *testing.T, s sim)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := wechatsim.Options{Seed: 1, Apps: []wechatsim.App{{AppID: appid, Secret: pass}, {AppID: appidTwo, Secret: pass, Kind: wechatsim.Test}}}
		if change != nil {
			change(&o)
		}
		s, err := wechatsim.New(o)
		if err != nil {
			t.Fatal(err)
		}
		f(t, sim{s, t})
	})
}

// answer is the union of all answers.
type answer struct {
	status   int
	header   http.Header
	body     string
	Code     *int            `json:"errcode"`
	Message  string          `json:"errmsg"`
	Token    string          `json:"access_token"`
	Expires  json.RawMessage `json:"expires_in"`
	IPs      []string        `json:"ip_list"`
	Quota    map[string]int  `json:"quota"`
	Rate     map[string]int  `json:"rate_limit"`
	Accepted bool            `json:"accepted"`
}

func (s sim) do(method, url, body string) answer {
	s.t.Helper()
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	r.RemoteAddr = caller + ":1234"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil && !strings.HasPrefix(url, "/sim/") {
		s.t.Fatalf("%s %s: %v in %s", method, url, err, a.body)
	}
	return a
}

func (a answer) code() int {
	if a.Code == nil {
		return 0
	}
	return *a.Code
}

func (s sim) classic() answer { s.t.Helper(); return s.do("GET", classicURL(appid, pass), "") }
func (s sim) stable() answer {
	s.t.Helper()
	return s.do("POST", wechatsim.PathStableToken, stableBody(appid, pass, false))
}
func (s sim) forced() answer {
	s.t.Helper()
	return s.do("POST", wechatsim.PathStableToken, stableBody(appid, pass, true))
}
func (s sim) use(token string) int {
	s.t.Helper()
	return s.do("GET", wechatsim.PathDomainIP+"?access_token="+token, "").code()
}

// wantUse checks the endpoint's errcode and that the oracle agrees with it.
func (s sim) wantUse(what, token string, code int) {
	s.t.Helper()
	if got := s.use(token); got != code {
		s.t.Errorf("%s: errcode %d, want %d", what, got, code)
	}
	if got := s.Accepts(appid, token); got != (code == 0) {
		s.t.Errorf("%s: the oracle says %v", what, got)
	}
}

func (s sim) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

const ms = time.Millisecond

func TestClassicOverlap(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		first := s.classic()
		if first.code() != 0 || first.Code != nil || string(first.Expires) != "7200" || first.status != 200 {
			t.Fatalf("answer: %s", first.body)
		}
		if got := first.header.Get("Content-Type"); got != "application/json; encoding=utf-8" {
			t.Errorf("content type %q", got)
		}
		if !regexp.MustCompile(`^9[0-9]_[A-Za-z0-9_-]{133}$`).MatchString(first.Token) {
			t.Errorf("token %q", first.Token)
		}
		time.Sleep(time.Hour)
		second := s.classic()
		time.Sleep(5*time.Minute - ms)
		s.wantUse("superseded, last millisecond", first.Token, 0)
		time.Sleep(ms)
		s.wantUse("superseded, overlap over", first.Token, 40001)
		time.Sleep(2*time.Hour - 5*time.Minute - ms)
		s.wantUse("current, last millisecond", second.Token, 0)
		time.Sleep(ms)
		s.wantUse("current, expired", second.Token, 42001)
		third := s.classic()
		s.wantUse("superseded after expiry", second.Token, 40001)
		s.wantUse("third", third.Token, 0)
	})
}

// The overlap never lengthens a life.
func TestOverlapEndsWithTheLife(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		first := s.classic()
		time.Sleep(2*time.Hour - time.Minute)
		s.classic()
		time.Sleep(time.Minute - ms)
		s.wantUse("before its expiry", first.Token, 0)
		time.Sleep(ms)
		s.wantUse("at its expiry", first.Token, 40001)
	})
}

func TestNewestTwo(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprint("keep=", keep), func(t *testing.T) {
			inBubble(t, func(o *wechatsim.Options) { o.KeepSuperseded = keep }, func(t *testing.T, s sim) {
				a, b, c := s.classic().Token, s.classic().Token, s.classic().Token
				code := 40001
				if keep {
					code = 0
				}
				s.wantUse("third newest", a, code)
				s.wantUse("second newest", b, 0)
				s.wantUse("newest", c, 0)
				time.Sleep(5 * time.Minute)
				s.wantUse("third newest, later", a, 40001)
				s.wantUse("second newest, later", b, 40001)
				s.wantUse("newest, later", c, 0)
			})
		})
	}
}

func TestChannelsAreIsolated(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		stable, classic := s.stable().Token, s.classic().Token
		for range 3 {
			s.classic()
			s.wantUse("stable beside classic", stable, 0)
		}
		s.wantUse("old classic", classic, 40001)
		classic = s.classic().Token
		for range 3 {
			time.Sleep(30 * time.Second)
			s.forced()
		}
		s.wantUse("classic beside forced", classic, 0)
		s.wantUse("old stable", stable, 40001)
		if got := s.Accepts(appidTwo, classic); got {
			t.Error("a token of another app is accepted")
		}
	})
}

func TestStableRenewsInTheLastFiveMinutes(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		first := s.stable()
		time.Sleep(6855 * time.Second)
		if again := s.stable(); again.Token != first.Token || string(again.Expires) != "345" {
			t.Errorf("within validity: %s", again.body)
		}
		time.Sleep(45*time.Second - ms)
		if again := s.stable(); again.Token != first.Token || string(again.Expires) != "300" {
			t.Errorf("a millisecond before the window: %s", again.body)
		}
		time.Sleep(ms)
		next := s.stable()
		if next.Token == first.Token || string(next.Expires) != "7200" {
			t.Errorf("in the window: %s", next.body)
		}
		time.Sleep(5*time.Minute - ms)
		s.wantUse("old", first.Token, 0)
		time.Sleep(ms)
		s.wantUse("old, overlap over", first.Token, 40001)
		time.Sleep(3 * time.Hour)
		s.wantUse("new, expired", next.Token, 42001)
		if last := s.stable(); last.Token == next.Token || string(last.Expires) != "7200" {
			t.Errorf("after expiry: %s", last.body)
		}
		var reasons []string
		for _, i := range s.Issued() {
			reasons = append(reasons, i.Reason)
		}
		if got := strings.Join(reasons, ","); got != "normal,renewed,renewed" {
			t.Errorf("reasons %s", got)
		}
	})
}

func TestForcedRefresh(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		leaked := s.stable().Token
		first := s.forced()
		if first.Token == leaked || string(first.Expires) != "7200" {
			t.Errorf("forced: %s", first.body)
		}
		s.wantUse("leaked, overlap", leaked, 0)
		time.Sleep(30*time.Second - ms)
		if again := s.forced(); again.Token != first.Token || string(again.Expires) != "7170" {
			t.Errorf("too soon: %s", again.body)
		}
		time.Sleep(ms)
		second := s.forced()
		if second.Token == first.Token {
			t.Errorf("after the spacing: %s", second.body)
		}
		s.wantUse("leaked, forced twice", leaked, 40001)
		for range 18 {
			time.Sleep(30 * time.Second)
			if got := s.forced(); got.code() != 0 {
				t.Fatalf("within twenty: %s", got.body)
			}
		}
		time.Sleep(30 * time.Second)
		if got := s.forced(); got.code() != 45009 {
			t.Errorf("twenty-first: %s", got.body)
		}
		if got := s.stable(); got.code() != 0 {
			t.Errorf("normal mode beside it: %s", got.body)
		}
		time.Sleep(24 * time.Hour)
		if got := s.forced(); got.code() != 0 {
			t.Errorf("next day: %s", got.body)
		}
	})
}

func TestOrderOfChecks(t *testing.T) {
	type request struct{ method, url, body string }
	get := func(grant, id, secret string) request {
		return request{"GET", wechatsim.PathToken + "?grant_type=" + grant + "&appid=" + id + "&secret=" + secret, ""}
	}
	post := func(body string) request { return request{"POST", wechatsim.PathStableToken, body} }
	const good = "client_credential"
	tests := []struct {
		name string
		r    request
		code int
	}{
		{"all wrong", get("x", "", ""), 40002},
		{"no appid", get(good, "", ""), 41002},
		{"unknown appid", get(good, "wx1", ""), 40013},
		{"appid with a space", get(good, appid+"%20", pass), 40013},
		{"no secret", get(good, appid, ""), 41004},
		{"wrong secret", get(good, appid, "x"), 40125},
		{"not on the whitelist", get(good, appid, pass), 40164},
		{"method first", request{"POST", classicURL(appid, pass), ""}, 43001},
		{"stable by GET", request{"GET", wechatsim.PathStableToken, ""}, 43002},
		{"form", post("grant_type=client_credential&appid=" + appid), 41002},
		{"empty body", post(""), 44002},
		{"wrong type", post(`{"grant_type":"client_credential","force_refresh":"true"}`), 47001},
		{"huge body", post(`{"appid":"` + strings.Repeat("x", 70_000) + `"}`), 47001},
		{"stable grant type", post(`{"grant_type":"x"}`), 40002},
		{"stable no appid", post(`{"grant_type":"client_credential"}`), 41002},
		{"stable wrong secret", post(stableBody(appid, "x", false)), 40125},
		{"stable whitelist", post(stableBody(appid, pass, true)), 40164},
		{"unknown endpoint", request{"GET", "/cgi-bin/nothing", ""}, 40066},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(o *wechatsim.Options) {
				o.Apps[0].Whitelist = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
				o.Apps[0].State = wechatsim.Forbidden
			}, func(t *testing.T, s sim) {
				a := s.do(tt.r.method, tt.r.url, tt.r.body)
				if a.code() != tt.code || a.status != 200 || a.Token != "" {
					t.Errorf("status %d: %s, want errcode %d", a.status, a.body, tt.code)
				}
				rid := regexp.MustCompile(` rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$`).FindStringSubmatch(a.Message)
				if rid == nil || rid[1] != fmt.Sprintf("%08x", time.Now().Unix()) {
					t.Errorf("rid in %q", a.Message)
				}
				if len(s.Issued()) != 0 {
					t.Error("a refused call issued a token")
				}
			})
		})
	}
}

func TestStrictJSON(t *testing.T) {
	inBubble(t, func(o *wechatsim.Options) { o.StrictJSON = true }, func(t *testing.T, s sim) {
		if a := s.do("POST", wechatsim.PathStableToken, "a=b"); a.code() != 47001 {
			t.Error(a.body)
		}
	})
}

func TestWhitelist(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.classic().Token
		s.must(s.SetWhitelist(appid, netip.MustParsePrefix("8.149.2.0/24")))
		a := s.classic()
		if want := "invalid ip 8.149.1.108 ipv6 ::ffff:8.149.1.108, not in whitelist rid: "; !strings.HasPrefix(a.Message, want) || a.code() != 40164 {
			t.Errorf("%s", a.body)
		}
		s.wantUse("mini program: the token is not covered", token, 0)
		s.must(s.SetWhitelist(appid, netip.MustParsePrefix("8.149.0.0/16")))
		if a := s.classic(); a.code() != 0 {
			t.Error(a.body)
		}
	})
	inBubble(t, func(o *wechatsim.Options) { o.Apps[0].WhitelistTokens = true }, func(t *testing.T, s sim) {
		token := s.classic().Token
		s.must(s.SetWhitelist(appid, netip.MustParsePrefix("10.0.0.1/32")))
		if got := s.use(token); got != 40164 {
			t.Errorf("公众号: errcode %d", got)
		}
	})
}

func TestAccountStates(t *testing.T) {
	for state, code := range map[wechatsim.State]int{wechatsim.SecretFrozen: 40243, wechatsim.Forbidden: 50004, wechatsim.AccountFrozen: 50007, wechatsim.OK: 0} {
		inBubble(t, func(o *wechatsim.Options) { o.Apps[0].State = state }, func(t *testing.T, s sim) {
			if c, st := s.classic(), s.stable(); c.code() != code || st.code() != code {
				t.Errorf("%s: classic %s stable %s", state, c.body, st.body)
			}
			s.must(s.SetState(appid, wechatsim.OK))
			if a := s.classic(); a.code() != 0 {
				t.Errorf("%s lifted: %s", state, a.body)
			}
		})
	}
}

func TestFreezingActsAfterTenMinutes(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		s.must(s.Freeze(appid))
		time.Sleep(10*time.Minute - ms)
		if a := s.classic(); a.code() != 0 {
			t.Error("frozen early:", a.body)
		}
		time.Sleep(ms)
		if a := s.classic(); a.code() != 40243 {
			t.Error("not frozen:", a.body)
		}
		s.must(s.Unfreeze(appid))
		time.Sleep(10*time.Minute - ms)
		if a := s.classic(); a.code() != 40243 {
			t.Error("thawed early:", a.body)
		}
		time.Sleep(ms)
		if a := s.classic(); a.code() != 0 {
			t.Error("not thawed:", a.body)
		}
	})
}

func TestSecretRotation(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.classic().Token
		s.must(s.SetSecret(appid, "new"))
		if a := s.classic(); a.code() != 40125 {
			t.Error("old secret:", a.body)
		}
		if a := s.do("GET", classicURL(appid, "new"), ""); a.code() != 0 {
			t.Error("new secret:", a.body)
		}
		s.wantUse("token of the old secret", token, 0)
	})
}

func TestDailyQuotaEndsAtMidnightInChina(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		test := func() answer { return s.do("GET", classicURL(appidTwo, pass), "") }
		for i := range 200 {
			if a := test(); a.code() != 0 {
				t.Fatalf("call %d: %s", i+1, a.body)
			}
		}
		if a := test(); a.code() != 45009 || !strings.Contains(a.Message, "getStableAccessToken") {
			t.Errorf("call 201: %s", a.body)
		}
		// Bubbles start at 00:00 UTC, 08:00 in China: sixteen hours to go.
		time.Sleep(16*time.Hour - ms)
		if a := test(); a.code() != 45009 {
			t.Errorf("before midnight: %s", a.body)
		}
		time.Sleep(ms)
		if a := test(); a.code() != 0 {
			t.Errorf("at midnight: %s", a.body)
		}
		if q, err := s.Quota(appidTwo, wechatsim.PathToken); err != nil || q.Used != 1 || q.Limit != 200 {
			t.Errorf("quota %+v, %v", q, err)
		}
		if q, err := s.Quota(appid, wechatsim.PathToken); err != nil || q.Limit != 2000 {
			t.Errorf("quota %+v, %v", q, err)
		}
	})
}

func TestMinuteQuota(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		time.Sleep(59 * time.Second)
		for i := range 10_000 {
			if a := s.stable(); a.code() != 0 {
				t.Fatalf("call %d: %s", i+1, a.body)
			}
		}
		if a := s.stable(); a.code() != 45011 {
			t.Errorf("call 10001: %s", a.body)
		}
		time.Sleep(time.Second)
		if a := s.stable(); a.code() != 0 {
			t.Errorf("next minute: %s", a.body)
		}
		s.must(s.SetQuota(appid, wechatsim.PathStableToken, wechatsim.Quota{Limit: 5, Used: 5}))
		if a := s.stable(); a.code() != 45009 {
			t.Errorf("no day left: %s", a.body)
		}
	})
}

func TestAccessTokenEndpoints(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.classic().Token
		for _, path := range []string{wechatsim.PathDomainIP, wechatsim.PathCallbackIP} {
			if a := s.do("GET", path+"?access_token="+token, ""); len(a.IPs) == 0 || a.Code != nil {
				t.Errorf("%s: %s", path, a.body)
			}
		}
		for bad, code := range map[string]int{
			"": 41001, "x": 40014, strings.Repeat("a", 136): 40014, "98_" + strings.Repeat("a", 600): 40014,
			"98_" + strings.Repeat("a", 133): 40001, token[:len(token)-1]: 40001,
		} {
			s.wantUse(bad, bad, code)
		}
		s.must(s.SetQuota(appid, wechatsim.PathDomainIP, wechatsim.Quota{Limit: 1, Used: 1}))
		if got := s.use(token); got != 45009 {
			t.Errorf("quota of the check: %d", got)
		}
	})
}

func TestQuotaGet(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.classic().Token
		s.stable()
		ask := func(body string) answer { return s.do("POST", wechatsim.PathQuotaGet+"?access_token="+token, body) }
		a := ask(`{"cgi_path":"/cgi-bin/token"}`)
		if a.Code == nil || *a.Code != 0 || a.Message != "ok" || a.Quota["daily_limit"] != 2000 || a.Quota["used"] != 1 || a.Quota["remain"] != 1999 {
			t.Errorf("token: %s", a.body)
		}
		if a := ask(`{"cgi_path":"/cgi-bin/stable_token"}`); a.Rate["call_count"] != 10_000 || a.Rate["refresh_second"] != 60 {
			t.Errorf("stable: %s", a.body)
		}
		if a := ask(`{"cgi_path":"/cgi-bin/unknown"}`); a.code() != 76021 {
			t.Errorf("unknown: %s", a.body)
		}
		if a := ask(""); a.code() != 44002 {
			t.Errorf("empty: %s", a.body)
		}
	})
}

func TestClearQuota(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.classic().Token
		spend := func() { s.must(s.SetQuota(appid, wechatsim.PathToken, wechatsim.Quota{Limit: 2000, Used: 2000})) }
		byToken := func() answer {
			return s.do("POST", wechatsim.PathClear+"?access_token="+token, `{"appid":"`+appid+`"}`)
		}
		ways := map[string]func() answer{
			"token": byToken,
			"url": func() answer {
				return s.do("POST", wechatsim.PathClearV2+"?appid="+appid+"&appsecret="+pass, "")
			},
			"body": func() answer {
				return s.do("POST", wechatsim.PathClearV2, `{"appid":"`+appid+`","appsecret":"`+pass+`"}`)
			},
		}
		for name, clear := range ways {
			spend()
			if a := s.classic(); a.code() != 45009 {
				t.Fatalf("%s: quota not spent: %s", name, a.body)
			}
			if a := clear(); a.Code == nil || *a.Code != 0 || a.Message != "ok" {
				t.Errorf("%s: %s", name, a.body)
			}
			if a := s.classic(); a.code() != 0 {
				t.Errorf("%s: after clearing: %s", name, a.body)
			}
			token = s.stable().Token
		}
		if a := s.do("POST", wechatsim.PathClearV2+"?appid="+appid+"&appsecret=x", ""); a.code() != 40125 {
			t.Errorf("wrong secret: %s", a.body)
		}
		if a := s.do("POST", wechatsim.PathClear+"?access_token="+token, `{"appid":"`+appidTwo+`"}`); a.code() != 40013 {
			t.Errorf("another app: %s", a.body)
		}
		for range 7 {
			byToken()
		}
		spend()
		if a := byToken(); a.code() != 48006 {
			t.Errorf("eleventh: %s", a.body)
		}
		if a := s.classic(); a.code() != 45009 {
			t.Errorf("a refused reset acted: %s", a.body)
		}
	})
}

func TestScaledPeriods(t *testing.T) {
	inBubble(t, func(o *wechatsim.Options) { o.Periods = wechatsim.DefaultPeriods().Scaled(0.0005) }, func(t *testing.T, s sim) {
		first := s.stable()
		if string(first.Expires) != "3.6" {
			t.Errorf("life: %s", first.body)
		}
		time.Sleep(1234 * time.Microsecond)
		if a := s.stable(); string(a.Expires) != "3.598" {
			t.Errorf("remaining: %s", a.body)
		}
		time.Sleep(3450*ms - 1234*time.Microsecond)
		if a := s.stable(); a.Token == first.Token || string(a.Expires) != "3.6" {
			t.Errorf("renewal: %s", a.body)
		}
		time.Sleep(150 * ms)
		s.wantUse("scaled overlap over", first.Token, 40001)
	})
	inBubble(t, func(o *wechatsim.Options) { o.Periods = wechatsim.DefaultPeriods().Scaled(0.01) }, func(t *testing.T, s sim) {
		if a := s.stable(); string(a.Expires) != "72" {
			t.Errorf("whole numbers print as such: %s", a.body)
		}
	})
}

func TestTokenSource(t *testing.T) {
	draw := func(seed uint64, length int) (token string) {
		inBubble(t, func(o *wechatsim.Options) { o.Seed, o.TokenLength = seed, length }, func(_ *testing.T, s sim) { token = s.classic().Token })
		return token
	}
	first, again, other := draw(7, 0), draw(7, 0), draw(8, 0)
	if first != again {
		t.Error("the same seed drew different tokens")
	}
	if unseeded, twice := draw(0, 0), draw(0, 0); first == other || unseeded == twice {
		t.Error("different seeds, or none, drew the same token")
	}
	for _, length := range []int{84, 512} {
		if got := len(draw(0, length)); got != length {
			t.Errorf("length %d, want %d", got, length)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := wechatsim.App{AppID: appid, Secret: pass}
	tests := []struct {
		name string
		o    wechatsim.Options
		want string
	}{
		{"good", wechatsim.Options{Apps: []wechatsim.App{good}}, ""},
		{"twice", wechatsim.Options{Apps: []wechatsim.App{good, good}}, "given twice"},
		{"no appid", wechatsim.Options{Apps: []wechatsim.App{{Secret: pass}}}, "appid: empty"},
		{"no secret", wechatsim.Options{Apps: []wechatsim.App{{AppID: appid}}}, "secret: empty"},
		{"kind", wechatsim.Options{Apps: []wechatsim.App{{AppID: appid, Secret: pass, Kind: "x"}}}, `unknown kind "x"`},
		{"state", wechatsim.Options{Apps: []wechatsim.App{{AppID: appid, Secret: pass, State: "x"}}}, `unknown state "x"`},
		{"periods", wechatsim.Options{Periods: wechatsim.DefaultPeriods().Scaled(-1)}, "periods: "},
		{"short token", wechatsim.Options{TokenLength: 83}, "token_length: "},
		{"long token", wechatsim.Options{TokenLength: 513}, "token_length: "},
	}
	for _, tt := range tests {
		_, err := wechatsim.New(tt.o)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
