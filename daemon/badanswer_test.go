package daemon

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

// TestBadAnswers lets a refresh meet everything that is no token: the stored
// one stays untouched, and there is one message that says what to do.
func TestBadAnswers(t *testing.T) {
	withoutRace(t)
	fault := func(f wechatsim.Fault) func(w *world) { return func(w *world) { w.inject(f) } }
	cases := []struct {
		name    string
		spoil   func(w *world)
		class   string
		message string // part of it
	}{
		{"wrong AppSecret", func(w *world) { _ = w.wechat.SetSecret(testAppID, "another") }, "config", "errcode 40125"},
		{"not whitelisted", func(w *world) { _ = w.wechat.SetWhitelist(testAppID, netip.MustParsePrefix("192.0.2.0/24")) },
			"ip", "the address is 10.0.0.9"},
		{"HTML", fault(wechatsim.Fault{Kind: wechatsim.FaultHTML}), "garbage", "not a JSON object"},
		{"empty", fault(wechatsim.Fault{Kind: wechatsim.FaultEmpty}), "garbage", "empty"},
		{"10 GB", fault(wechatsim.Fault{Kind: wechatsim.FaultEndless}), "garbage", "64 KiB"},
		{"gzip bomb", fault(wechatsim.Fault{Kind: wechatsim.FaultGzipBomb}), "garbage", ""},
		{"a byte a second", fault(wechatsim.Fault{Kind: wechatsim.FaultSlowBody, Delay: time.Second}), "transport", "time"},
		{"no answer", fault(wechatsim.Fault{Kind: wechatsim.FaultHang}), "transport", "time"},
		{"reset", fault(wechatsim.Fault{Kind: wechatsim.FaultReset}), "transport", "reset"},
		{"redirect", fault(wechatsim.Fault{Kind: wechatsim.FaultRedirect}), "garbage", "302"},
		{"502", fault(wechatsim.Fault{Kind: wechatsim.FaultStatus, Code: 502}), "transient", "502"},
		{"expires_in 0", fault(wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: json.RawMessage("0")}), "garbage",
			"expires_in"},
		{"expires_in -5", fault(wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: json.RawMessage("-5")}), "garbage",
			"expires_in"},
		{"expires_in huge", fault(wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: json.RawMessage("1e12")}),
			"garbage", "expires_in"},
		{"no token", fault(wechatsim.Fault{Kind: wechatsim.FaultNoToken}), "garbage", "access_token"},
		{"quota used up", fault(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45009}), "quota", "45009"},
		{"frozen", func(w *world) { _ = w.wechat.SetState(testAppID, wechatsim.AccountFrozen) }, "account", "50007"},
	}
	for _, api := range []string{"stable", "classic"} {
		for _, c := range cases {
			t.Run(api+"/"+c.name, func(t *testing.T) {
				inWorldOf(t, api, shortLife, func(w *world) {
					w.warm()
					before, _ := w.redis.Get(testKey)
					c.spoil(w)
					for range 20 {
						w.wait(time.Second)
						if strings.Contains(w.logs.String(), "refresh failed") {
							break
						}
					}
					if after, _ := w.redis.Get(testKey); after != before || !w.accepted() {
						t.Errorf("the stored token was touched: %q", after)
					}
					var warnings []string
					for line := range strings.Lines(w.logs.String()) {
						if strings.Contains(line, "level=WARN") {
							warnings = append(warnings, line)
						}
					}
					if len(warnings) != 1 || !strings.Contains(warnings[0], "class="+c.class) ||
						!strings.Contains(warnings[0], c.message) {
						t.Errorf("want one warning of class %s with %q, got %q", c.class, c.message, warnings)
					}
					if !strings.Contains(w.logs.String(), "next_attempt=") {
						t.Error("no word of the next attempt")
					}
				})
			})
		}
	}
}
