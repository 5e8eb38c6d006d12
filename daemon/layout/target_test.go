package layout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/layout"
)

func TestRefusals(t *testing.T) {
	of := func(kind string, change func(*layout.Subject)) layout.Subject {
		s := subject(kind)
		change(&s)
		return s
	}
	same := func(*layout.Subject) {}
	account := of("official_account", same)
	noSecret := of("official_account", func(s *layout.Subject) { s.Secret = "" })
	for _, tt := range []struct {
		name          string
		target        layout.Target
		subject       layout.Subject
		place, reason string
	}{
		{"nothing", to{Format: "raw"}, account, "key", "one of layout, key and file"},
		{"key and file", to{Key: "a", File: "/b", Format: "raw"}, account, "key", "one of"},
		{"layout and key", to{Layout: "wxjava", Key: "a"}, account, "layout", "its own keys"},
		{"layout and file", to{Layout: "wxjava", File: "/a"}, account, "layout", "its own keys"},
		{"unknown layout", to{Layout: "wxJava"}, account, "layout", `no layout "wxJava"`},
		{"unknown kind", to{Layout: "silenceper"}, of("wx_card_ticket", same), "layout",
			"silenceper keeps no wx_card_ticket in Redis: layouts that do: easywechat5, laravel_easywechat5, powerwechat, " +
				"tnwx, wechatpy, wxjava, wxjava_old, wxjava_redisson"},
		{"a kind of the future", to{Layout: "wxjava"}, of("component", same), "layout", "keeps no component"},
		{"only mini programs", to{Layout: "wxjava_redisson"}, account, "mini", "mini programs alone"},
		{"no mini program", to{Layout: "silenceper", Mini: true}, of("jsapi_ticket", same), "mini", "keeps no jsapi_ticket"},
		{"mini makes no difference", to{Layout: "powerwechat", Mini: true}, account, "mini", "the same keys"},
		{"no prefix", to{Layout: "powerwechat", Prefix: "a"}, account, "prefix", "have none"},
		{"always a prefix", to{Layout: "wechatpy", Prefix: "none"}, account, "prefix", "always have one"},
		{"a prefix to be named", to{Layout: "laravel_easywechat5"}, account, "prefix", "every app has its own"},
		{"an agent to be named", to{Layout: "tnwx"}, of("wecom", same), "layout", "the agent's number"},
		{"no secret", to{Layout: "powerwechat"}, noSecret, "layout", "does not have"},
		{"no secret for the first ten", to{Layout: "wechatpy"},
			of("wecom", func(s *layout.Subject) { s.Secret = "" }), "layout", "does not have"},
		{"secret in a key", to{Layout: "easywechat6"}, account, "layout", "AppSecret into the name of a key"},
		{"secret in a key of Laravel", to{Layout: "laravel_easywechat6", Prefix: "a"}, account, "layout", "AppSecret"},
		{"secret in a key of Ruby", to{Layout: "eric_guo"}, of("jsapi_ticket", same), "layout", "AppSecret"},
		{"secret in a key of Node.js", to{Layout: "node_easywechat"}, account, "layout", "AppSecret"},

		{"raw for wechatpy", to{Layout: "wechatpy", Format: "raw"}, account, "format", "JSONDecodeError"},
		{"JSON string for PowerWeChat", to{Layout: "powerwechat", Format: "json_string"}, account, "format", "panics"},
		{"JSON for silenceper", to{Layout: "silenceper", Format: "json"}, account, "format", "for the token itself"},
		{"raw for EasyWeChat 6", to{Layout: "easywechat6", Format: "raw", SecretInKey: true}, account,
			"format", "serialised"},

		{"no format", to{Key: "a"}, account, "format", `no format ""`},
		{"unknown format", to{Key: "a", Format: "xml"}, account, "format", `no format "xml"`},
		{"hash in a file", to{File: "/a", Format: "hash"}, account, "format", "not of files"},
		{"free with prefix", to{Key: "a", Format: "raw", Prefix: "b"}, account, "prefix", "only a layout"},
		{"free and mini", to{Key: "a", Format: "raw", Mini: true}, account, "mini", "only a layout"},
		{"a file with consent", to{File: "/a", Format: "raw", SecretInKey: true}, account, "secret_in_key", "no key"},
		{"the secret in a key", to{Key: "shop:" + appSecret + ":t", Format: "raw"}, account, "key", "holds the AppSecret"},
		{"the secret of WeCom in a key", to{Key: corpSecret, Format: "raw"}, of("wecom", same), "key", "holds the AppSecret"},
		{"the secret in the name of a file", to{File: "/run/" + appSecret, Format: "raw"}, account, "file",
			"holds the AppSecret"},

		{"raw at wechatpy's key", to{Key: "wechatpy:" + appid + "_access_token", Format: "raw"}, account,
			"format", "JSONDecodeError: write layout: wechatpy"},
		{"raw at PowerWeChat's key", to{Key: "powerwechat.access_token.c22132b37d5a5c9b9eccbc2105b895b3", Format: "raw"},
			account, "format", "panics"},
		{"raw at the old EasyWeChat's key of the secret",
			to{Key: "easywechat.kernel.access_token.49b218e4907682640f8d142c3942ec01", Format: "raw"}, account, "format",
			"write layout: easywechat5"},
		{"JSON string at EasyWeChat's key of the secret", to{Key: "official_account.access_token." + appid + "." +
			appSecret + ".1", Format: "json_string", SecretInKey: true}, account, "format", "write layout: easywechat6"},
		{"JSON string at EasyWeChat's key", to{Key: "official_account.jsapi_ticket." + appid, Format: "json_string"},
			of("jsapi_ticket", same), "format", "layout"},
		{"JSON object at nest-wechat's key", to{Key: "nest-wechat:key_access_token_" + appid, Format: "json_object"},
			account, "format", "second since 1970"},
		{"the app's JSON of a ticket", to{Key: "powerwechat.basic_service.jssdk.ticket.jsapi." + appid, Format: "json"},
			of("jsapi_ticket", same), "format", "PowerWeChat"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mirrors, err := tt.target.Mirrors(tt.subject)
			var refusal *layout.Refusal
			if !errors.As(err, &refusal) || mirrors != nil {
				t.Fatalf("%v, %v", mirrors, err)
			}
			check(t, "place", refusal.Place, tt.place)
			text := refusal.Error()
			if !strings.Contains(text, tt.reason) || refusal.Cure == "" || strings.Contains(text, "\n") {
				t.Errorf("%q does not say %q", text, tt.reason)
			}
			if strings.Contains(err.Error(), appSecret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestFreeTargets(t *testing.T) {
	const dotNet = `{"access_token":"57_abc","expires_in":7200,"expiresAt":"\/Date(1479300000000+0800)\/"}`
	for _, tt := range []struct {
		kind   string
		target layout.Target
		want   string
	}{
		{"official_account", to{Key: "a", Format: "raw"}, "57_abc"},
		{"official_account", to{Key: "a", Format: "json", UTCOffset: "+0800"}, dotNet},
		{"official_account", to{Key: "a", Format: "json_string"}, `"57_abc"`},
		{"official_account", to{Key: "a", Format: "json_object"}, `{"access_token":"57_abc","expires_in":7200}`},
		{"wecom", to{Key: "a", Format: "json_object"}, `{"access_token":"57_abc","expires_in":7200}`},
		{"jsapi_ticket", to{Key: "a", Format: "json_object"}, `{"ticket":"57_abc","expires_in":7200}`},
		{"official_account", to{Key: "a", Format: "php_string"}, `s:6:"57_abc";`},
		{"official_account", to{Key: "a", Format: "php_array"},
			`a:2:{s:12:"access_token";s:6:"57_abc";s:10:"expires_in";i:7200;}`},
		{"official_account", to{Key: "a", Format: "hash"}, "access_token=57_abc expires_in=7200 expires_at=1479300000"},
		{"wecom_agent_ticket", to{Key: "a", Format: "hash"}, "ticket=57_abc expires_in=7200 expires_at=1479300000"},
		{"official_account", to{File: "/run/wx/token", Format: "raw"}, "57_abc"},
		{"official_account", to{File: "/run/wx/token", Format: "json", UTCOffset: "+0800"}, dotNet},
		// Keys of SDKs, in a form that they read.
		{"official_account", to{Key: appid, Format: "raw"}, "57_abc"},
		{"jsapi_ticket", to{Key: "official_account.jsapi_ticket." + appid, Format: "raw"}, "57_abc"},
		{"jsapi_ticket", to{Key: "official_account.jsapi_ticket." + appid, Format: "php_string"}, `s:6:"57_abc";`},
		{"official_account", to{Key: "powerwechat.access_token.c22132b37d5a5c9b9eccbc2105b895b3", Format: "json",
			UTCOffset: "+0800"}, dotNet},
	} {
		t.Run(fmt.Sprint(tt.kind, tt.target), func(t *testing.T) {
			mirrors, err := tt.target.Mirrors(subject(tt.kind))
			if err != nil || len(mirrors) != 1 {
				t.Fatal(mirrors, err)
			}
			check(t, "bytes", written(entry(mirrors[0])), tt.want)
			check(t, "place", mirrors[0].Key.Reveal()+mirrors[0].File, tt.target.Key+tt.target.File)
			check(t, "TTL", entry(mirrors[0]).TTL, 7000*time.Second)
		})
	}
}

func TestNeedsSecret(t *testing.T) {
	for _, tt := range []struct {
		target layout.Target
		kind   string
		want   bool
	}{
		{to{Layout: "powerwechat"}, "official_account", true},
		{to{Layout: "powerwechat"}, "jsapi_ticket", false},
		{to{Layout: "easywechat5"}, "wecom", true},
		{to{Layout: "easywechat6"}, "official_account", true},
		{to{Layout: "easywechat6", Mini: true}, "official_account", true},
		{to{Layout: "eric_guo"}, "jsapi_ticket", true},
		{to{Layout: "wechatpy"}, "wecom", true},
		{to{Layout: "wechatpy"}, "official_account", false},
		{to{Layout: "wxjava"}, "official_account", false},
		{to{Layout: "unknown"}, "official_account", false},
		{to{Key: "a"}, "official_account", false},
		{to{Key: "official_account.access_token." + appid + ".1"}, "official_account", false},
		{to{Key: "a." + appSecret + ".1"}, "official_account", true},
		{to{File: "/run/" + appSecret}, "official_account", true},
	} {
		check(t, fmt.Sprint(tt), tt.target.NeedsSecret(tt.kind), tt.want)
	}
}

// TestKeyWithTheSecret may be, and is shown as that of a layout is.
func TestKeyWithTheSecret(t *testing.T) {
	for _, tt := range []struct {
		target layout.Target
		shown  string
	}{
		{to{Key: "official_account.access_token." + appid + "." + appSecret + ".1", Format: "php_string", SecretInKey: true},
			"official_account.access_token." + appid + ".[redacted].1"},
		{to{Key: "a:" + appSecret, Format: "raw", SecretInKey: true}, "a:[redacted]"},
		{to{Key: "a", Format: "raw", SecretInKey: true}, "a"},
	} {
		mirrors, err := tt.target.Mirrors(subject("official_account"))
		if err != nil {
			t.Error(err)
			continue
		}
		check(t, "key", mirrors[0].Key.Reveal(), tt.target.Key)
		check(t, "shown", mirrors[0].String(), tt.shown)
		check(t, "shown", tt.target.ShownKey(), tt.shown)
	}
}

// TestNothingPrintsASecret: the AppSecret and the token of an entry stay out of everything that is printed.
func TestNothingPrintsASecret(t *testing.T) {
	for _, c := range layoutBytes(t) {
		for _, m := range c.mirrors(t) {
			var out bytes.Buffer
			e := entry(m)
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&out, verb+verb+verb+verb+"\n", m, &m, m.Key, []layout.Key{m.Key})
				fmt.Fprintf(&out, verb+verb+"\n", e, &e)
			}
			slog.New(slog.NewJSONHandler(&out, nil)).Info("log", "mirror", m, "key", m.Key, "entry", e)
			slog.New(slog.NewTextHandler(&out, nil)).Info("log", "mirror", m, "key", m.Key, "entry", e)
			encoded, err := json.Marshal([]any{m, m.Key, e})
			if err != nil {
				t.Fatal(err)
			}
			out.Write(encoded)
			for _, leak := range []string{appSecret, corpSecret, corpSecret[:10], "57_abc", fmt.Sprintf("%x", appSecret)} {
				if strings.Contains(out.String(), leak) {
					t.Errorf("%v: the output contains %q:\n%s", m, leak, out.String())
				}
			}
		}
	}
}

func TestLayoutNames(t *testing.T) {
	names := layout.Layouts()
	if !slices.IsSorted(names) || len(slices.Compact(names)) != 16 {
		t.Errorf("%v", names)
	}
}

// TestPrefixIsNoTemplate: what an operator writes is not filled in.
func TestPrefixIsNoTemplate(t *testing.T) {
	mirrors, err := to{Layout: "wxjava", Prefix: "{secret}md5({appid})"}.Mirrors(subject("official_account"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "key", mirrors[0].Key.Reveal(), "{secret}md5({appid}):access_token:"+appid)
}
