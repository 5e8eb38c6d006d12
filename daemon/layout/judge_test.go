package layout_test

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

type (
	to    = layout.Target
	found = layout.Found
)

func mirrorsOf(t *testing.T, target to, s layout.Subject) []layout.Mirror {
	t.Helper()
	mirrors, err := target.Mirrors(s)
	if err != nil {
		t.Fatal(err)
	}
	return mirrors
}

func TestJudge(t *testing.T) {
	const ttl, earlier, other = 7000 * time.Second, "56_previous", "58_foreign"
	account, corp := subject("official_account"), subject("wecom")
	raw := mirrorsOf(t, to{Key: "a", Format: "raw"}, account)[0]
	object := mirrorsOf(t, to{Layout: "powerwechat"}, account)[0]
	hash := mirrorsOf(t, to{Layout: "weixin_authorize"}, account)[0]
	file := mirrorsOf(t, to{File: "/a", Format: "raw"}, account)[0]
	expiry := mirrorsOf(t, to{Layout: "wechatpy"}, account)[1]
	shared := mirrorsOf(t, to{Layout: "wechatpy"}, corp)[1]
	fields := map[string]string{"access_token": "57_abc", "expired_at": "1479300000"}
	with := func(more ...string) map[string]secret.Secret {
		all := secrets(fields)
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = secret.Secret(more[i+1])
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		mirror layout.Mirror
		found  found
		want   layout.Verdict
	}{
		{"ours", raw, found{Value: "57_abc", TTL: ttl}, layout.Ours},
		{"ours, a second off", raw, found{Value: "57_abc", TTL: ttl - time.Second}, layout.Ours},
		{"ends too soon", raw, found{Value: "57_abc", TTL: ttl - 1001*time.Millisecond}, layout.Outdated},
		{"ends too late", raw, found{Value: "57_abc", TTL: ttl + 1001*time.Millisecond}, layout.Outdated},
		{"never ends", raw, found{Value: "57_abc", TTL: -1}, layout.Outdated},
		{"nothing", raw, found{TTL: -2}, layout.Missing},
		{"another token", raw, found{Value: other, TTL: ttl}, layout.Foreign},
		{"the token before", raw, found{Value: earlier, TTL: ttl}, layout.Outdated},
		{"a hash instead", raw, found{Other: true, TTL: ttl}, layout.Foreign},
		{"our token in another form", raw, found{Value: `s:6:"57_abc";`, TTL: ttl}, layout.Outdated},
		{"a token in binary", object, found{Value: "\x00\x02\x11\x06" + other, TTL: ttl}, layout.Foreign},
		{"our object", object, found{Value: `{"access_token":"57_abc","expires_in":7200}`, TTL: ttl}, layout.Ours},
		{"with another life", object, found{Value: `{"access_token":"57_abc","expires_in":7201}`, TTL: ttl}, layout.Outdated},

		{"our hash", hash, found{Fields: with(), TTL: ttl - 10*time.Second}, layout.Ours},
		{"our hash and more", hash, found{Fields: with("x", "y"), TTL: ttl - 10*time.Second}, layout.Ours},
		{"our hash, ten seconds too long", hash, found{Fields: with(), TTL: ttl}, layout.Outdated},
		{"a hash before", hash, found{Fields: with("expired_at", "1"), TTL: ttl - 10*time.Second}, layout.Outdated},
		{"a foreign hash", hash, found{Fields: with("access_token", other), TTL: ttl}, layout.Foreign},
		{"no hash", hash, found{TTL: -2}, layout.Missing},
		{"a string instead of a hash", hash, found{Other: true, TTL: ttl}, layout.Foreign},

		{"a file", file, found{Value: "57_abc"}, layout.Ours},
		{"a foreign file", file, found{Value: other}, layout.Foreign},

		{"an expiry", expiry, found{Value: "1479300000", TTL: ttl}, layout.Ours},
		{"a later expiry", expiry, found{Value: "1479300001", TTL: ttl}, layout.Outdated},
		{"an expiry that never ends", expiry, found{Value: "1479300000", TTL: -1}, layout.Outdated},
		{"no expiry", expiry, found{TTL: -2}, layout.Missing},

		{"a shared expiry", shared, found{Value: "1479300000", TTL: ttl}, layout.Ours},
		{"another agent's later end", shared, found{Value: "1479306000", TTL: ttl + 6000*time.Second}, layout.Ours},
		{"another agent's later end, without an end", shared, found{Value: "1479306000", TTL: -1}, layout.Ours},
		{"another agent's sooner end", shared, found{Value: "1479299999", TTL: ttl}, layout.Outdated},
		{"a shared expiry that ends too soon", shared, found{Value: "1479300000", TTL: ttl - 2*time.Second}, layout.Outdated},
		{"garbage for a shared expiry", shared, found{Value: "null", TTL: ttl}, layout.Outdated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, "verdict", entry(tt.mirror).Judge(tt.found, earlier), tt.want)
		})
	}
	check(t, "without the token before", entry(raw).Judge(found{Value: earlier, TTL: ttl}), layout.Foreign)
}

// TestWrittenIsOurs: what an entry says is judged to be ours, for every layout.
func TestWrittenIsOurs(t *testing.T) {
	for _, c := range layoutBytes(t) {
		for _, m := range c.mirrors(t) {
			e := entry(m)
			value, fields := e.Reveal()
			lies := found{Value: secret.Secret(value), TTL: e.TTL, Fields: map[string]secret.Secret{}}
			for i := 0; i < len(fields); i += 2 {
				lies.Fields[fields[i]] = secret.Secret(fields[i+1])
			}
			check(t, c.layout+" "+m.String(), e.Judge(lies), layout.Ours)
			if value == "" && len(fields) == 0 {
				t.Errorf("%v is empty", m)
			}
		}
	}
}

func TestTTLNeverPassesTheToken(t *testing.T) {
	for _, c := range layoutBytes(t) {
		for _, m := range c.mirrors(t) {
			for _, left := range []time.Duration{time.Hour, time.Second, 0, -time.Hour} {
				if got := m.Entry("57_abc", 2*time.Hour, ends, ends.Add(-left)).TTL; got > left || got < left-10*time.Second {
					t.Errorf("%v: %v of %v", m, got, left)
				}
			}
		}
	}
}

func TestEmptyTokenIsNotWritten(t *testing.T) {
	for _, c := range layoutBytes(t) {
		for _, m := range c.mirrors(t) {
			check(t, m.String(), m.Entry("", 2*time.Hour, ends, ends.Add(-time.Hour)).TTL, 0)
		}
	}
}

func TestClash(t *testing.T) {
	account := subject("official_account")
	second := account
	second.Credential = "second"
	php := mirrorsOf(t, to{Layout: "easywechat6", SecretInKey: true}, account)
	node := mirrorsOf(t, to{Layout: "node_easywechat", SecretInKey: true}, account)
	one, two := subject("wecom"), subject("wecom")
	two.Credential, two.Secret = "second", "another-secret-of-the-same-corp"
	first := func(target to, s layout.Subject) layout.Mirror { return mirrorsOf(t, target, s)[0] }
	free := func(key, format string, s layout.Subject) layout.Mirror {
		return first(to{Key: key, Format: layout.Format(format)}, s)
	}
	for _, tt := range []struct {
		name string
		a, b layout.Mirror
		want string
	}{
		{"PHP and Node.js", php[0], node[0], "easywechat6 looks for php_string at official_account.access_token." + appid +
			".[redacted].0, and node_easywechat for raw"},
		{"other keys", php[0], node[1], ""},
		{"itself", php[0], php[0], ""},
		{"fastwego and tnwx", first(to{Layout: "fastwego"}, account), first(to{Layout: "tnwx"}, account), "for raw"},
		{"one layout, two credentials", first(to{Layout: "wxjava"}, account), first(to{Layout: "wxjava"}, second),
			"two credentials would write wx:access_token:" + appid},
		{"two agents without a number", first(to{Layout: "silenceper"}, one), first(to{Layout: "silenceper"}, two),
			"two credentials"},
		{"tokens of two agents", mirrorsOf(t, to{Layout: "wechatpy"}, one)[0],
			mirrorsOf(t, to{Layout: "wechatpy"}, two)[0], ""},
		{"the expiry that all agents share", mirrorsOf(t, to{Layout: "wechatpy"}, one)[1],
			mirrorsOf(t, to{Layout: "wechatpy"}, two)[1], ""},
		{"free keys", free("a", "raw", account), free("b", "json", account), ""},
		{"a free key twice", free("a", "raw", account), free("a", "raw", account), ""},
		{"a free key in two forms", free("a", "raw", account), free("a", "json", account), "a target with a key of its own"},
		{"two files", first(to{File: "/a", Format: "raw"}, account), first(to{File: "/b", Format: "raw"}, account), ""},
		{"a file in two forms", first(to{File: "/a", Format: "raw"}, account),
			first(to{File: "/a", Format: "json"}, account), "/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, got := range []string{layout.Clash(tt.a, tt.b), layout.Clash(tt.b, tt.a)} {
				if (got == "") != (tt.want == "") {
					t.Errorf("clash: %q", got)
				}
			}
			if got := layout.Clash(tt.a, tt.b); !strings.Contains(got, tt.want) {
				t.Errorf("%q does not say %q", got, tt.want)
			}
		})
	}
}
