package wechatsim_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

const (
	corpid   = "ww0123456789abcdef"
	agent    = corpid + "/1000002"
	agentTwo = corpid + "/1000003"
	passTwo  = "fedcba9876543210fedcba9876543210"
)

// inCorp is inBubble with a corp of two agents.
func inCorp(t *testing.T, change func(*wechatsim.Options), f func(t *testing.T, s sim)) {
	t.Helper()
	inBubble(t, func(o *wechatsim.Options) {
		o.Corps = []wechatsim.Corp{{CorpID: corpid, Agents: []wechatsim.Agent{
			{AgentID: "1000002", Secret: pass}, {AgentID: "1000003", Secret: passTwo},
		}}}
		if change != nil {
			change(o)
		}
	}, f)
}

func (s sim) gettoken(corp, secret string) answer {
	s.t.Helper()
	return s.do("GET", wechatsim.PathCorpToken+"?corpid="+corp+"&corpsecret="+secret, "")
}

// wantCorpUse checks a token of WeCom as wantUse does.
func (s sim) wantCorpUse(what, id, token string, code int) {
	s.t.Helper()
	if got := s.use(token); got != code {
		s.t.Errorf("%s: errcode %d, want %d", what, got, code)
	}
	if got := s.Accepts(id, token); got != (code == 0) {
		s.t.Errorf("%s: the oracle says %v", what, got)
	}
}

func TestCorpTokenStaysTheSame(t *testing.T) {
	inCorp(t, nil, func(t *testing.T, s sim) {
		first := s.gettoken(corpid, pass)
		if first.Code == nil || *first.Code != 0 || first.Message != "ok" || string(first.Expires) != "7200" {
			t.Errorf("%s", first.body)
		}
		other := s.gettoken(corpid, passTwo)
		if other.Token == first.Token {
			t.Error("two agents have one token")
		}
		time.Sleep(2*time.Hour - ms)
		s.wantCorpUse("last millisecond", agentTwo, other.Token, 0)
		if again := s.gettoken(corpid, pass); again.Token != first.Token || string(again.Expires) != "7200" {
			t.Errorf("a millisecond before it is two hours old: %s", again.body)
		}
		time.Sleep(ms)
		s.wantCorpUse("not asked for again", agentTwo, other.Token, 42001)
		second := s.gettoken(corpid, pass)
		if second.Token == first.Token {
			t.Errorf("two hours old: %s", second.body)
		}
		time.Sleep(2*time.Hour - 2*ms)
		s.wantCorpUse("the promise of the last answer", agent, first.Token, 0)
		time.Sleep(2 * ms)
		s.wantCorpUse("after it", agent, first.Token, 42001)
	})
}

func TestCorpRemaining(t *testing.T) {
	inCorp(t, func(o *wechatsim.Options) { o.CorpRemaining = true }, func(t *testing.T, s sim) {
		first := s.gettoken(corpid, pass)
		time.Sleep(2*time.Hour - time.Second)
		if again := s.gettoken(corpid, pass); again.Token != first.Token || string(again.Expires) != "1" {
			t.Errorf("a second before the end: %s", again.body)
		}
		time.Sleep(time.Second)
		s.wantCorpUse("at its end", agent, first.Token, 42001)
		if next := s.gettoken(corpid, pass); next.Token == first.Token || string(next.Expires) != "7200" {
			t.Errorf("after it: %s", next.body)
		}
	})
}

func TestCorpRefusals(t *testing.T) {
	inCorp(t, nil, func(t *testing.T, s sim) {
		for _, test := range []struct {
			url  string
			code int
			says string
		}{
			{wechatsim.PathCorpToken, 41002, "corpid missing"},
			{wechatsim.PathCorpToken + "?corpid=ww1&corpsecret=" + pass, 40013, "invalid corpid"},
			{wechatsim.PathCorpToken + "?corpid=" + appid + "&corpsecret=" + pass, 40013, "invalid corpid"},
			{wechatsim.PathCorpToken + "?corpid=" + corpid, 41004, "corpsecret missing"},
			{wechatsim.PathCorpToken + "?corpid=" + corpid + "&corpsecret=x", 40001, "invalid credential"},
			{wechatsim.PathCorpTicket, 41001, "access_token missing"},
			{wechatsim.PathAgentTicket + "?access_token=x", 40014, "invalid access_token"},
		} {
			a := s.do("GET", test.url, "")
			shape := `^` + test.says + `, hint: \[` + fmt.Sprint(time.Now().Unix()) + `[0-9]{15}\], from ip: 8\.149\.1\.108, ` +
				`more info at https://open\.work\.weixin\.qq\.com/devtool/query\?e=` + fmt.Sprint(test.code) + `$`
			if a.code() != test.code || a.status != 200 || !regexp.MustCompile(shape).MatchString(a.Message) {
				t.Errorf("%s: %s", test.url, a.body)
			}
		}
		if a := s.do("POST", wechatsim.PathCorpToken, "{}"); a.code() != 43001 || !strings.Contains(a.Message, "from ip") {
			t.Errorf("POST: %s", a.body)
		}
		if a := s.do("GET", classicURL(corpid, pass), ""); a.code() != 40013 {
			t.Errorf("a corp at WeChat: %s", a.body)
		}
		weCom, weChat := s.gettoken(corpid, pass).Token, s.classic().Token
		if a := s.ticket(weCom, "jsapi"); a.code() != 40014 {
			t.Errorf("a token of WeCom at WeChat: %s", a.body)
		}
		if a := s.do("GET", wechatsim.PathCorpTicket+"?access_token="+weChat, ""); a.code() != 40014 {
			t.Errorf("a token of WeChat at WeCom: %s", a.body)
		}
		if got := s.Calls(agent)[wechatsim.PathCorpToken]; got != 1 {
			t.Errorf("%d calls with the right secret", got)
		}
	})
}

// gettoken answers everybody, all other calls only whom the agent trusts.
func TestTrustedAddresses(t *testing.T) {
	inCorp(t, func(o *wechatsim.Options) {
		o.Corps[0].Agents[0].Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	}, func(t *testing.T, s sim) {
		token := s.gettoken(corpid, pass).Token
		for _, path := range []string{
			wechatsim.PathDomainIP, wechatsim.PathCallbackIP, wechatsim.PathCorpTicket, wechatsim.PathAgentTicket,
		} {
			a := s.do("GET", path+"?type=agent_config&access_token="+token, "")
			if a.code() != 60020 || !strings.HasPrefix(a.Message, "not allow to access from your ip, hint: [") {
				t.Errorf("%s: %s", path, a.body)
			}
		}
		if !s.Accepts(agent, token) {
			t.Error("the token is dead")
		}
		s.must(s.SetWhitelist(agent, netip.MustParsePrefix(caller+"/32")))
		a := s.do("GET", wechatsim.PathDomainIP+"?access_token="+token, "")
		if a.code() != 0 || a.Code == nil || len(a.IPs) == 0 {
			t.Errorf("trusted: %s", a.body)
		}
	})
}

func TestCorpTickets(t *testing.T) {
	inCorp(t, nil, func(t *testing.T, s sim) {
		one, two := s.gettoken(corpid, pass).Token, s.gettoken(corpid, passTwo).Token
		corp := func(token string) answer { return s.do("GET", wechatsim.PathCorpTicket+"?access_token="+token, "") }
		own := func(token string) answer {
			return s.do("GET", wechatsim.PathAgentTicket+"?type=agent_config&access_token="+token, "")
		}
		first := corp(one)
		if first.Ticket == "" || string(first.Expires) != "7200" || first.Ticket != corp(two).Ticket {
			t.Errorf("of the corp: %s", first.body)
		}
		a, b := own(one).Ticket, own(two).Ticket
		if a == b || a == first.Ticket || !s.Accepts(agent, a) || !s.Accepts(agentTwo, b) {
			t.Errorf("of the agents: %q, %q", a, b)
		}
		s.wantWorks("of the corp", corpid, first.Ticket, true)
		if a := s.do("GET", wechatsim.PathAgentTicket+"?type=jsapi&access_token="+one, ""); a.code() != 40058 {
			t.Errorf("another type: %s", a.body)
		}
		for range 99 {
			corp(one)
		}
		if a := corp(one); a.code() != 45009 {
			t.Errorf("call 101 of an agent: %s", a.body)
		}
		if a := corp(two); a.code() != 0 {
			t.Errorf("another agent: %s", a.body)
		}
		time.Sleep(time.Hour - ms)
		if a := corp(one); a.code() != 45009 {
			t.Errorf("within the hour: %s", a.body)
		}
		time.Sleep(ms)
		if a := corp(one); a.Ticket != first.Ticket {
			t.Errorf("after it: %s", a.body)
		}
	})
}

func TestLimitsOfGettoken(t *testing.T) {
	inCorp(t, nil, func(t *testing.T, s sim) {
		time.Sleep(59 * time.Second)
		for i := range 10_000 {
			if a := s.gettoken(corpid, pass); a.code() != 0 {
				t.Fatalf("call %d: %s", i+1, a.body)
			}
		}
		if a := s.gettoken(corpid, passTwo); a.code() != 45009 {
			t.Errorf("call 10001 of the corp: %s", a.body)
		}
		// Barred for a minute, not only until the minute ends.
		time.Sleep(time.Minute - ms)
		if a := s.gettoken(corpid, pass); a.code() != 45009 {
			t.Errorf("within the minute: %s", a.body)
		}
		time.Sleep(ms)
		for range 2000 {
			if a := s.gettoken(corpid, "x"); a.code() != 40001 {
				t.Fatalf("wrong: %s", a.body)
			}
		}
		s.gettoken(corpid, "x")
		if a := s.gettoken(corpid, pass); a.code() != 45009 {
			t.Errorf("after 2001 wrong ones: %s", a.body)
		}
		time.Sleep(time.Hour)
		if a := s.gettoken(corpid, pass); a.code() != 0 {
			t.Errorf("an hour later: %s", a.body)
		}
	})
}

func TestCorpIsSteered(t *testing.T) {
	inCorp(t, nil, func(t *testing.T, s sim) {
		first := s.gettoken(corpid, pass).Token
		if a := s.do("POST", "/sim/revoke", `{"appid":"`+agent+`","channel":"wecom"}`); a.status != 200 {
			t.Errorf("revoke: %s", a.body)
		}
		s.wantCorpUse("revoked", agent, first, 42001)
		if second := s.gettoken(corpid, pass).Token; second == first {
			t.Error("the revoked token comes again")
		}
		if a := s.do("POST", "/sim/apps/"+agent, `{"secret":"new","whitelist":["10.0.0.1"]}`); a.status != 200 ||
			!strings.Contains(a.body, `"kind":"agent"`) {
			t.Errorf("change: %s", a.body)
		}
		if a := s.gettoken(corpid, pass); a.code() != 40001 {
			t.Errorf("old secret: %s", a.body)
		}
		for _, body := range []string{`{"state":"forbidden"}`, `{"freeze":true}`} {
			if a := s.do("POST", "/sim/apps/"+agent, body); a.status != 400 || !strings.Contains(a.body, "no states") {
				t.Errorf("%s: %d %s", body, a.status, a.body)
			}
		}
		for _, err := range []error{s.SetState(agent, wechatsim.OK), s.Freeze(corpid), s.Unfreeze(agent)} {
			if err == nil {
				t.Error("WeCom has states")
			}
		}
		if _, err := s.Draw(agent, wechatsim.Stable, "x"); err == nil ||
			!strings.Contains(err.Error(), "wecom_agent_ticket") {
			t.Errorf("draw: %v", err)
		}
	})
}

// A fault of a corp hits its agents, that of an agent no other.
func TestFaultsOfACorp(t *testing.T) {
	inCorp(t, nil, func(t *testing.T, s sim) {
		for id, codes := range map[string][2]int{corpid: {45033, 45033}, agentTwo: {0, 45033}, appid: {0, 0}} {
			_, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45033, AppID: id})
			s.must(err)
			one, two := s.gettoken(corpid, pass), s.gettoken(corpid, passTwo)
			if one.code() != codes[0] || two.code() != codes[1] {
				t.Errorf("%s: %s, %s", id, one.body, two.body)
			}
			s.ClearFaults()
		}
	})
}

func TestCorpsAreChecked(t *testing.T) {
	good := wechatsim.Agent{AgentID: "1", Secret: pass}
	for want, corps := range map[string][]wechatsim.Corp{
		"corpid: empty":         {{Agents: []wechatsim.Agent{good}}},
		"corpid: empty, or":     {{CorpID: "a/b"}},
		"agentid: \"\" is not":  {{CorpID: corpid, Agents: []wechatsim.Agent{{Secret: pass}}}},
		"agentid: \"1a\" is":    {{CorpID: corpid, Agents: []wechatsim.Agent{{AgentID: "1a", Secret: pass}}}},
		"secret: empty":         {{CorpID: corpid, Agents: []wechatsim.Agent{{AgentID: "1"}}}},
		"secret: two agents":    {{CorpID: corpid, Agents: []wechatsim.Agent{good, {AgentID: "2", Secret: pass}}}},
		corpid + `" is given`:   {{CorpID: corpid}, {CorpID: corpid}},
		corpid + `/1" is given`: {{CorpID: corpid, Agents: []wechatsim.Agent{good, {AgentID: "1", Secret: "x"}}}},
	} {
		if _, err := wechatsim.New(wechatsim.Options{Corps: corps}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
