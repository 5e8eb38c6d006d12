package tokenapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

const classic = "/cgi-bin/token?grant_type=client_credential"

// TestWeChatsOwnPaths: an app that changed its base URL alone gets what WeChat would give.
func TestWeChatsOwnPaths(t *testing.T) {
	inWorld(t, func(w *world) {
		time.Sleep(200*time.Second + time.Millisecond)
		good := fmt.Sprintf(`{"access_token":"%s","expires_in":6999}`, value("A").Reveal())
		w.expect("classic", w.get(classic+"&appid=wx1&secret="+shop, ""), 200, good)
		w.expect("stable", w.stable("wx1", shop, ""), 200, good)
		w.expect("not forced", w.stable("wx1", shop, `,"force_refresh":false`), 200, good)
		if len(w.daemon.reports) != 0 {
			t.Errorf("reported %v", w.daemon.reports)
		}
		w.expect("forced", w.stable("wx1", shop, `,"force_refresh":true`), 200, good)
		w.daemon.down = true
		w.expect("forced without Redis", w.stable("wx1", shop, `,"force_refresh":true`), 200, good)
		if want := "A " + value("A").Fingerprint(); !slices.Equal(w.daemon.reports, []string{want, want}) {
			t.Errorf("reported %v", w.daemon.reports)
		}
		w.expect("WeCom", w.get("/cgi-bin/gettoken?corpid=ww1&corpsecret="+corp, ""), 200,
			fmt.Sprintf(`{"errcode":0,"errmsg":"ok","access_token":"%s","expires_in":6999}`, value("W").Reveal()))
		if w.counted["shop ok"] != 5 || w.counted["corp ok"] != 1 || len(w.counted) != 2 {
			t.Errorf("counted %v", w.counted)
		}
		w.daemon.drop("A")
		w.refused("no token", w.stable("wx1", shop, ""), 200, -1)
		w.daemon.drop("W")
		w.refused("no token", w.get("/cgi-bin/gettoken?corpid=ww1&corpsecret="+corp, ""), 200, -1)
	})
}

func (w *world) stable(appid, secret, more string) *httptest.ResponseRecorder {
	w.Helper()
	return w.ask(http.MethodPost, "/cgi-bin/stable_token", fmt.Sprintf(
		`{"grant_type":"client_credential","appid":"%s","secret":"%s"%s}`, appid, secret, more), "")
}

// TestTheLastSecond: nobody is told of a token that lives for 0 seconds.
func TestTheLastSecond(t *testing.T) {
	inWorld(t, func(w *world) {
		const stay = 2*time.Hour - 1500*time.Millisecond
		time.Sleep(stay)
		paths := map[string]string{
			"/token/A": shop, classic + "&appid=wx1&secret=" + shop: "",
			"/cgi-bin/gettoken?corpid=ww1&corpsecret=" + corp:                          "",
			"/cgi-bin/ticket/getticket?type=jsapi&access_token=" + value("A").Reveal(): "",
		}
		for path, secret := range paths {
			if got := w.get(path, secret); !strings.Contains(got.Body.String(), `"expires_in":1`) {
				t.Errorf("%s: %s", path, got.Body)
			}
		}
		time.Sleep(time.Second)
		for path, secret := range paths {
			if got := w.get(path, secret); !strings.Contains(got.Body.String(), `"errcode":-1`) {
				t.Errorf("in its last second: %s: %s", path, got.Body)
			}
		}
	})
}

// TestErrorsHaveWeChatsForm, and HTTP's status is 200.
func TestErrorsHaveWeChatsForm(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, c := range []struct {
			query string
			code  int
		}{
			{"/cgi-bin/token?appid=wx1&secret=" + shop, 40002},
			{"/cgi-bin/token?grant_type=password&appid=wx1&secret=" + shop, 40002},
			{classic + "&secret=" + shop, 41002},
			{classic + "&appid=wx1", 41004},
			{classic + "&appid=wx1&secret=" + nobody, 40125},
			{classic + "&appid=wx2&secret=" + nobody, 40125},
			{classic + "&appid=wx2&secret=" + shop, 40013},
			{classic + "&appid=none&secret=" + shop, 40013},
			{classic + "&appid=ww1&secret=" + corp, 40013},
			{classic + "&appid=wx1&secret=" + corp, 40013},
			{"/cgi-bin/gettoken?corpsecret=" + corp, 41002},
			{"/cgi-bin/gettoken?corpid=ww1", 41004},
			{"/cgi-bin/gettoken?corpid=ww1&corpsecret=" + nobody, 40001},
			{"/cgi-bin/gettoken?corpid=ww2&corpsecret=" + corp, 40013},
			{"/cgi-bin/gettoken?corpid=ww1&corpsecret=" + shop, 40013},
			{"/cgi-bin/stable_token?grant_type=client_credential&appid=wx1&secret=" + shop, 43002},
		} {
			w.refused(c.query, w.get(c.query, ""), 200, c.code)
		}
		for _, path := range []string{
			classic + "&appid=wx1&secret=" + shop, "/cgi-bin/gettoken?corpid=ww1&corpsecret=" + corp,
			"/cgi-bin/ticket/getticket?type=jsapi", "/cgi-bin/get_jsapi_ticket", "/cgi-bin/ticket/get?type=agent_config",
		} {
			w.refused("POST "+path, w.ask(http.MethodPost, path, "", ""), 200, 43001)
		}
		if got := w.get(classic+"&appid=wx1", shop); got.Code != 200 || strings.Contains(got.Body.String(), "token-of-") {
			t.Errorf("the header is not WeChat's way: %s", got.Body)
		}
		for body, code := range map[string]int{"": 47001, "[]": 47001, `{"force_refresh":"yes"}`: 47001,
			`{"grant_type":"client_credential","appid":"wx1"}`: 41004, `{"secret":"` + strings.Repeat("x", 8<<10) + `"}`: 47001,
			"grant_type=client_credential&appid=wx1&secret=" + shop: 47001} {
			w.refused(body, w.ask(http.MethodPost, "/cgi-bin/stable_token", body, ""), 200, code)
		}
		if len(w.daemon.reports) != 0 {
			t.Errorf("reported %v", w.daemon.reports)
		}
	})
}

// TestTickets are given to whoever shows the token that they come from.
func TestTickets(t *testing.T) {
	inWorld(t, func(w *world) {
		ticket := func(key string) string {
			return fmt.Sprintf(`{"errcode":0,"errmsg":"ok","ticket":"%s","expires_in":7200}`, value(key).Reveal())
		}
		a, corp := value("A").Reveal(), value("W").Reveal()
		w.expect("jsapi", w.get("/cgi-bin/ticket/getticket?type=jsapi&access_token="+a, ""), 200, ticket("A-js"))
		w.expect("wx_card", w.get("/cgi-bin/ticket/getticket?type=wx_card&access_token="+a, ""), 200, ticket("A-card"))
		w.expect("WeCom", w.get("/cgi-bin/get_jsapi_ticket?access_token="+corp, ""), 200, ticket("W-js"))
		w.expect("agent", w.get("/cgi-bin/ticket/get?type=agent_config&access_token="+corp, ""), 200, ticket("W-agent"))
		const js = "/cgi-bin/ticket/getticket?type=jsapi"
		for path, code := range map[string]int{
			js: 41001, "/cgi-bin/get_jsapi_ticket": 41001, "/cgi-bin/ticket/get?type=agent_config": 41001,
			js + "&access_token=" + nobody: 40001, js + "&access_token=" + corp: 40001, js + "&access_token=" + shop: 40001,
			"/cgi-bin/get_jsapi_ticket?access_token=" + a:             40014,
			"/cgi-bin/ticket/get?type=agent_config&access_token=" + a: 40014,
			"/cgi-bin/ticket/getticket?access_token=" + a:             40035,
			"/cgi-bin/ticket/getticket?type=sdk&access_token=" + a:    40035,
			"/cgi-bin/ticket/get?type=jsapi&access_token=" + corp:     40035,
			// Nobody may read B-js, whatever he shows.
			js + "&access_token=" + value("B").Reveal(): 40001,
			// A ticket is no token.
			js + "&access_token=" + value("A-js").Reveal(): 40001,
		} {
			w.refused(path, w.get(path, ""), 200, code)
		}
		w.daemon.drop("A-js")
		w.refused("no ticket", w.get(js+"&access_token="+a, ""), 200, -1)
		// While the parent's key becomes another account's.
		w.daemon.set("W", func(t *Token) { t.Account, t.Value = "ww2", value("other") })
		w.refused("another account", w.get("/cgi-bin/get_jsapi_ticket?access_token="+value("other").Reveal(), ""), 200, 40014)
		moved := consumersOf()
		for i := range moved[1].Keys {
			moved[1].Keys[i].Account = "ww2"
		}
		w.api.Use(moved)
		w.refused("that of the one before", w.get("/cgi-bin/get_jsapi_ticket?access_token="+corp, ""), 200, 40014)
	})
}

// TestTheTokenBefore opens tickets as long as WeChat accepts it, and no longer.
func TestTheTokenBefore(t *testing.T) {
	inWorld(t, func(w *world) {
		const path = "/cgi-bin/ticket/getticket?type=jsapi&access_token="
		opens := func(key string) bool {
			return strings.Contains(w.get(path+value(key).Reveal(), "").Body.String(), `"ticket"`)
		}
		become := func(key string, life time.Duration) {
			w.daemon.set("A", func(t *Token) { t.Value, t.Until = value(key), time.Now().Add(life) })
		}
		if opens("A3") || !opens("A") {
			t.Error("at first")
		}
		become("A3", 2*time.Hour)
		if !opens("A3") || !opens("A") {
			t.Error("after it was replaced")
		}
		time.Sleep(overlap - time.Second)
		if !opens("A3") || !opens("A") {
			t.Error("within the overlap")
		}
		time.Sleep(2 * time.Second)
		if !opens("A3") || opens("A") {
			t.Error("after the overlap")
		}
		become("A4", time.Minute)
		w.get("/token/A", shop)
		become("A5", time.Hour)
		if opens("A3") || !opens("A4") || !opens("A5") {
			t.Error("only the newest two count")
		}
		time.Sleep(61 * time.Second)
		if opens("A4") || !opens("A5") {
			t.Error("the one before ends with its own life")
		}
		w.daemon.drop("A")
		if !opens("A5") {
			t.Error("the parent is away for a moment, and its token lives")
		}
		w.api.Use(consumersOf())
		if !opens("A5") {
			t.Error("a new configuration forgets it")
		}
		w.api.Use(consumersOf()[1:])
		if opens("A5") {
			t.Error("no consumer may read the ticket any more")
		}
	})
}

// TestTheTokenRefused opens no ticket, before and after it was replaced; nor does one that leaked.
func TestTheTokenRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		opens := func(key string) bool {
			const path = "/cgi-bin/ticket/getticket?type=jsapi&access_token="
			return strings.Contains(w.get(path+value(key).Reveal(), "").Body.String(), `"ticket"`)
		}
		become := func(key string, forced bool) {
			w.daemon.set("A", func(t *Token) { t.Value, t.Forced = value(key), forced })
		}
		if !opens("A") {
			t.Error("at first")
		}
		w.daemon.set("A", func(t *Token) { t.Refused = value("A").Fingerprint() })
		if opens("A") {
			t.Error("it is known to be refused")
		}
		become("A3", false)
		if opens("A") || !opens("A3") {
			t.Error("it was replaced because it was refused")
		}
		become("A4", false)
		if !opens("A3") || !opens("A4") {
			t.Error("another was refused, and not this one")
		}
		become("A5", true)
		if opens("A4") || !opens("A5") {
			t.Error("it was replaced because it leaked")
		}
	})
}
