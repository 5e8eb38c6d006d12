package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/store"
)

func TestDecide(t *testing.T) {
	memory := &store.Memory{Token: ours}
	both := []string{"stable", "classic"}
	cases := []struct {
		name   string
		apis   []string
		change []func(*look)
		action action
		reason reason
		hold   hold
	}{
		{"fresh", both, nil, nothing, "", ""},
		{"nothing at all", both, []func(*look){without}, mint, "missing", ""},
		{"expired", both, []func(*look){expires(-time.Second)}, mint, "expired", ""},
		{"at the expiry", both, []func(*look){expires(0)}, mint, "expired", ""},
		{"outstanding", both, []func(*look){outstanding}, mint, "outstanding", ""},
		{"refused", both, []func(*look){refused}, mint, "refused", ""},
		{"a forced refresh is wanted", both, []func(*look){func(v *look) { v.State.Force = 2 }}, mint, "forced", ""},

		{"more left than there ever was", both, []func(*look){expires(2*time.Hour + time.Second + time.Millisecond)}, mint,
			"clock went back", ""},
		{"the same, and the key ends another time", both,
			[]func(*look){expires(50 * time.Hour), func(v *look) { v.Value.TTL = time.Hour }}, mint, "clock went back", ""},
		{"the same, while the mint waits", both, []func(*look){expires(50 * time.Hour), failed("transient"),
			func(v *look) { v.Value.TTL = time.Hour }}, nothing, "clock went back", "backoff"},
		{"a second more", both, []func(*look){expires(2*time.Hour + time.Second)}, nothing, "", ""},
		{"expired, and forced a moment ago", both, []func(*look){expires(-time.Second),
			func(v *look) { v.State.Force, v.State.ForcedAt = 1, instant.Add(-time.Second) }},
			mint, "expired", ""},

		{"a millisecond before ahead", []string{"classic"}, []func(*look){expires(30*time.Minute + time.Millisecond)},
			nothing, "", ""},
		{"at ahead", []string{"classic"}, []func(*look){expires(30 * time.Minute)}, mint, "ahead", ""},
		{"a millisecond before ahead", []string{"stable"}, []func(*look){expires(270*time.Second + time.Millisecond)},
			nothing, "", ""},
		{"deleted, and over by this host's clock", both, []func(*look){deleted, func(v *look) { v.left = 0 }}, mint, "ahead",
			""},
		{"at ahead by this host's clock alone", both, []func(*look){func(v *look) { v.left = 4 * time.Minute }}, mint,
			"ahead", ""},
		{"at ahead", []string{"stable"}, []func(*look){expires(270 * time.Second)}, mint, "ahead", ""},
		{"a short life is due at its half", both, []func(*look){expires(31 * time.Second),
			func(v *look) { v.State.Life = time.Minute }}, nothing, "", ""},
		{"at its half", both, []func(*look){expires(30 * time.Second), func(v *look) { v.State.Life = time.Minute }}, mint,
			"ahead", ""},

		{"deleted", both, []func(*look){deleted}, reassert, "deleted", ""},
		{"deleted while somebody mints", both, []func(*look){func(v *look) { v.Value, v.Lease = store.Value{}, "a1" }},
			reassert, "deleted", ""},
		{"garbage", both, []func(*look){func(v *look) { v.Value.Token = "" }}, reassert, "overwritten", ""},
		{"without TTL", both, []func(*look){func(v *look) { v.Value.TTL = -time.Millisecond }}, reassert, "ttl", ""},
		{"TTL too long", both, []func(*look){func(v *look) { v.Value.TTL += 2 * time.Second }}, reassert, "ttl", ""},
		{"TTL too short", both, []func(*look){func(v *look) { v.Value.TTL -= 2 * time.Second }}, reassert, "ttl", ""},
		{"TTL within its slack", both, []func(*look){func(v *look) { v.Value.TTL -= time.Second }}, nothing, "", ""},
		{"deleted, but refused", both, []func(*look){refused, deleted}, mint, "refused", ""},
		{"deleted and expired", both, []func(*look){expires(-time.Second)}, mint, "expired", ""},

		{"foreign", []string{"stable"}, []func(*look){func(v *look) { v.Value.Token = foreign }}, reassert, "overwritten",
			""},
		{"foreign", []string{"classic"}, []func(*look){func(v *look) { v.Value.Token = foreign }}, mint, "foreign", ""},
		{"foreign again within the overlap", []string{"classic"}, []func(*look){func(v *look) {
			v.Value.Token, v.State.OutsideAt = foreign, instant.Add(-overlap+time.Second)
		}}, reassert, "overwritten", holdOutside},
		{"foreign again after the overlap", []string{"classic"}, []func(*look){func(v *look) {
			v.Value.Token, v.State.OutsideAt = foreign, instant.Add(-overlap)
		}}, mint, "foreign", ""},
		{"refused again within the overlap", []string{"classic"}, []func(*look){refused, answered}, nothing, "refused",
			holdOutside},
		{"refused again within the overlap, by a lost mint of our own", both, []func(*look){refused, answered, outstanding},
			mint, "refused", ""},
		{"refused again within the overlap", []string{"stable"}, []func(*look){refused, answered}, mint, "refused", ""},
		{"forced refreshes are used up", both, []func(*look){forcedOut(time.Second)}, nothing, "", ""},
		{"forced refreshes were used up", both, []func(*look){forcedOut(0)}, mint, "forced", ""},
		{"forced a moment ago", both, []func(*look){func(v *look) {
			v.State.Force, v.State.ForcedAt = 1,
				instant.Add(-29*time.Second)
		}},
			nothing, "forced", "forced a moment ago"},
		{"neither holds up another reason", both, []func(*look){expires(time.Second), func(v *look) {
			v.State.OutsideAt, v.State.ForcedAt = instant.Add(-time.Second), instant.Add(-time.Second)
		}}, mint, "ahead", ""},

		{"lost by Redis", both, []func(*look){without, func(v *look) { v.memory = memory }}, restore, "redis_lost", ""},
		{"older state after a failover", both, []func(*look){func(v *look) { v.memory = &store.Memory{Token: "98_newer"} }},
			restore, "failover", ""},
		{"re-assert comes before restore", both, []func(*look){func(v *look) { v.memory, v.Value = memory, store.Value{} }},
			reassert, "deleted", ""},
		{"no restore while somebody mints", both, []func(*look){without, func(v *look) { v.memory, v.Lease = memory, "a1" }},
			nothing, "missing", "leased"},

		{"leased", both, []func(*look){without, func(v *look) { v.Lease = "a1" }}, nothing, "missing", "leased"},
		{"backoff", both, []func(*look){expires(time.Second), failed("transient")}, nothing, "ahead", "backoff"},
		{"backoff, even without a token", both, []func(*look){without, failed("transient")}, nothing, "missing", "backoff"},
		{"backoff is over", both, []func(*look){without, failed("transient"),
			func(v *look) { v.State.NextAttemptAt = instant }}, mint, "missing", ""},
		{"unknown outcome", both, []func(*look){outstanding, unknown(time.Second)},
			nothing, "outstanding", "unknown outcome"},
		{"unknown outcome without a token", both, []func(*look){expires(-time.Second), unknown(time.Second)},
			mint, "expired", ""},
		{"barred", both, []func(*look){without, func(v *look) { v.barred = time.Minute }}, nothing, "missing", holdBarred},
		{"another account's token is fresh", both, []func(*look){without,
			func(v *look) { v.Other = cohabitantSince(overlap - time.Millisecond) }}, nothing, "missing", holdCohabitant},
		{"another account's token has had its overlap", both,
			[]func(*look){without, func(v *look) { v.Other = cohabitantSince(overlap) }}, mint, "missing", ""},
		{"began a moment ago", both, []func(*look){expires(time.Second),
			func(v *look) { v.State.BegunAt = instant.Add(-time.Second + time.Millisecond) }}, nothing, "ahead", holdSpacing},
		{"began a second ago", both, []func(*look){expires(time.Second),
			func(v *look) { v.State.BegunAt = instant.Add(-time.Second) }}, mint, "ahead", ""},
		{"daily limit", both, []func(*look){expires(time.Second), func(v *look) { v.State.Calls = 10_000 }}, nothing, "ahead",
			"daily_limit"},
		{"yesterday's calls", both, []func(*look){expires(time.Second),
			func(v *look) { v.State.Calls, v.State.Day = 10_000, v.State.Day-1 }}, mint, "ahead", ""},

		{"a new secret ends the wait", both, []func(*look){without, failed("config"),
			func(v *look) { v.State.Secret = "01d" }}, mint, "missing", ""},
		{"a new secret ends this process' bar", both, []func(*look){without, failed("account"),
			func(v *look) { v.State.Secret, v.barred = "01d", time.Minute }}, mint, "missing", ""},
		{"the same secret waits", both, []func(*look){without, failed("config"), func(v *look) { v.State.Secret = v.secret }},
			nothing, "missing", "backoff"},
		{"a secret that cannot be read is none that changed", both,
			[]func(*look){without, failed("config"), func(v *look) {
				v.State.Secret, v.secret, v.tried = "01d", "",
					"5ec2e700"
			}},
			nothing, "missing", "backoff"},
		{"a new secret, but too many came this hour", both, []func(*look){without, failed("config"), func(v *look) {
			v.State.Secret, v.State.SecretsAt = "01d", instant.Add(time.Hour-store.SecretsEvery+time.Millisecond)
		}}, nothing, "missing", "backoff"},
		{"a new secret, and the hour has room for one", both, []func(*look){without, failed("config"), func(v *look) {
			v.State.Secret, v.State.SecretsAt = "01d", instant.Add(time.Hour-store.SecretsEvery)
		}}, mint, "missing", ""},
		{"a new secret that failed here", both, []func(*look){without, failed("config"),
			func(v *look) { v.State.Secret, v.tried = "01d", v.secret }}, nothing, "missing", "backoff"},
		{"a new secret does not cure a busy WeChat", both,
			[]func(*look){without, failed("transient"), func(v *look) { v.State.Secret = "01d" }}, nothing, "missing",
			"backoff"},

		{"newer schema", both, []func(*look){outstanding, newer}, nothing, "outstanding", holdNewer},
		{"newer schema, and nothing due", both, []func(*look){newer}, nothing, "", ""},
		{"newer schema, but due", both, []func(*look){expires(time.Second), newer}, mint, "ahead", ""},
		{"newer schema, and a clock that went back", both, []func(*look){newer, expires(50 * time.Hour)}, mint,
			"clock went back", ""},
		{"newer schema, but refused", both, []func(*look){newer, refused}, mint, "refused", ""},
		{"newer schema and nothing to read", both, []func(*look){newer, deleted}, mint, "missing", ""},
		{"newer schema and nothing to read, though this process knows a token", both,
			[]func(*look){newer, deleted, func(v *look) { v.memory = memory }}, mint, "missing", ""},
		{"newer schema and garbage to read", both, []func(*look){newer, func(v *look) { v.Value.Token = "" }}, mint,
			"missing", ""},
		{"newer schema, a foreign token", []string{"classic"},
			[]func(*look){newer, func(v *look) { v.Value.Token = "foreign" }}, nothing, "foreign", holdNewer},

		{"its key ends too late, and a mint is due", both,
			[]func(*look){expires(time.Minute), func(v *look) { v.Value.TTL = time.Hour }}, mint, "ahead", ""},
		{"the same, while the mint waits", both, []func(*look){expires(time.Minute), failed("transient"),
			func(v *look) { v.Value.TTL = time.Hour }}, reassert, "ttl", "backoff"},
		{"its key never ends, in its last second", both,
			[]func(*look){expires(time.Second / 2), failed("transient"), func(v *look) { v.Value.TTL = -time.Millisecond }},
			reassert, "ttl", "backoff"},
		{"its key is deleted, and a mint is due", both,
			[]func(*look){expires(time.Minute), func(v *look) { v.Value = store.Value{} }}, reassert, "deleted", ""},
	}
	for _, c := range cases {
		for _, api := range c.apis {
			t.Run(api+"/"+c.name, func(t *testing.T) {
				v := freshLook()
				for _, change := range c.change {
					change(&v)
				}
				d := decide(v, policyOf(api))
				reason := d.reason
				if d.action == nothing {
					reason = d.mint
				}
				if d.action != c.action || reason != c.reason || d.hold != c.hold {
					t.Errorf("got %q because %q, hold %q; want %q because %q, hold %q", d.action, reason, d.hold, c.action, c.reason,
						c.hold)
				}
				if d.action == restore && d.mint != "" {
					t.Errorf("a mint because %q follows the restore", d.mint)
				}
			})
		}
	}
}

// TestDecideNext says which mint comes after a re-assert, without another look.
func TestDecideNext(t *testing.T) {
	for name, c := range map[string]struct {
		api    string
		change []func(*look)
		want   reason
	}{
		"deleted":                {"stable", []func(*look){deleted}, ""},
		"deleted, and due":       {"stable", []func(*look){deleted, outstanding}, "outstanding"},
		"deleted, and it waits":  {"stable", []func(*look){deleted, outstanding, failed("transient")}, ""},
		"foreign, which is dead": {"stable", []func(*look){func(v *look) { v.Value.Token = foreign }}, ""},
	} {
		v := freshLook()
		for _, change := range c.change {
			change(&v)
		}
		d := decide(v, policyOf(c.api))
		next := reason("")
		if d.ready() {
			next = d.mint
		}
		if d.action != reassert || next != c.want {
			t.Errorf("%s: %q and then %q, want a re-assert and then %q", name, d.action, next, c.want)
		}
	}
}

func TestDecideWithoutMint(t *testing.T) {
	p := policyOf("stable")
	p.Mint = false
	v := freshLook()
	without(&v)
	if d := decide(v, p); d.action != nothing || d.hold != "mint: false" {
		t.Errorf("missing: %+v", d)
	}
	v.memory = &store.Memory{Token: ours}
	if d := decide(v, p); d.action != restore {
		t.Errorf("restore: %+v", d)
	}
	v = freshLook()
	v.Value, v.State.VerifyAt = store.Value{}, instant
	if d := decide(v, p); d.action != reassert {
		t.Errorf("re-assert: %+v", d)
	}
	v = freshLook()
	v.State.VerifyAt = instant
	if d := decide(v, p); d.action != nothing || d.ask {
		t.Errorf("verify: %+v", d)
	}
}
