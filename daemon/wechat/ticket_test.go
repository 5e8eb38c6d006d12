package wechat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechat"
	"wxtokend/daemon/wechatsim"
)

const (
	canaryTicket = "CANARYticket0123456789CANARYticket0123456789CANARYticket0123456789CANARYticket0123456789"
	ticketed     = `{"errcode":0,"errmsg":"ok","ticket":"` + canaryTicket + `","expires_in":7200}`
	corpID       = "ww0123456789abcdef"
)

// question is a call that carries something secret, and how it looks to a server.
type question struct {
	ask           func(context.Context, *wechat.Client) (secret.Token, error)
	url, op, good string
	wecom         bool
}

func tokenOf(g wechat.Grant, err error) (secret.Token, error) { return g.Token, err }

func questions() map[string]question {
	return map[string]question{
		"jsapi": {func(ctx context.Context, c *wechat.Client) (secret.Token, error) {
			return tokenOf(c.Ticket(ctx, canaryToken, wechat.TicketJSAPI))
		}, "/cgi-bin/ticket/getticket?access_token=" + canaryToken + "&type=jsapi", "mint ticket", ticketed, false},
		"wx_card": {func(ctx context.Context, c *wechat.Client) (secret.Token, error) {
			return tokenOf(c.Ticket(ctx, canaryToken, wechat.TicketWXCard))
		}, "/cgi-bin/ticket/getticket?access_token=" + canaryToken + "&type=wx_card", "mint ticket", ticketed, false},
		"corp ticket": {func(ctx context.Context, c *wechat.Client) (secret.Token, error) {
			return tokenOf(c.CorpTicket(ctx, canaryToken))
		}, "/cgi-bin/get_jsapi_ticket?access_token=" + canaryToken, "mint ticket", ticketed, true},
		"agent ticket": {func(ctx context.Context, c *wechat.Client) (secret.Token, error) {
			return tokenOf(c.AgentTicket(ctx, canaryToken))
		}, "/cgi-bin/ticket/get?access_token=" + canaryToken + "&type=agent_config", "mint ticket", ticketed, true},
		"gettoken": {func(ctx context.Context, c *wechat.Client) (secret.Token, error) {
			return tokenOf(c.CorpToken(ctx, corpID, canarySecret))
		}, "/cgi-bin/gettoken?corpid=" + corpID + "&corpsecret=" + canarySecret, "mint token",
			strings.Replace(ticketed, "ticket", "access_token", 1), true},
		"verification": {func(ctx context.Context, c *wechat.Client) (secret.Token, error) {
			return canaryTicket, c.VerifyCorp(ctx, canaryToken)
		}, "/cgi-bin/get_api_domain_ip?access_token=" + canaryToken, "verify token",
			`{"errcode":0,"errmsg":"ok","ip_list":["182.254.11.176"]}`, true},
		"quota": {func(ctx context.Context, c *wechat.Client) (secret.Token, error) {
			q, err := c.Quota(ctx, canaryToken, "/cgi-bin/token")
			if err == nil && q != (wechat.Quota{Limit: 2000, Used: 17, Remain: 1983}) {
				err = fmt.Errorf("%+v", q)
			}
			return canaryTicket, err
		}, "/cgi-bin/openapi/quota/get?access_token=" + canaryToken, "ask quota",
			`{"errcode":0,"quota":{"daily_limit":2000,"used":17,"remain":1983},"rate_limit":{}}`, false},
	}
}

// Each call goes to its platform alone, as one request of the right form.
func TestQuestions(t *testing.T) {
	for name, q := range questions() {
		t.Run(name, func(t *testing.T) {
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				host := "/weixin"
				if q.wecom {
					host = "/qyapi"
				}
				method := map[bool]string{false: "GET", true: "POST"}[name == "quota"]
				if r.Method != method || r.URL.String() != host+q.url {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				checkHeaders(t, r)
				answer(q.good)(w, r)
			})
			c := client(t, wechat.Options{BaseURL: base + "/weixin", WeComURL: base + "/qyapi"})
			if token, err := q.ask(within(t), c); err != nil || token != canaryTicket {
				t.Errorf("%v, %v", token, err)
			}
		})
	}
}

// What a failure says, and that it holds nothing secret.
func TestQuestionsThatFail(t *testing.T) {
	for name, q := range questions() {
		for body, want := range map[string]wechat.Class{
			`{"errcode":-1,"errmsg":"` + canaryToken + ` ` + canarySecret + `"}`: wechat.ClassTransient,
			`{"errcode":45033}`: wechat.ClassRate,
			`{"errcode":60020,"errmsg":"from ip: 192.0.2.7, "}`: wechat.ClassIP,
			`{"errcode":0,"errmsg":"ok"}`:                       wechat.ClassGarbage,
			`<html>` + canaryToken + canarySecret:               wechat.ClassGarbage,
			``:                                                  wechat.ClassGarbage,
			`{"ticket":"a b","access_token":"","expires_in":7200}`: wechat.ClassGarbage,
			`{"ticket":"t","access_token":"t","expires_in":0}`:     wechat.ClassGarbage,
			`{"quota":{"daily_limit":2000,"used":-1,"remain":0}}`:  wechat.ClassGarbage,
			`{"quota":{"daily_limit":"x","used":1,"remain":0}}`:    wechat.ClassGarbage,
			`{"quota":{}}`: wechat.ClassGarbage,
			`{"quota":[]}`: wechat.ClassGarbage,
		} {
			_, err := q.ask(within(t), client(t, wechat.Options{BaseURL: serve(t, answer(body))}))
			e := failure(t, err)
			if e.Class != want || e.Op != q.op || e.WeCom != q.wecom || e.Refused() || !e.Left() {
				t.Errorf("%s: %s: %#v", name, body, e)
			}
			if want == wechat.ClassIP && e.IP != "192.0.2.7" {
				t.Errorf("%s: the address is %q", name, e.IP)
			}
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			if strings.Contains(text, canaryToken[:40]) || q.op == "mint token" && strings.Contains(text, canarySecret[:12]) {
				t.Errorf("%s: %s", name, text)
			}
			if q.wecom && strings.Contains(err.Error(), "WeChat") && e.Code == 0 {
				t.Errorf("%s: a failure of WeCom speaks of WeChat: %v", name, err)
			}
		}
	}
}

// A refused token is the parent's where a ticket was asked for. A secret is no token.
func TestWhoseTokenIsRefused(t *testing.T) {
	for name, q := range questions() {
		for _, code := range []int{40001, 40014, 42001} {
			body := fmt.Sprintf(`{"errcode":%d,"errmsg":"x"}`, code)
			_, err := q.ask(within(t), client(t, wechat.Options{BaseURL: serve(t, answer(body))}))
			e := failure(t, err)
			if e.Refused() != (q.op != "mint token") {
				t.Errorf("%s: %d: refused %v", name, code, e.Refused())
			}
			if transient := e.Class == wechat.ClassTransient; transient != (q.op == "mint ticket") {
				t.Errorf("%s: %d: class %s", name, code, e.Class)
			}
		}
	}
}

func TestWhatTheFailuresSay(t *testing.T) {
	const cut = "WeCom may have issued a token"
	for want, test := range map[string]struct{ question, body string }{
		"mint ticket: errcode 40001: WeChat refuses the token that the ticket was asked for with; a new token has to be " +
			`minted first (WeChat says "x")`: {"jsapi", `{"errcode":40001,"errmsg":"x"}`},
		"mint ticket: errcode 42001: WeCom refuses the token that the ticket was asked for with; a new token has to be " +
			`minted first (WeCom says "x")`: {"agent ticket", `{"errcode":42001,"errmsg":"x"}`},
		"mint ticket: errcode 45009: the day's tickets are used up;": {"wx_card", `{"errcode":45009}`},
		"ask quota: errcode 45009: the day's questions about quotas": {"quota", `{"errcode":45009}`},
		"ask quota: errcode 40234: the account has switched on":      {"quota", `{"errcode":40234}`},
		"verify token: errcode 42001: WeCom refuses this token;":     {"verification", `{"errcode":42001}`},
		"mint token: the answer is empty (":                          {"gettoken", ``},
		cut:                                                          {"gettoken", `{}`},
		"wechat.wecom_base_url":                                      {"gettoken", ""},
	} {
		handler := answer(test.body)
		if want == "wechat.wecom_base_url" {
			handler = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
		}
		_, err := questions()[test.question].ask(within(t), client(t, wechat.Options{BaseURL: serve(t, handler)}))
		if text := failure(t, err).Error(); !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

// The classes of WeCom are its own.
func TestTheDaysLimitIsOfAMinuteAtWeCom(t *testing.T) {
	for name, q := range questions() {
		_, err := q.ask(within(t), client(t, wechat.Options{BaseURL: serve(t, answer(`{"errcode":45009}`))}))
		if e := failure(t, err); (e.Class == wechat.ClassRate) != q.wecom {
			t.Errorf("%s: class %s", name, e.Class)
		}
	}
}

func TestWeComURLIsRead(t *testing.T) {
	bad := wechat.Options{BaseURL: "https://api.weixin.qq.com", WeComURL: "https://u:" + canarySecret + "@%zz"}
	_, err := wechat.New(bad)
	if err == nil || !strings.Contains(err.Error(), "wecom_base_url") || strings.Contains(err.Error(), canarySecret) {
		t.Error(err)
	}
}

// gettoken lets a stranger in, the verification does not, and says who it was.
func TestAddressThatWeComDoesNotTrust(t *testing.T) {
	sim, err := wechatsim.New(wechatsim.Options{Corps: []wechatsim.Corp{{CorpID: corpID, Agents: []wechatsim.Agent{{
		AgentID: "1000002", Secret: canarySecret, Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, wechat.Options{BaseURL: serve(t, sim.ServeHTTP)})
	grant, err := c.CorpToken(within(t), corpID, canarySecret)
	if err != nil || grant.ExpiresIn != 2*time.Hour {
		t.Fatalf("%v, %v", grant, err)
	}
	e := failure(t, c.VerifyCorp(within(t), grant.Token))
	if e.Code != 60020 || e.Class != wechat.ClassIP || e.IP != "127.0.0.1" || e.Refused() {
		t.Errorf("%#v", e)
	}
	if err := sim.SetWhitelist(corpID+"/1000002", netip.MustParsePrefix("127.0.0.0/8")); err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyCorp(within(t), grant.Token); err != nil {
		t.Error(err)
	}
}
