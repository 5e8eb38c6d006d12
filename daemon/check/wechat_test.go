package check_test

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

func TestWeChat(t *testing.T) {
	s := startRedis(t)
	for _, tt := range []struct {
		name  string
		spoil func(w *world)
		want  []string
	}{
		{"wrong secret", func(w *world) { w.write("appsecret", strings.Repeat("0a", 16), 0o600) }, []string{
			"errcode 40125 (config)", "-> put the current AppSecret into secret_file",
			"-> 将现行 AppSecret 写入 secret_file",
		}},
		{"not on the whitelist", (*world).whitelist, []string{
			"errcode 40164 (ip)", `(WeChat says "invalid ip 127.0.0.1 `, "-> add the address", "-> 把微信报出的 IP",
		}},
		{"unknown code", func(w *world) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 1234567, Message: "odd"})
		}, []string{
			"errcode 1234567 (unknown): this code is not in the table of return codes", `(WeChat says "odd rid: `,
			"-> look it up in WeChat's documentation", "-> 请查阅微信官方文档",
		}},
		{"busy", func(w *world) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Message: "system error"})
		}, []string{
			"errcode -1 (transient)", "-> nothing to do",
		}},
		{"a login page", func(w *world) { w.inject(wechatsim.Fault{Kind: wechatsim.FaultHTML}) }, []string{
			"garbage: ", "or a login page answers in WeChat's place, on this host with: curl -v --noproxy '*' http://127.0.0.1:",
		}},
		{"bad gateway", func(w *world) { w.inject(wechatsim.Fault{Kind: wechatsim.FaultStatus}) },
			[]string{"transient: HTTP 502", "-> this host must reach"}},
		{"refused", func(w *world) { w.baseURL = "http://" + freeAddr(w.T) }, []string{
			"transport: ", "connection refused", "-> this host must reach http://127.0.0.1:",
		}},
		{"no such name", func(w *world) { w.baseURL, w.options.DialWeChat = "https://nameless.invalid", nameless }, []string{
			"transport: ", "could not be resolved", "-> this host must reach https://nameless.invalid",
			"curl -v --noproxy '*' https://nameless.invalid",
		}},
		{"an answer that shows the secret", func(w *world) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40013, Message: "invalid appid, secret " + appSecret})
		}, []string{"errcode 40013 (config)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.spoil(w)
			output, findings := w.run(url(s, "0"))
			w.expect(output, findings, 1, append(tt.want, "FAIL  wechat WXAccessToken: ")...)
		})
	}
}

func TestProxyThatIsNotThere(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	w.secrets = append(w.secrets, "CANARY-of-proxy")
	output, findings := w.document(`redis: {url: "` + url(s, "0") + `"}` +
		"\nwechat: {base_url: https://192.0.2.1, proxy: \"http://u:CANARY-of-proxy@" + freeAddr(t) + "\"}\n" +
		"credentials:\n" + w.credential(""))
	w.expect(output, findings, 1,
		"FAIL  wechat WXAccessToken: transport: could not connect to WeChat or the proxy (connection refused)",
		"-> wechat.proxy must reach https://192.0.2.1",
		"curl -v --noproxy '' --proxy (the value of wechat.proxy) https://192.0.2.1")
}

func TestGoldenOfAMissingWhitelistEntry(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	w.whitelist()
	output, findings := w.run(url(s, "0"))
	w.expect(output, findings, 1)
	w.golden("whitelist", output)
}

// The check may be run beside a fleet: a token that lives stays alive.
func TestKillsNoLiveToken(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	for _, channel := range []wechatsim.Channel{wechatsim.Classic, wechatsim.Stable} {
		before, err := w.sim.Draw(appid, channel, "the fleet")
		if err != nil {
			t.Fatal(err)
		}
		output, findings := w.check(`redis: {url: "`+url(s, "0")+`"}`+"\n", w.credential(", api: "+string(channel)))
		w.expect(output, findings, 0, "api is "+string(channel))
		if now, _ := w.sim.Current(appid, channel); now != before || !w.sim.Accepts(appid, before.Reveal()) {
			t.Errorf("the check replaced the %s token", channel)
		}
	}
	if calls := w.sim.Calls(appid); calls["/cgi-bin/token"] != 0 || calls["/cgi-bin/stable_token"] != 2 {
		t.Errorf("calls: %v, want one of the stable endpoint for each check", calls)
	}
}

// The path of tokens alone is open in some places, and some accounts may not
// ask: then a token that somebody killed would stay under the key.
func TestVerification(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(w *world, s server)
		want  []string
	}{
		{"of the token that was drawn for the check", func(*world, server) {},
			[]string{"ok    verification WXAccessToken: WeChat accepts token:"}},
		{"a right is missing", func(w *world, _ server) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 48001, Message: "api unauthorized",
				Path: wechatsim.PathDomainIP})
		}, []string{"warn  verification WXAccessToken: nobody would notice a token that somebody killed",
			"errcode 48001 (config)"}},
		{"the questions of the day are used up", func(w *world, _ server) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45009, Message: "reach max",
				Path: wechatsim.PathDomainIP})
		}, []string{"errcode 45009 (quota): the day's questions about a token are used up（当日校验 token 的次数已用完）",
			"-> set verify_every longer", "-> 调大 verify_every"}},
		{"a relay of the token's path alone", func(w *world, _ server) {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultStatus, Code: 404, Path: wechatsim.PathDomainIP})
		}, []string{"warn  verification WXAccessToken: nobody would notice", "get_api_domain_ip: garbage: HTTP 404"}},
		{"of a stored token that is dead", func(w *world, s server) {
			for i := range 3 { // WeChat keeps the newest two
				token, err := w.sim.Draw(appid, wechatsim.Classic, "somebody else")
				if err != nil {
					w.Fatal(err)
				}
				if i == 0 {
					w.mint(s, token)
				}
			}
		}, []string{"warn  verification WXAccessToken: WeChat refuses token:", "errcode 40001", "-> find out who else"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, w := startRedis(t), newWorld(t)
			tt.spoil(w, s)
			output, findings := w.run(url(s, "0"))
			w.expect(output, findings, 0, tt.want...)
			if asked := w.sim.Calls(appid)[wechatsim.PathDomainIP]; asked > 1 {
				t.Errorf("asked %d times, want once", asked)
			}
		})
	}
}

func TestCredentialThatNeverMints(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	output, findings := w.check(`redis: {url: "`+url(s, "0")+`"}`+"\n", "  - {appid: "+appid+", mint: false}\n")
	w.expect(output, findings, 0, "skip  secret WXAccessToken: mint: false", "skip  wechat WXAccessToken: mint: false",
		"ok    rights WXAccessToken",
		"ok    token WXAccessToken: none yet, and this one never asks for it (mint: false): a replica that does has to run")
	if strings.Contains(output, "when it starts") {
		t.Errorf("a promise that nobody keeps:\n%s", output)
	}
	if calls := w.sim.Calls(appid); len(calls) != 0 {
		t.Errorf("calls: %v", calls)
	}
}

func TestSeveralCredentials(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	w.write("other", strings.Repeat("0a", 16), 0o600)
	output, findings := w.check(`redis: {url: "`+url(s, "0")+`"}`+"\n",
		w.credential("")+"  - {key: Second, appid: wxother, secret_file: "+w.dir+"/other}\n")
	w.expect(output, findings, 1, "ok    wechat WXAccessToken", "FAIL  wechat Second: errcode 40125",
		"ok    token Second: none yet")
	if strings.Count(output, "clock: ") != 2 {
		t.Errorf("the clocks are compared more than once:\n%s", output)
	}
}

func TestClockOfWeChat(t *testing.T) {
	s := startRedis(t)
	for _, tt := range []struct {
		name     string
		off      time.Duration
		findings int
		want     string
	}{
		{"right", 0, 0, "ok    clock: that of WeChat differs"},
		{"ahead", 20 * time.Second, 0, "warn  clock: that of WeChat differs"},
		{"behind", -3 * time.Minute, 1, "FAIL  clock: that of WeChat differs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if tt.off != 0 {
				w.inject(wechatsim.Fault{Kind: wechatsim.FaultClockSkew, Skew: -tt.off})
			}
			output, findings := w.run(url(s, "0"))
			w.expect(output, findings, tt.findings, tt.want)
			// Without Redis as well.
			output, findings = w.run("redis://" + freeAddr(t))
			w.expect(output, findings, tt.findings+1, tt.want)
		})
	}
}
