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
		o := wechatsim.Options{Seed: 1, Apps: []wechatsim.App{{AppID: appid, Secret: pass},
			{AppID: appidTwo, Secret: pass, Kind: wechatsim.Test}}}
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
	Ticket   string          `json:"ticket"`
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
		want := "invalid ip 8.149.1.108 ipv6 ::ffff:8.149.1.108, not in whitelist rid: "
		if !strings.HasPrefix(a.Message, want) || a.code() != 40164 {
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
	for state, code := range map[wechatsim.State]int{wechatsim.SecretFrozen: 40243, wechatsim.Forbidden: 50004,
		wechatsim.AccountFrozen: 50007, wechatsim.OK: 0} {
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
