package check_test

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/check"
	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

func TestStored(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ours, theirs := secret.Token(strings.Repeat("ours", 30)), secret.Token(strings.Repeat("them", 30))
	fresh := func() store.Observation {
		return store.Observation{
			Now: now, Value: store.Value{Present: true, Token: ours, TTL: time.Hour},
			State: store.State{Schema: store.Schema, AppID: appid, Token: ours, ExpiresAt: now.Add(time.Hour),
				MintedAt: now.Add(-time.Hour)},
		}
	}
	for _, tt := range []struct {
		name   string
		change func(o *store.Observation)
		want   string
	}{
		{"fresh", func(*store.Observation) {}, "ok    token K: " + ours.String() +
			" for another 1h0m0s, minted 2026-01-02T02:04:05Z\n"},
		{"empty", func(o *store.Observation) { *o = store.Observation{Now: now} },
			"ok    token K: none yet: the daemon asks for one when it starts"},
		{"another appid", func(o *store.Observation) { o.State, o.Other.AppID = store.State{}, "wx\x1bother" },
			`warn  token K: it belongs to the appid wx\x1bother at `},
		{"another issuer", func(o *store.Observation) {
			o.State, o.Other = store.State{}, store.Other{AppID: appid, Issuer: "localhost:17323"}
		}, "warn  token K: it belongs to the appid " + appid +
			" at localhost:17323\n      -> nothing to do if you have just changed"},
		{"written before us", func(o *store.Observation) { o.State, o.Value.Token = store.State{}, theirs },
			"warn  token K: " + theirs.String() + " lies under the key, which no wxtokend wrote"},
		{"garbage without state", func(o *store.Observation) { o.State, o.Value.Token = store.State{}, "" },
			"warn  token K: what lies under the key is no token"},
		{"garbage", func(o *store.Observation) { o.Value.Token = "" }, "warn  token K: what lies under the key is no token"},
		{"expired", func(o *store.Observation) { o.State.ExpiresAt, o.Value = now.Add(-time.Minute), store.Value{} },
			"has expired or was refused by WeChat"},
		{"refused", func(o *store.Observation) { o.State.Refused = ours.Fingerprint() },
			"has expired or was refused by WeChat"},
		{"reported", func(o *store.Observation) { o.Rejected = ours },
			"warn  token K: a reader reports that WeChat refused " + ours.String()},
		{"an old report", func(o *store.Observation) { o.Rejected = theirs }, "ok    token K: "},
		{"deleted", func(o *store.Observation) { o.Value = store.Value{} }, "warn  token K: somebody deleted the key or"},
		{"foreign", func(o *store.Observation) { o.Value.Token = theirs },
			"warn  token K: " + theirs.String() + " lies under the key, which no wxtokend wrote"},
		{"for ever", func(o *store.Observation) { o.Value.TTL = -time.Millisecond }, "took its time to live away"},
		{"newer schema", func(o *store.Observation) { o.State.Schema = store.Schema + 1 },
			"warn  token K: a newer version of wxtokend keeps it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := fresh()
			tt.change(&o)
			var out strings.Builder
			check.Stored(&out, config.Credential{Key: "K", AppID: appid, DailyLimit: 1000, Mint: true}, o)
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("got %s\nwant %s", out.String(), tt.want)
			}
			for _, leak := range []string{ours.Reveal(), theirs.Reveal(), "CANARY", "\x1b"} {
				if strings.Contains(out.String(), leak) {
					t.Errorf("the output repeats %.8q:\n%s", leak, out.String())
				}
			}
			if warned := strings.Contains(out.String(), "warn"); warned != strings.Contains(out.String(), "-> ") {
				t.Errorf("a warning needs a cure, and only a warning:\n%s", out.String())
			}
			if strings.HasPrefix(tt.want, "ok") && strings.Contains(out.String(), "warn") {
				t.Errorf("a false alarm:\n%s", out.String())
			}
		})
	}
}

// A replica that never asks WeChat does not put right what only a new token can.
func TestStoredForAReplicaThatNeverMints(t *testing.T) {
	now, token := time.Now(), secret.Token(strings.Repeat("token", 20))
	state := store.State{Schema: store.Schema, AppID: appid, Token: token, ExpiresAt: now.Add(-time.Minute)}
	refused := state
	refused.ExpiresAt, refused.Refused = now.Add(time.Hour), token.Fingerprint()
	for want, o := range map[string]store.Observation{
		"ok    token K: none yet, and this one never asks for it (mint: false): a replica that does has to run\n": {Now: now},
		"which no wxtokend wrote\n      -> find out who else writes this key; a running daemon with mint: true puts": {
			Now: now, Value: store.Value{Present: true, Token: token},
		},
		"has expired or was refused by WeChat\n      -> start a daemon with mint: true; if one runs": {
			Now: now, State: state,
		},
		"was refused by WeChat\n      -> start a daemon with mint: true; if one runs": {
			Now: now, State: refused,
		},
	} {
		var out strings.Builder
		check.Stored(&out, config.Credential{Key: "K", AppID: appid, DailyLimit: 1000}, o)
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s\nwant %s", out.String(), want)
		}
	}
}

func TestServerInfo(t *testing.T) {
	const good = "# Server\r\nredis_version:7.2.4\r\nrole:master\r\nmaxmemory:1000\r\nused_memory:500\r\n" +
		"maxmemory_policy:noeviction\r\n"
	for _, tt := range []struct{ name, old, new, want string }{
		{"good", "", "", "ok    redis server: version 7.2.4, and nothing in INFO stands against it\n"},
		{"5.0", "7.2.4", "5.0.0", "ok    redis server: version 5.0.0"},
		{"too old", "7.2.4", "4.0.14", "FAIL  redis server: version 4.x is too old\n      -> upgrade to Redis 5.0"},
		{"two digits", "7.2.4", "10.0", "ok    redis server: version 10.0"},
		{"no version", "redis_version", "other", "skip  redis server"},
		{"replica", "master", "slave", "FAIL  redis server: a replica"},
		{"no role", "role", "other", "ok    redis server"},
		{"no memory", "maxmemory", "other", "ok    redis server"},
		{"escapes of a terminal", "noeviction", "all\x1b[2J", `policy all\x1b[2J may evict`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			check.Server(&out, strings.Replace(good, tt.old, tt.new, 1))
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("got %s\nwant %s", out.String(), tt.want)
			}
		})
	}
}

func TestClock(t *testing.T) {
	for _, tt := range []struct {
		ahead, doubt time.Duration
		want         string
	}{
		{3 * time.Millisecond, time.Millisecond, "ok    clock: that of Redis differs from this host's by 3ms (± 1ms)\n"},
		{-5 * time.Second, 0, "ok    clock: that of Redis differs from this host's by -5s (± 0s)\n"},
		{-5500 * time.Millisecond, 500 * time.Millisecond, "ok    clock: "},
		{5501 * time.Millisecond, 500 * time.Millisecond,
			"warn  clock: that of Redis differs from this host's by 5.501s (± 500ms)\n      -> "},
		{-time.Minute, 0, "warn  clock: that of Redis differs from this host's by -1m0s (± 0s)\n      -> "},
		{8 * time.Hour, time.Second, "FAIL  clock: that of Redis differs from this host's by 8h0m0s (± 1s)\n      -> "},
	} {
		var out strings.Builder
		check.Clock(&out, tt.ahead, tt.doubt)
		if !strings.HasPrefix(out.String(), tt.want) {
			t.Errorf("got  %swant %s", out.String(), tt.want)
		}
	}
}
