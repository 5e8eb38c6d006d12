package check_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
	"wxtokend/daemon/wechatsim"
)

const (
	corp       = "ww0123456789abcdef"
	corpSecret = "CANARY-corp-6789abcdefABCDEF0123456789abcde"
)

// house is a document with each kind, tickets first.
func (w *world) house(s server) string {
	w.Helper()
	sim, err := wechatsim.New(wechatsim.Options{
		Apps:  []wechatsim.App{{AppID: appid, Secret: appSecret}},
		Corps: []wechatsim.Corp{{CorpID: corp, Agents: []wechatsim.Agent{{AgentID: "1000002", Secret: corpSecret}}}},
	})
	if err != nil {
		w.Fatal(err)
	}
	https := httptest.NewServer(sim)
	w.Cleanup(https.Close)
	w.sim, w.secrets = sim, append(w.secrets, corpSecret)
	w.write("corpsecret", corpSecret, 0o600)
	return fmt.Sprintf(`redis: {url: "%s"}
wechat: {base_url: "%s", wecom_base_url: "%[2]s"}
credentials:
  - {key: jsapi, kind: jsapi_ticket, from: WXAccessToken}
  - {appid: %s, secret_file: %s/appsecret, api: classic}
  - {key: wecom, kind: wecom, corpid: %s, agentid: 1000002, secret_file: %[4]s/corpsecret}
  - {key: agent, kind: wecom_agent_ticket, from: wecom}
`, url(s, "0"), https.URL, appid, w.dir, corp)
}

// TestEveryKind: a house is looked at kind by kind, and loses nothing by it.
func TestEveryKind(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	document := w.house(s)
	before, err := w.sim.Draw(appid, wechatsim.Classic, "the fleet")
	if err != nil {
		t.Fatal(err)
	}
	output, findings := w.document(document)
	w.expect(output, findings, 0,
		"configuration: 4 credential(s) (1 official_account, 1 jsapi_ticket, 1 wecom, 1 wecom_agent_ticket), "+
			"no contradictions",
		"skip  secret jsapi: it is drawn with the token of WXAccessToken",
		"ok    secret wecom: from "+w.dir+"/corpsecret: 43 characters",
		"ok    wechat jsapi: it answers for "+appid, "ok    wechat wecom: it answers for "+corp+"/1000002",
		"ok    wechat agent: it answers", "ok    verification wecom: ", "ok    rights agent", "ok    token agent: none yet")
	if !w.sim.Accepts(appid, before.Reveal()) || strings.Contains(output, "verification jsapi") {
		t.Errorf("the check ended a token, or asked about a ticket:\n%s", output)
	}
}

// TestSecretOfWeComInQuotes: it is long enough, and no secret of WeCom.
func TestSecretOfWeComInQuotes(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	document := w.house(s)
	w.write("corpsecret", "'"+strings.Repeat("a", 43)+"'", 0o600)
	output, findings := w.document(document)
	w.expect(output, findings, 1, "warn  secret wecom: from "+w.dir+"/corpsecret: not 43 letters and digits",
		"but 45 byte(s)", "look for spaces, quotes or a cut end")
}

// TestUntrustedAddress: WeCom gives its token to everybody, and says at the next
// call that it does not trust the address.
func TestUntrustedAddress(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	document := w.house(s)
	if err := w.sim.SetWhitelist(corp+"/1000002", netip.MustParsePrefix("192.0.2.1/32")); err != nil {
		t.Fatal(err)
	}
	output, findings := w.document(document)
	w.expect(output, findings, 1, "ok    wechat wecom", "warn  verification wecom: nobody would notice",
		"errcode 60020 (ip)",
		"FAIL  wechat agent: errcode 60020")
}

// TestNoTokenForTicket: what is wrong with the parent is said there.
func TestNoTokenForTicket(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	document := w.house(s)
	if err := w.sim.SetSecret(appid, "another"); err != nil {
		t.Fatal(err)
	}
	output, findings := w.document(document)
	w.expect(output, findings, 1, "FAIL  wechat WXAccessToken",
		"skip  wechat jsapi: there is no token of WXAccessToken to draw it with")
}

// TestTargets: the check says what readers find at each target, and who may write it.
func TestTargets(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	const key = "shop:wx:token"
	target := ", targets: [{key: \"" + key + "\", format: raw}, {file: " + w.dir + "/missing/token}]"
	run := func(redisURL string) (string, int) {
		return w.check(fmt.Sprintf("redis: {url: %q, timeout: 1s}\n", redisURL), w.credential(target))
	}
	output, findings := run(url(s, "0"))
	w.expect(output, findings, 0, "ok    target "+key+": nothing yet",
		"warn  target "+w.dir+"/missing/token: "+w.dir+"/missing is no directory")
	token, err := w.sim.Draw(appid, wechatsim.Stable, "the fleet")
	if err != nil {
		t.Fatal(err)
	}
	w.mint(s, token)
	for value, want := range map[string]string{
		"": "warn  target " + key + ": missing", token.Reveal(): "ok    target " + key + ": readers find the token there",
		strings.Repeat("x", 130): "warn  target " + key + ": foreign",
		token.Reveal() + "x":     "warn  target " + key + ": outdated",
	} {
		s.admin.Del(t.Context(), key)
		if value != "" {
			s.admin.Set(t.Context(), key, value, 2*time.Hour)
		}
		output, findings = run(url(s, "0"))
		w.expect(output, findings, 0, want)
		if got, _ := s.admin.Get(t.Context(), key).Result(); got != value {
			t.Errorf("the check changed it: %q", got)
		}
	}
	s.admin.Del(t.Context(), key)
	s.admin.HSet(t.Context(), key, "a", "b")
	output, findings = run(url(s, "0"))
	w.expect(output, findings, 0, "warn  target "+key+": foreign")
}

// TestTargetOfNoRight: a target that the user of Redis may not write is one finding, with its cure.
func TestTargetOfNoRight(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	for _, tt := range []struct {
		rules    string
		mint     bool
		findings int
		want     string
	}{
		{minimal, true, 1, "FAIL  target shop:wx:token: it cannot be written"},
		{minimal + " ~shop:wx:token", true, 0, "ok    target shop:wx:token: nothing yet"},
		{minimal, false, 0, "ok    target shop:wx:token: its user may not write it: left to a replica that may"},
	} {
		s.user(t, tt.rules)
		output, findings := w.check(fmt.Sprintf("redis: {url: %q, timeout: 1s}\n", asUser(s)),
			w.credential(fmt.Sprintf(", mint: %v, targets: [{key: \"shop:wx:token\", format: raw}]", tt.mint)))
		w.expect(output, findings, tt.findings, tt.want, "ok    rights WXAccessToken")
		if tt.findings > 0 && !strings.Contains(output, store.WithMirrors(minimal, "shop:wx:token")) {
			t.Errorf("the cure does not name the target:\n%s", output)
		}
	}
}
