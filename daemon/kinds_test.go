package daemon

import (
	"slices"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechatsim"
)

const (
	testCorp  = "ww0123456789abcdef"
	testAgent = testCorp + "/1000002"
	// Of WeCom, which has no hex digits.
	corpSecret = "CANARY-corp-6789abcdefABCDEF0123456789abcdef"
)

// house is all kinds of credentials of one company, by their keys.
var house = map[string]struct {
	kind, from, account string
	channel             wechatsim.Channel
}{
	testKey:   {credential.OfficialAccount, "", testAppID, wechatsim.Stable},
	"jsapi":   {credential.JSAPITicket, testKey, testAppID, wechatsim.JSAPITicket},
	"card":    {credential.WXCardTicket, testKey, testAppID, wechatsim.WXCardTicket},
	"wecom":   {credential.WeCom, "", testAgent, wechatsim.WeCom},
	"corp js": {credential.WeComJSAPITicket, "wecom", testCorp, wechatsim.CorpTicket},
	"agent":   {credential.WeComAgentTicket, "wecom", testAgent, wechatsim.AgentTicket},
}

// inHouse is inWorld with those credentials of the house that have these keys.
func inHouse(t *testing.T, o wechatsim.Options, keys []string, body func(w *world)) {
	t.Helper()
	o.Seed, o.Apps = 1, []wechatsim.App{{AppID: testAppID, Secret: testSecret}}
	o.Corps = []wechatsim.Corp{{CorpID: testCorp, Agents: []wechatsim.Agent{{AgentID: "1000002", Secret: corpSecret}}}}
	inWorldAt(t, o, "stable", 2*time.Hour, func(w *world) {
		w.config.Credentials = nil
		for _, key := range keys {
			w.config.Credentials = append(w.config.Credentials, w.member(key))
		}
		body(w)
	})
}

func (w *world) member(key string) config.Credential {
	one := house[key]
	c := config.DefaultCredential("stable", w.config.Refresh)
	c.Key, c.Kind, c.From = key, one.kind, one.from
	traits, form := credential.Traits{}, c.Form()
	switch {
	case form.Parent != "":
		c.API = ""
	case form.AtWeCom:
		c.API, c.CorpID, c.AgentID, c.Secret = "", testCorp, "1000002", corpSecret
	default:
		c.AppID, c.Secret = testAppID, testSecret
	}
	traits = c.Traits()
	c.Ahead, c.DailyLimit = traits.Ahead, traits.DailyLimit
	return c
}

func everyKind() []string { return []string{testKey, "jsapi", "card", "wecom", "corp js", "agent"} }

// readAt is what a reader of that key would use.
func (w *world) readAt(key string) secret.Token {
	value, _ := w.redis.Get(key)
	return layout.Decode(value)
}

// works says whether what readers of that key get works at WeChat.
func (w *world) works(key string) bool {
	return w.wechat.Accepts(house[key].account, w.readAt(key).Reveal())
}

// worksWithin waits until all of them work.
func (w *world) worksWithin(limit time.Duration, keys ...string) time.Duration {
	w.Helper()
	start := time.Now()
	for slices.ContainsFunc(keys, func(key string) bool { return !w.works(key) }) {
		if time.Since(start) > limit {
			w.Fatalf("what does not work after %v: %v\n%s", limit, keys, w.story())
		}
		w.wait(100 * time.Millisecond)
	}
	return time.Since(start)
}

// issued counts what WeChat has given by one channel.
func (w *world) issued(channel wechatsim.Channel) (n int) {
	for _, one := range w.wechat.Issued() {
		if one.Channel == channel {
			n++
		}
	}
	return n
}

// TestEveryKind: hours of a whole house. Readers of each key have what works at
// any time, and WeChat is asked for as little as that takes.
func TestEveryKind(t *testing.T) {
	withoutRace(t)
	for name, o := range map[string]wechatsim.Options{"whole lives": {},
		"a WeCom that tells what is left": {CorpRemaining: true}} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, o, everyKind(), func(w *world) {
				w.config.Refresh.Poll = 4 * time.Second
				w.start()
				took := w.worksWithin(10*time.Second, everyKind()...)
				gap := map[string]time.Duration{}
				const step, hours = 2 * time.Second, 5
				for range int(hours * time.Hour / step) {
					w.wait(step)
					for _, key := range everyKind() {
						if !w.works(key) {
							gap[key] += step
						}
					}
				}
				// Nothing new is to be had of such a WeCom before the old one has ended, and its last second is none.
				if o.CorpRemaining && gap["wecom"] <= hours/2*6*time.Second {
					delete(gap, "wecom")
				}
				if len(gap) != 0 || w.logged("level=WARN") > 0 && !o.CorpRemaining {
					t.Errorf("without: %v; warnings: %d\n%s", gap, w.logged("level=WARN"), w.story())
				}
				for key, one := range house {
					if n := w.issued(one.channel); n < hours/2 || n > hours/2+1 {
						t.Errorf("%s: %d different ones in %d hours", key, n, hours)
					}
				}
				calls := w.wechat.Calls(testAppID)[wechatsim.PathTicket] / 2
				if calls > 12*hours {
					t.Errorf("%d calls for one ticket in %d hours", calls, hours)
				}
				figure(t, "tickets", "all six kinds work %v after the start; %d calls for one ticket in %d hours",
					took, calls, hours)
			})
		})
	}
}

// TestTicketWaitsForItsParent: without a token of the parent nothing is drawn, it
// is said once, and the ticket comes right after the token.
func TestTicketWaitsForItsParent(t *testing.T) {
	inHouse(t, wechatsim.Options{}, []string{"jsapi", testKey}, func(w *world) {
		w.must(w.wechat.SetSecret(testAppID, "another"))
		w.start()
		w.wait(30 * time.Minute)
		ticket := w.daemon.registry.find("jsapi").Status()
		if calls := w.wechat.Calls(testAppID)[wechatsim.PathTicket]; calls != 0 || ticket.State != keeper.Missing {
			t.Errorf("%d calls, %s", calls, ticket.State)
		}
		if ticket.Unready != "missing: the credential that it is drawn from has no token" ||
			w.logged("waiting: the credential") != 1 {
			t.Errorf("%s; said %d times", ticket.Unready, w.logged("waiting: the credential"))
		}
		w.must(w.wechat.SetSecret(testAppID, testSecret))
		w.worksWithin(12*time.Minute, testKey)
		took := w.worksWithin(3*time.Second, "jsapi")
		figure(t, "tickets", "%v after its parent", took)
	})
}

// TestDeadParentIsReported: what WeChat says of the parent's token to a ticket's
// draw is a reader's report of that token, and no failure of the ticket's own.
func TestDeadParentIsReported(t *testing.T) {
	inHouse(t, wechatsim.Options{}, []string{testKey, "jsapi"}, func(w *world) {
		w.start()
		w.worksWithin(5*time.Second, testKey, "jsapi")
		w.wait(time.Minute)
		for range 2 {
			_, err := w.wechat.ForceRefresh(testAppID)
			w.must(err)
		}
		ticket := w.readAt("jsapi")
		w.must(w.redis.Set("jsapi", "x"))
		w.redis.Del("{jsapi}:state")
		w.crash()
		w.redis.Del("jsapi")
		w.start()
		took := w.worksWithin(20*time.Second, testKey, "jsapi")
		if w.readAt("jsapi") != ticket {
			t.Error("another ticket, although the token alone was dead")
		}
		if w.logged("refused the token of the parent") == 0 {
			t.Errorf("not reported\n%s", w.story())
		}
		figure(t, "tickets", "a dead parent is found by a ticket's draw and replaced after %v", took)
	})
}

// TestReportOfTicket: nobody can ask WeChat about a ticket. A report has it drawn
// once more, which gives what is good; however often somebody reports, WeChat is
// asked two dozen times in an hour.
func TestReportOfTicket(t *testing.T) {
	inHouse(t, wechatsim.Options{}, []string{testKey, "jsapi"}, func(w *world) {
		w.start()
		w.worksWithin(5*time.Second, testKey, "jsapi")
		w.wait(time.Minute)
		before := w.wechat.Calls(testAppID)[wechatsim.PathTicket]
		w.must(w.redis.Set("{jsapi}:rejected", w.readAt("jsapi").Reveal()))
		w.wait(3 * time.Second)
		if calls := w.wechat.Calls(testAppID)[wechatsim.PathTicket] - before; calls != 1 ||
			w.redis.Exists("{jsapi}:rejected") {
			t.Errorf("%d calls for a good ticket; the report is there: %v", calls, w.redis.Exists("{jsapi}:rejected"))
		}
		w.wait(time.Minute)
		w.must(w.wechat.Revoke(testAppID, wechatsim.JSAPITicket))
		w.must(w.redis.Set("{jsapi}:rejected", w.readAt("jsapi").Reveal()))
		w.worksWithin(3*time.Second, "jsapi")
		before = w.wechat.Calls(testAppID)[wechatsim.PathTicket]
		for range 3600 {
			w.must(w.redis.Set("{jsapi}:rejected", w.readAt("jsapi").Reveal()))
			w.wait(time.Second)
		}
		if calls := w.wechat.Calls(testAppID)[wechatsim.PathTicket] - before; calls < 20 || calls > 48+5 {
			t.Errorf("%d calls in an hour of reports", calls)
		}
		if w.issued(wechatsim.JSAPITicket) != 2 {
			t.Errorf("%d tickets", w.issued(wechatsim.JSAPITicket))
		}
	})
}

// TestWeComRevokes: WeCom may end a token at any time. Verification notices, and
// the next draw gives another.
func TestWeComRevokes(t *testing.T) {
	inHouse(t, wechatsim.Options{}, []string{"wecom", "agent"}, func(w *world) {
		w.start()
		w.worksWithin(5*time.Second, "wecom", "agent")
		w.wait(time.Minute)
		w.must(w.wechat.Revoke(testAgent, wechatsim.WeCom))
		if w.works("wecom") {
			t.Fatal("not revoked")
		}
		took := w.worksWithin(w.config.Refresh.VerifyEvery, "wecom")
		figure(t, "wecom", "a token that WeCom ended is replaced after %v", took)
	})
}

// TestTicketUnderTokensKey: a ticket is no token of the same account.
func TestTicketUnderTokensKey(t *testing.T) {
	inHouse(t, wechatsim.Options{}, []string{testKey}, func(w *world) {
		w.start()
		w.wait(10 * time.Second)
		second := newReplica("10.0.0.8")
		second.configure = func(c *config.Config) {
			token, ticket := w.member(testKey), w.member("jsapi")
			token.Key, ticket.Key, ticket.From = "elsewhere", testKey, "elsewhere"
			c.Credentials = []config.Credential{token, ticket}
		}
		w.launch(second)
		w.wait(10 * time.Second)
		if !w.works(testKey) || w.logged("another appid lives under this key, "+testAppID) != 1 {
			t.Errorf("works: %v\n%s", w.works(testKey), w.story())
		}
		second.kill()
	})
}

// TestChangedParent: a change of the parent reaches the ticket's keeper.
func TestChangedParent(t *testing.T) {
	inHouse(t, wechatsim.Options{}, []string{testKey, "jsapi"}, func(w *world) {
		w.start()
		w.worksWithin(5*time.Second, testKey, "jsapi")
		changed := slices.Clone(w.config.Credentials)
		changed[0].Ahead = time.Minute
		if got := w.apply(changed...); got != (Changes{Changed: 1}) {
			t.Errorf("another ahead of the token: %+v", got)
		}
		w.wait(10 * time.Second)
		changed = slices.Clone(changed)
		changed[0].AppID = "wx1111111111111111"
		if got := w.apply(changed...); got != (Changes{Changed: 2}) {
			t.Errorf("another account of the token: %+v", got)
		}
		w.wait(10 * time.Second)
		if name := w.daemon.registry.find("jsapi").Spec().Name; name != "wx1111111111111111" {
			t.Error(name)
		}
	})
}
