package wechatsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechatsim"
)

func TestAdminAccepts(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.classic().Token
		for url, want := range map[string]string{
			"/sim/accepts?appid=" + appid + "&token=" + token:    `{"accepted":true}`,
			"/sim/accepts?appid=" + appidTwo + "&token=" + token: `{"accepted":false}`,
			"/sim/accepts?appid=" + appid + "&token=x":           `{"accepted":false}`,
		} {
			if a := s.do("GET", url, ""); a.status != 200 || strings.TrimSpace(a.body) != want ||
				a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %d %s", url, a.status, a.body)
			}
		}
	})
}

func TestAdminIssuedShowsFingerprints(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		if a := s.do("GET", "/sim/issued", ""); strings.TrimSpace(a.body) != "[]" {
			t.Errorf("before any: %s", a.body)
		}
		token := s.classic().Token
		a := s.do("GET", "/sim/issued", "")
		var log []map[string]any
		if err := json.Unmarshal([]byte(a.body), &log); err != nil || len(log) != 1 {
			t.Fatalf("%v: %s", err, a.body)
		}
		want := map[string]any{"appid": appid, "channel": "classic", "reason": "normal", "at": "2000-01-01T00:00:00Z",
			"expires_at": "2000-01-01T02:00:00Z", "token": "token:" + secret.Token(token).Fingerprint()}
		for k, v := range want {
			if log[0][k] != v {
				t.Errorf("%s = %v, want %v", k, log[0][k], v)
			}
		}
	})
}

func TestAdminApps(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.stable().Token
		change := `{"secret":"CANARY-new-secret","whitelist":["8.149.1.*","10.0.0.0/8","2001:db8::1"],"freeze":true,
			"quota":{"/cgi-bin/token":{"used":1999}}}`
		if a := s.do("POST", "/sim/apps/"+appid, change); a.status != 200 || !strings.Contains(a.body, appid) {
			t.Fatalf("%d %s", a.status, a.body)
		}
		a := s.do("GET", "/sim/apps", "")
		if strings.Contains(a.body, pass) || strings.Contains(a.body, "CANARY") || strings.Contains(a.body, token) {
			t.Errorf("the list shows a secret or a token: %s", a.body)
		}
		var apps []struct {
			AppID     string
			Kind      string
			State     string
			NextState string    `json:"next_state"`
			ChangeAt  time.Time `json:"change_at"`
			Whitelist []string
			Quota     map[string]wechatsim.Quota
			Calls     map[string]int
			Current   map[string]struct{ Token string }
		}
		if err := json.Unmarshal([]byte(a.body), &apps); err != nil || len(apps) != 2 {
			t.Fatalf("%v: %s", err, a.body)
		}
		got := apps[0]
		if got.AppID != appid || got.Kind != "normal" || got.State != "ok" || got.NextState != "secret_frozen" ||
			!got.ChangeAt.Equal(time.Now().Add(10*time.Minute)) {
			t.Errorf("app %+v", got)
		}
		if fmt.Sprint(got.Whitelist) != "[8.149.1.0/24 10.0.0.0/8 2001:db8::1/128]" ||
			got.Quota[wechatsim.PathToken] != (wechatsim.Quota{Limit: 2000, Used: 1999}) {
			t.Errorf("app %+v", got)
		}
		if got.Calls[wechatsim.PathStableToken] != 1 || len(got.Current) != 1 ||
			got.Current["stable"].Token != "token:"+secret.Token(token).Fingerprint() {
			t.Errorf("app %+v", got)
		}
		if apps[1].AppID != appidTwo || apps[1].Kind != "test" || len(apps[1].Whitelist) != 0 {
			t.Errorf("app %+v", apps[1])
		}
		if a := s.do("GET", classicURL(appid, "CANARY-new-secret"), ""); a.code() != 0 {
			t.Errorf("last call of the quota: %s", a.body)
		}
		if a := s.do("GET", classicURL(appid, "CANARY-new-secret"), ""); a.code() != 45009 {
			t.Errorf("beyond it: %s", a.body)
		}
		s.do("POST", "/sim/apps/"+appid, `{"state":"forbidden"}`)
		if a := s.do("GET", classicURL(appid, "CANARY-new-secret"), ""); a.code() != 50004 {
			t.Errorf("state: %s", a.body)
		}
		s.do("POST", "/sim/apps/"+appid, `{"state":"secret_frozen"}`)
		s.do("POST", "/sim/apps/"+appid, `{"freeze":false}`)
		time.Sleep(10 * time.Minute)
		if a := s.do("POST", "/sim/apps/"+appid, `{}`); !strings.Contains(a.body, `"state":"ok"`) {
			t.Errorf("thawed: %s", a.body)
		}
	})
}

func TestAdminDraw(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		a := s.do("POST", "/sim/draw", `{"appid":"`+appid+`"}`)
		if a.status != 200 || !s.Accepts(appid, a.Token) {
			t.Errorf("%d %s", a.status, a.body)
		}
		s.do("POST", "/sim/draw", `{"appid":"`+appid+`","channel":"stable","reason":"colleague"}`)
		log := s.Issued()
		if len(log) != 2 || log[0].Reason != "rogue" || log[0].Channel != wechatsim.Classic ||
			log[1].Reason != "colleague" || log[1].Channel != wechatsim.Stable {
			t.Errorf("log %+v", log)
		}
	})
}

func TestAdminFaults(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		until := time.Now().Add(time.Hour).Format(time.RFC3339)
		a := s.do("POST", "/sim/faults", `{"kind":"errcode","code":45011,"path":"/cgi-bin/token","appid":"`+appid+
			`","times":3,"until":"`+until+`","delay":"2s"}`)
		if a.status != 200 || strings.TrimSpace(a.body) != `{"id":1}` {
			t.Fatalf("%d %s", a.status, a.body)
		}
		start := time.Now()
		if got := s.classic(); got.code() != 45011 || time.Since(start) != 2*time.Second {
			t.Errorf("%s after %v", got.body, time.Since(start))
		}
		want := `[{"id":1,"kind":"errcode","path":"/cgi-bin/token","appid":"` + appid + `","times":2,"until":"` + until +
			`","code":45011,"delay":"2s"}]`
		if got := s.do("GET", "/sim/faults", ""); strings.TrimSpace(got.body) != want {
			t.Errorf("list %s\nwant %s", got.body, want)
		}
		s.do("POST", "/sim/faults", `{"kind":"expires_in","expires_in":"7200","times":1}`)
		if got := s.do("DELETE", "/sim/faults?id=1", ""); strings.TrimSpace(got.body) != `{"active":1}` {
			t.Errorf("delete one: %s", got.body)
		}
		if got := s.classic(); string(got.Expires) != `"7200"` {
			t.Errorf("second fault: %s", got.body)
		}
		s.do("POST", "/sim/faults", `{"kind":"clock_skew","skew":"-3m","times":1}`)
		if got := s.do("GET", "/sim/faults", ""); !strings.Contains(got.body,
			`"kind":"clock_skew","times":1,"skew":"-3m0s"`) {
			t.Errorf("list %s", got.body)
		}
		if at, err := http.ParseTime(s.classic().header.Get("Date")); err != nil || time.Until(at) != -3*time.Minute {
			t.Errorf("Date is %v, %v", at, err)
		}
		s.do("POST", "/sim/faults", `{"kind":"empty"}`)
		if got := s.do("DELETE", "/sim/faults", ""); strings.TrimSpace(got.body) != `{"active":0}` ||
			s.classic().code() != 0 {
			t.Errorf("delete all: %s", got.body)
		}
		if got := s.do("GET", "/sim/faults", ""); strings.TrimSpace(got.body) != `[]` {
			t.Errorf("none: %s", got.body)
		}
	})
}

func TestAdminErrors(t *testing.T) {
	app := "/sim/apps/" + appid
	tests := []struct {
		method, url, body string
		status            int
		field             string
	}{
		{"GET", "/sim/accepts?appid=x", "", 400, "query"},
		{"GET", "/sim/nothing", "", 404, "path"},
		{"POST", "/sim/issued", "", 404, "path"},
		{"POST", "/sim/apps/wx-unknown", `{}`, 404, "appid"},
		{"POST", app, ``, 400, "body"},
		{"POST", app, `{`, 400, "body"},
		{"POST", app, `{} {}`, 400, "body"},
		{"POST", app, `{"sekret":"x"}`, 400, "body"},
		{"POST", app, `{"secret":""}`, 400, "secret"},
		{"POST", app, `{"state":"x"}`, 400, "state"},
		{"POST", app, `{"state":"ok","freeze":true}`, 400, "freeze"},
		{"POST", app, `{"secret":"CANARY","whitelist":["1.2.3.4","x"]}`, 400, "whitelist[1]"},
		{"POST", app, `{"secret":"CANARY","quota":{"/x":{}}}`, 400, "quota"},
		{"POST", app, `{"secret":"CANARY","quota":{"/cgi-bin/token":{"limit":"x"}}}`, 400, "quota./cgi-bin/token"},
		{"POST", app, `{"secret":"` + strings.Repeat("x", 70_000) + `"}`, 400, "body"},
		{"POST", "/sim/draw", `{"appid":"x"}`, 404, "appid"},
		{"POST", "/sim/draw", `{"appid":"` + appid + `","channel":"x"}`, 400, "channel"},
		{"POST", "/sim/draw", `x`, 400, "body"},
		{"POST", "/sim/faults", `{"kind":"x"}`, 400, "kind"},
		{"POST", "/sim/faults", `{"kind":"delay","delay":"x"}`, 400, "delay"},
		{"POST", "/sim/faults", `{"kind":"clock_skew","skew":"x"}`, 400, "skew"},
		{"POST", "/sim/faults", `{"kind":"clock_skew"}`, 400, "skew"},
		{"POST", "/sim/faults", `[]`, 400, "body"},
		{"DELETE", "/sim/faults?id=x", ``, 400, "id"},
	}
	inBubble(t, nil, func(t *testing.T, s sim) {
		for _, tt := range tests {
			a := s.do(tt.method, tt.url, tt.body)
			var e struct{ Error wechatsim.FieldError }
			if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != tt.status || e.Error.Field != tt.field ||
				e.Error.Reason == "" || e.Error.Cure == "" {
				t.Errorf("%s %s %.60s: %d %s", tt.method, tt.url, tt.body, a.status, a.body)
			}
			if strings.Contains(a.body, "CANARY") {
				t.Errorf("the error quotes the secret: %s", a.body)
			}
		}
		// What was refused changed nothing, not even by half.
		if a := s.classic(); a.code() != 0 {
			t.Errorf("after refused changes: %s", a.body)
		}
	})
}

// A page in somebody's browser must not be able to drive the simulator.
func TestAdminRefusesForeignPages(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		r := httptest.NewRequest("POST", "/sim/faults", strings.NewReader(`{"kind":"hang"}`))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 403 || len(s.Faults()) != 0 {
			t.Errorf("status %d, faults %v", w.Code, s.Faults())
		}
	})
}
