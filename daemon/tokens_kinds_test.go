package daemon

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechatsim"
)

// lendingAll switches the token API on, for one consumer of the whole house.
func (w *world) lendingAll() {
	w.lending()
	w.config.HTTP.Consumers[0].Keys = everyKind()
}

// platformPath is how WeChat or WeCom is asked for what is under a key of the
// house; a ticket by showing this token.
func platformPath(key string, parent secret.Token) string {
	token := url.Values{"access_token": {parent.Reveal()}}.Encode()
	return map[string]string{
		testKey:   "/cgi-bin/token?grant_type=client_credential&appid=" + testAppID + "&secret=" + consumerSecret,
		"jsapi":   "/cgi-bin/ticket/getticket?type=jsapi&" + token,
		"card":    "/cgi-bin/ticket/getticket?type=wx_card&" + token,
		"wecom":   "/cgi-bin/gettoken?corpid=" + testCorp + "&corpsecret=" + consumerSecret,
		"corp js": "/cgi-bin/get_jsapi_ticket?" + token,
		"agent":   "/cgi-bin/ticket/get?type=agent_config&" + token,
	}[key]
}

// loan is what the token API gave.
type loan struct {
	key   string
	value secret.Token
	until time.Time
	code  int
}

func (w *world) borrow(key, path string) loan {
	w.Helper()
	_, text := w.ask(http.MethodGet, path, "")
	var got struct {
		AccessToken secret.Token `json:"access_token"`
		Ticket      secret.Token `json:"ticket"`
		ExpiresIn   int          `json:"expires_in"`
		ErrCode     int          `json:"errcode"`
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		w.Fatalf("%s: %v", key, err)
	}
	if house[key].from != "" {
		got.AccessToken, got.Ticket = got.Ticket, got.AccessToken
	}
	if got.Ticket != "" {
		w.Fatalf("%s has the name of another kind", key)
	}
	return loan{key, got.AccessToken, time.Now().Add(time.Duration(got.ExpiresIn) * time.Second), got.ErrCode}
}

// TestTokenAPIOfEveryKind asks all the time for all that a house has, by key and
// on the platforms' own paths: readers have the same, and it works for as long
// as the answer says.
func TestTokenAPIOfEveryKind(t *testing.T) {
	inHouse(t, wechatsim.Options{}, everyKind(), func(w *world) {
		w.lendingAll()
		w.config.Refresh.Poll = 4 * time.Second
		w.start()
		w.worksWithin(10*time.Second, everyKind()...)
		var loans []loan
		different := map[secret.Token]bool{}
		for range 5 * 30 {
			w.wait(2 * time.Minute)
			for _, key := range everyKind() {
				for _, path := range []string{
					"/token/" + url.PathEscape(key), platformPath(key, w.readAt(house[key].from)),
				} {
					l := w.borrow(key, path)
					if l.value == "" || l.value != w.readAt(key) || l.code != 0 {
						w.Fatalf("%s: lent %v (%d), readers have %v", key, l.value, l.code, w.readAt(key))
					}
					loans = append(loans, l)
					different[l.value] = true
				}
			}
			running := loans[:0]
			for _, l := range loans {
				if !time.Now().Before(l.until) {
					continue
				}
				if !w.wechat.Accepts(house[l.key].account, l.value.Reveal()) {
					w.Fatalf("%s: %v was lent until %v, and does not work\n%s", l.key, l.value, l.until, w.story())
				}
				running = append(running, l)
			}
			loans = running
		}
		if len(different) < 2*len(house) {
			t.Errorf("only %d different ones were lent", len(different))
		}
		w.leaks("the log", w.logs.String())
	})
}

// TestTicketForTheTokenBefore: whoever still has the token before the current
// one gets the ticket, for as long as WeChat accepts that token and no longer.
func TestTicketForTheTokenBefore(t *testing.T) {
	inHouse(t, wechatsim.Options{}, everyKind(), func(w *world) {
		w.lendingAll()
		w.config.Refresh.Poll = 4 * time.Second
		w.start()
		w.worksWithin(10*time.Second, everyKind()...)
		w.wait(time.Minute)
		before := w.readAt(testKey)
		w.borrow("jsapi", platformPath("jsapi", before))
		const step = 5 * time.Second
		for w.readAt(testKey) == before {
			w.wait(step)
		}
		lent, refused := 0, 0
		for range int(10 * time.Minute / step) {
			w.wait(step)
			accepted := w.wechat.Accepts(testAppID, before.Reveal())
			switch l := w.borrow("jsapi", platformPath("jsapi", before)); {
			case l.code == 0 && l.value == w.readAt("jsapi") && accepted:
				lent++
			case l.code == 40001 && l.value == "":
				refused++
			default:
				w.Fatalf("accepted %v, got %v, %d", accepted, l.value, l.code)
			}
		}
		if most := int(5 * time.Minute / step); lent < most*4/5 || refused < most {
			t.Errorf("lent %d times, refused %d times", lent, refused)
		}
	})
}

// TestTicketForARefusedToken: nobody gets one for a token of which WeChat says that
// it is dead, neither before the next one is there nor afterwards.
func TestTicketForARefusedToken(t *testing.T) {
	inHouse(t, wechatsim.Options{}, everyKind(), func(w *world) {
		w.lendingAll()
		w.start()
		w.worksWithin(10*time.Second, everyKind()...)
		w.wait(time.Minute)
		before := w.readAt(testKey)
		if l := w.borrow("jsapi", platformPath("jsapi", before)); l.code != 0 {
			t.Fatalf("it is good: %d", l.code)
		}
		w.must(w.wechat.Revoke(testAppID, wechatsim.Stable))
		for w.readAt(testKey) == before {
			w.wait(time.Second)
		}
		for range 60 {
			w.wait(time.Second)
			if l := w.borrow("jsapi", platformPath("jsapi", before)); l.code != 40001 || l.value != "" {
				t.Fatalf("got %v, %d", l.value, l.code)
			}
		}
	})
}

// TestTicketOfAnotherAccount: once its parent is another account's, a ticket of
// the one before is nobody's, by whatever name it is asked for.
func TestTicketOfAnotherAccount(t *testing.T) {
	inHouse(t, wechatsim.Options{}, everyKind(), func(w *world) {
		w.lendingAll()
		d := &desk{config: w.config}
		w.source, w.reread = d, make(chan os.Signal, 1)
		w.start()
		w.worksWithin(10*time.Second, everyKind()...)
		w.wait(time.Minute)
		token, ticket := w.readAt(testKey), w.readAt("jsapi")
		asked := func() (byKey, onPath loan) {
			return w.borrow("jsapi", "/token/jsapi"), w.borrow("jsapi", platformPath("jsapi", token))
		}
		if byKey, onPath := asked(); byKey.value != ticket || onPath.value != ticket {
			t.Fatalf("lent %v and %v, not %v", byKey.value, onPath.value, ticket)
		}
		d.write("another account", nil, func(c *config.Config) { c.Credentials[0].AppID = "wx1111111111111111" })
		w.wait(3 * watchEvery)
		for range 60 {
			w.wait(time.Second)
			if byKey, onPath := asked(); byKey.code != -1 || onPath.code != 40001 || byKey.value+onPath.value != "" {
				t.Fatalf("lent %v (%d) and %v (%d)\n%s", byKey.value, byKey.code, onPath.value, onPath.code, w.story())
			}
		}
		if agent := w.borrow("agent", platformPath("agent", w.readAt("wecom"))); agent.value != w.readAt("agent") {
			t.Errorf("WeCom was touched: %d", agent.code)
		}
		d.write("as before", nil, func(c *config.Config) { c.Credentials[0].AppID = testAppID })
		w.wait(3*watchEvery + time.Minute)
		token, ticket = w.readAt(testKey), w.readAt("jsapi")
		if byKey, onPath := asked(); ticket == "" || byKey.value != ticket || onPath.value != ticket {
			t.Errorf("back: lent %v and %v, not %v\n%s", byKey.value, onPath.value, ticket, w.story())
		}
	})
}
