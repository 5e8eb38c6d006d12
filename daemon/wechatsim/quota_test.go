package wechatsim_test

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

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

func TestQuotaGet(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.classic().Token
		s.stable()
		ask := func(body string) answer { return s.do("POST", wechatsim.PathQuotaGet+"?access_token="+token, body) }
		a := ask(`{"cgi_path":"/cgi-bin/token"}`)
		if a.Code == nil || *a.Code != 0 || a.Message != "ok" || a.Quota["daily_limit"] != 2000 || a.Quota["used"] != 1 ||
			a.Quota["remain"] != 1999 {
			t.Errorf("token: %s", a.body)
		}
		if a := ask(`{"cgi_path":"/cgi-bin/stable_token"}`); a.Rate["call_count"] != 10_000 ||
			a.Rate["refresh_second"] != 60 {
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
