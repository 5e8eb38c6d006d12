package daemon

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechatsim"
)

// canaries are all the texts that must never leave the daemon but on the wire.
func (w *world) canaries() []string {
	list := []string{testSecret, testPassword, url.QueryEscape(testPassword), url.PathEscape(testPassword), foreignToken}
	for _, issue := range w.wechat.Issued() {
		list = append(list, issue.Token.Reveal())
	}
	return list
}

var foreignToken = "98_" + strings.Repeat("CANARYforeign", 9)

// leaks searches text for canaries, and for longer parts of them.
func (w *world) leaks(where, text string) {
	w.Helper()
	for i, canary := range w.canaries() {
		for _, part := range []string{canary, canary[:16], canary[6:22]} {
			if at := strings.Index(text, part); at >= 0 {
				w.Fatalf("canary %d is in %s: …%s…", i, where, text[max(0, at-200):at+len(part)])
			}
		}
	}
}

// TestCanary provokes every kind of failure, with servers that quote what they
// were sent, and then looks for the secrets in all that the daemon says.
func TestCanary(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			inWorld(t, api, func(w *world) {
				redis.SetLogger(store.Logger{Log: slog.New(slog.NewTextHandler(w.logs,
					&slog.HandlerOptions{Level: slog.LevelDebug}))})
				w.redis.RequireAuth(testPassword)
				w.config.Redis.URL = secret.URL("redis://:" + url.PathEscape(testPassword) + "@10.0.0.2:6379")
				c := &w.config.Credentials[0]
				c.BackoffMin, c.BackoffMax, c.VerifyEvery = 10*time.Millisecond, 100*time.Millisecond, 10*time.Second
				bug := &broken{cause: fmt.Errorf("panic with %s, %s and %s", testSecret, testPassword, foreignToken)}
				w.startWith(func(o *keeper.Options) { bug.Kind, o.Kind = o.Kind, bug })
				var said strings.Builder
				hear := func() {
					for _, path := range []string{"/", "/status", "/metrics", "/readyz", "/healthz", "/" + testSecret} {
						_, body := w.get(path)
						said.WriteString(body)
					}
				}
				w.wait(10 * time.Second)
				hear()
				bug.mending.Store(true)
				w.provokeWeChat(hear)
				w.provokeRedis(hear)
				w.rest()
				w.leaks("the pages", said.String())
				w.leaks("the log", w.logs.String())
				w.heard(said.String() + w.logs.String())
			})
		})
	}
}

// provokeWeChat meets the faults of WeChat one after the other before the
// first token, and a refusal after it.
func (w *world) provokeWeChat(hear func()) {
	w.Helper()
	quote := "you sent " + testSecret + " and " + foreignToken
	for _, f := range []wechatsim.Fault{
		{Kind: wechatsim.FaultErrcode, Code: -1, Message: quote},
		{Kind: wechatsim.FaultErrcode, Code: 40125, Message: quote},
		{Kind: wechatsim.FaultErrcode, Code: 40164, Message: "invalid ip 192.0.2.7 " + quote},
		{Kind: wechatsim.FaultErrcode, Code: 45009, Message: quote},
		{Kind: wechatsim.FaultErrcode, Code: 45011, Message: quote},
		{Kind: wechatsim.FaultErrcode, Code: 50004, Message: quote},
		{Kind: wechatsim.FaultErrcode, Code: 89503, Message: quote},
		{Kind: wechatsim.FaultErrcode, Code: 987654, Message: quote},
		{Kind: wechatsim.FaultStatus, Body: quote},
		{Kind: wechatsim.FaultStatus, Code: 429, Body: quote},
		{Kind: wechatsim.FaultEmpty},
		{Kind: wechatsim.FaultHTML, Body: quote},
		{Kind: wechatsim.FaultRedirect, Body: "http://10.0.0.1/" + testSecret + "?secret=" + testSecret},
		{Kind: wechatsim.FaultReset},
		{Kind: wechatsim.FaultHang},
		{Kind: wechatsim.FaultEndless},
		{Kind: wechatsim.FaultGzipBomb},
		{Kind: wechatsim.FaultTruncated},
		{Kind: wechatsim.FaultNoToken},
		{Kind: wechatsim.FaultExpiresIn, ExpiresIn: json.RawMessage(`"` + testSecret + `"`)},
		{Kind: wechatsim.FaultReplyLost},
	} {
		f.Times = 1
		w.inject(f)
	}
	for start := time.Now(); len(w.wechat.Faults()) > 0; {
		if time.Since(start) > 3*time.Hour { // one of them is an hour's wait
			w.Fatalf("%+v is never met\n%s", w.wechat.Faults()[0], w.story())
		}
		w.wait(20 * time.Second)
		hear()
	}
	w.wait(time.Minute)
	if !w.accepted() {
		w.Fatalf("no token after all the faults\n%s", w.story())
	}
	w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40001, Path: wechatsim.PathDomainIP, Times: 5,
		Message: "you sent " + w.read()})
	w.wait(time.Minute)
	hear()
}

// provokeRedis loses, spoils and refuses what is in Redis.
func (w *world) provokeRedis(hear func()) {
	w.Helper()
	for _, spoil := range []func(){
		func() { w.must(w.redis.Set(testKey, foreignToken)) },
		func() { w.must(w.redis.Set(testKey, `{"access_token":"`+foreignToken+`","expires_in":7200}`)) },
		func() { w.must(w.redis.Set(testKey, "garbage "+foreignToken+testSecret)) },
		func() { w.must(w.redis.Set("{"+testKey+"}:rejected", foreignToken)) },
		func() { w.must(w.redis.Set("{"+testKey+"}:rejected", w.read())) },
		func() { w.redis.Del("{" + testKey + "}:state") },
		func() { w.redis.FlushAll() },
		func() { w.redis.SetError("READONLY " + testPassword[:4] + " no writes here") },
		func() { w.redis.SetError("") },
		func() { w.toRedis.DropReplies(3, nil) },
		func() { w.toRedis.Refuse(true) },
		func() { w.toRedis.Refuse(false); w.toRedis.Hang(true) },
		func() {
			w.toRedis.Heal()
			w.redis.RequireAuth("another")
			w.toRedis.Refuse(true)
			w.toRedis.Refuse(false)
		},
		func() { w.redis.RequireAuth(testPassword) },
	} {
		spoil()
		w.wait(40 * time.Second)
		hear()
	}
	if !w.accepted() {
		w.Errorf("no token after all of it")
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// heard makes sure that the search had something to search: what a person
// needs to know of all this was said.
func (w *world) heard(said string) {
	w.Helper()
	token, _ := w.redis.Get(testKey)
	for _, word := range []string{
		layout.Decode(token).String(), secret.Token(foreignToken).String(), "[redacted]", "panic", "192.0.2.7", "987654",
		"transient", "rate", "quota", "config", "class=ip", "admin", "account", "transport", "garbage", "unknown", "READONLY",
		"WRONGPASS",
	} {
		if !strings.Contains(said, word) {
			w.Errorf("nobody said %q", word)
		}
	}
}
