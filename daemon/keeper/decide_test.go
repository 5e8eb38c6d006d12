package keeper

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

const (
	ours    = secret.Token("98_ours")
	foreign = secret.Token("98_foreign")
)

// overlap is WeChat's.
const overlap = 5 * time.Minute

const testAppID = "wx0123456789abcdef"

var instant = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

// policyOf is the default policy of an api.
func policyOf(api string) policy {
	r := config.Default().Refresh
	c := config.DefaultCredential(api, r)
	traits, _ := credential.TraitsOf(credential.OfficialAccount, api)
	return policy{credential.Spec{
		Slot: store.Slot{
			API: api, Replaces: traits.Replaces, Overlap: traits.Overlap, Lease: c.Lease, Poll: r.Poll,
			VerifyEvery: c.VerifyEvery,
		},
		Traits: traits, Mint: true, DailyLimit: c.DailyLimit, Ahead: c.Ahead, BackoffMin: c.BackoffMin,
		BackoffMax: c.BackoffMax,
	}}
}

// freshLook is an hour after a mint, with everything in order.
func freshLook() look {
	return look{secret: "5ec2e700", left: 2 * time.Hour, Observation: store.Observation{
		Now:   instant,
		Value: store.Value{Present: true, Token: ours, TTL: time.Hour},
		State: store.State{
			Schema: store.Schema, AppID: testAppID, Token: ours, ExpiresIn: 2 * time.Hour, Life: 2 * time.Hour,
			ExpiresAt: instant.Add(time.Hour), MintedAt: instant.Add(-time.Hour), Generation: 7, Settled: 7, Secret: "5ec2e700",
			VerifyAt: instant.Add(time.Minute), Day: store.Day(instant), Calls: 7,
		},
	}}
}

func without(v *look) { v.Observation = store.Observation{Now: instant} }

func expires(in time.Duration) func(*look) {
	return func(v *look) {
		v.State.ExpiresAt, v.Value.TTL = instant.Add(in), in
		if in <= 0 {
			v.Value = store.Value{}
		}
	}
}

func newer(v *look) { v.State.Schema++ }

func deleted(v *look) { v.Value = store.Value{} }

func outstanding(v *look) { v.State.Generation++ }

func refused(v *look) { v.State.Refused = ours.Fingerprint() }

// unknown is an outcome of a mint that nobody knows yet, and that WeChat may
// process for so long.
func unknown(left time.Duration) func(*look) {
	return func(v *look) { v.State.UnknownUntil = instant.Add(left) }
}

func answered(v *look) { v.State.OutsideAt = instant.Add(-time.Minute) }

// forcedOut wants forced refreshes although WeChat allows none for so long.
func forcedOut(left time.Duration) func(*look) {
	return func(v *look) { v.State.Force, v.State.NoForceUntil = 2, instant.Add(left) }
}

func failed(class string) func(*look) {
	return func(v *look) {
		v.State.LastError = &store.Failure{Class: class}
		v.State.Failures, v.State.NextAttemptAt = 3, instant.Add(time.Minute)
	}
}

func cohabitantSince(ago time.Duration) store.Other {
	return store.Other{AppID: "wxffffffffffffffff", Issuer: "api.weixin.qq.com", BegunAt: instant.Add(-ago)}
}

// rotatesAt is an hour after which the token is to be another one.
func rotatesAt(text string) func(*look, *policy) {
	return func(_ *look, p *policy) { p.Rotation, _ = credential.NewRotation(text) }
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestDecideRotates: the token of freshLook was drawn at 11:00, and it is 12:00.
func TestDecideRotates(t *testing.T) {
	forced := func(ago time.Duration) func(*look, *policy) {
		return func(v *look, _ *policy) { v.State.ForcedAt = instant.Add(-ago) }
	}
	of := func(change func(*look)) func(*look, *policy) { return func(v *look, _ *policy) { change(v) } }
	for _, c := range []struct {
		name   string
		change []func(*look, *policy)
		reason reason
		hold   hold
		forced bool
		// When the next mint may begin; negative: whenever.
		at time.Duration
	}{
		{"never", nil, "", "", false, time.Hour},
		{"now", []func(*look, *policy){rotatesAt("0 12 * * *")}, "rotate", "", true, 0},
		{"a while ago", []func(*look, *policy){rotatesAt("30 11 * * *")}, "rotate", "", true, 0},
		{"in a minute", []func(*look, *policy){rotatesAt("1 12 * * *")}, "", "", false, time.Minute},
		{"before it was drawn", []func(*look, *policy){rotatesAt("59 10 * * *")}, "", "", false, time.Hour},
		{"as it was drawn", []func(*look, *policy){rotatesAt("0 11 * * *")}, "", "", false, time.Hour},
		{"drawn in the last second before it", []func(*look, *policy){rotatesAt("0 11 * * *"),
			of(expires(time.Hour - 999*time.Millisecond))}, "", "", false, time.Hour - 999*time.Millisecond},
		{"drawn before that", []func(*look, *policy){rotatesAt("0 11 * * *"),
			of(expires(time.Hour - 1001*time.Millisecond))}, "rotate", "", true, 0},
		{"in another zone", []func(*look, *policy){rotatesAt("CRON_TZ=Asia/Shanghai 30 19 * * *")}, "rotate", "", true, 0},
		{"forced a moment ago", []func(*look, *policy){rotatesAt("0 12 * * *"), forced(10 * time.Second)}, "rotate",
			holdForced, true, 20 * time.Second},
		{"forced draws are used up", []func(*look, *policy){rotatesAt("0 12 * * *"), of(forcedOut(time.Minute)),
			of(func(v *look) { v.State.Force = 0 })}, "", "", false, -1},
		{"dead anyway", []func(*look, *policy){rotatesAt("0 12 * * *"), of(refused)}, "refused", "", false, 0},
		{"due anyway", []func(*look, *policy){rotatesAt("0 12 * * *"), of(expires(time.Minute))}, "ahead", "", false, 0},
	} {
		for _, api := range []string{"stable", "classic"} {
			t.Run(api+"/"+c.name, func(t *testing.T) {
				v, p := freshLook(), policyOf(api)
				for _, change := range c.change {
					change(&v, &p)
				}
				d := decide(v, p)
				if d.mint != c.reason || d.hold != c.hold || d.forced != c.forced {
					t.Errorf("%q, hold %q, forced %v; want %q, %q, %v", d.mint, d.hold, d.forced, c.reason, c.hold, c.forced)
				}
				want := instant.Add(c.at)
				if c.reason == "" && c.at > time.Minute {
					want = want.Add(-p.Ahead)
				}
				if got := later(d.at, instant); c.at >= 0 && !got.Equal(want) {
					t.Errorf("next at %v, want %v", got, want)
				}
			})
		}
	}
}

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

// TestDecideAsks says when WeChat is asked whether it accepts the token.
func TestDecideAsks(t *testing.T) {
	at := func(d time.Duration) func(*look) { return func(v *look) { v.State.VerifyAt = instant.Add(d) } }
	gone := func(v *look) { v.Value = store.Value{} }
	reports := func(t secret.Token) func(*look) { return func(v *look) { v.Rejected = t } }
	asked := func(ago time.Duration) func(*look) { return func(v *look) { v.State.VerifiedAt = instant.Add(-ago) } }
	suspected := func(ago time.Duration) func(*look) { return func(v *look) { v.State.SuspectAt = instant.Add(-ago) } }
	usedUp := func(v *look) { v.State.QuestionsAt = instant.Add(time.Hour - store.QuestionsEvery + time.Millisecond) }
	for _, c := range []struct {
		name   string
		change []func(*look)
		want   bool
	}{
		{"in its turn", []func(*look){at(0)}, true},
		{"a millisecond before", []func(*look){at(time.Millisecond)}, false},
		{"WeChat answers nobody any more", []func(*look){at(0), reports(ours),
			func(v *look) { v.State.NoAnswerUntil = instant.Add(time.Millisecond) }}, false},
		{"WeChat may answer again", []func(*look){at(0), func(v *look) { v.State.NoAnswerUntil = instant }}, true},
		{"a reader reports the token", []func(*look){at(time.Minute), reports(ours)}, true},
		{"a reader reports another token", []func(*look){at(time.Minute), reports(foreign)}, false},
		{"a reader reports a token that was asked about a moment ago",
			[]func(*look){at(time.Minute), reports(ours), asked(30*time.Second - time.Millisecond)}, false},
		{"a reader reports a token that was asked about a while ago",
			[]func(*look){at(time.Minute), reports(ours), asked(30 * time.Second)}, true},
		{"a reader reports a token that is known to be refused",
			[]func(*look){at(time.Minute), reports(ours), refused, failed("transient")}, false},
		{"the hour's questions are used up", []func(*look){at(0), usedUp, asked(time.Minute)}, false},
		{"the same, though a reader reports", []func(*look){at(0), usedUp, asked(time.Minute), reports(ours)}, false},
		{"the same, in its turn", []func(*look){at(0), usedUp, asked(225 * time.Second)}, true},
		{"the same, to confirm a refusal", []func(*look){at(0), usedUp, asked(time.Minute), suspected(29 * time.Second)},
			true},
		{"the same, a refusal long ago", []func(*look){at(0), usedUp, asked(time.Minute), suspected(30 * time.Second)},
			false},
		{"while a mint waits", []func(*look){at(0), outstanding, failed("transient")}, true},
		{"a refused token while its mint waits", []func(*look){at(0), refused, failed("transient")}, true},
		{"beside a re-assert", []func(*look){at(0), gone}, true},
		{"beside a re-assert that a mint follows", []func(*look){at(0), gone, outstanding}, false},
		{"beside a restore", []func(*look){at(0), without, func(v *look) { v.memory = &store.Memory{Token: ours} }}, false},
		{"beside a mint", []func(*look){at(0), outstanding}, false},
		{"nothing to ask about", []func(*look){at(0), without, failed("transient")}, false},
		{"an expired token", []func(*look){at(0), expires(0), failed("transient")}, false},
		{"a newer version's", []func(*look){at(0), func(v *look) { v.State.Schema = store.Schema + 1 }}, false},
		{"a newer version's refused token", []func(*look){at(0), refused, failed("transient"),
			func(v *look) { v.State.Schema = store.Schema + 1 }}, false},
	} {
		for _, api := range []string{"stable", "classic"} {
			v := freshLook()
			for _, change := range c.change {
				change(&v)
			}
			if d := decide(v, policyOf(api)); d.ask != c.want {
				t.Errorf("%s, %s: %+v, want to ask: %v", api, c.name, d, c.want)
			}
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

func TestDecideAsksOnlyWhatIsAnswered(t *testing.T) {
	p, v := policyOf("stable"), freshLook()
	p.Traits.Verifiable, v.State.VerifyAt = false, instant
	if d := decide(v, p); d.ask {
		t.Errorf("asks: %+v", d)
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

func TestDecideTellsTheAttempt(t *testing.T) {
	v := freshLook()
	v.Value.Token = foreign
	if d := decide(v, policyOf("classic")); !d.outside || d.urgent || d.forced {
		t.Errorf("foreign: %+v", d)
	}
	v = freshLook()
	refused(&v)
	if d := decide(v, policyOf("stable")); !d.outside || !d.urgent || d.forced {
		t.Errorf("refused: %+v", d)
	}
	outstanding(&v)
	if d := decide(v, policyOf("classic")); d.outside || !d.urgent {
		t.Errorf("refused while a mint of our own is outstanding: %+v", d)
	}
	v.State.Force = 1
	if d := decide(v, policyOf("stable")); d.outside || !d.urgent || !d.forced {
		t.Errorf("forced: %+v", d)
	}
	v = freshLook()
	expires(time.Minute)(&v)
	if d := decide(v, policyOf("stable")); d.outside || d.urgent || d.forced || d.newSecret {
		t.Errorf("ahead: %+v", d)
	}
}

func TestDecisionAt(t *testing.T) {
	cases := []struct {
		name   string
		change func(*look)
		want   time.Duration // from now
	}{
		{"fresh", func(*look) {}, time.Hour - 270*time.Second},
		{"due since", expires(4 * time.Minute), -30 * time.Second},
		{"missing", without, 0},
		{"kept by a newer version", newer, time.Hour - 270*time.Second},
		{"outstanding", outstanding, 0},
		{"backoff", func(v *look) { outstanding(v); failed("transient")(v) }, time.Minute},
		{"barred", func(v *look) { outstanding(v); v.barred = time.Minute }, time.Minute},
		{"barred, and fresh", func(v *look) { v.barred = 2 * time.Hour }, 2 * time.Hour},
		{"barred with another secret", func(v *look) {
			outstanding(v)
			failed("config")(v)
			v.State.Secret, v.State.NextAttemptAt, v.barred = "01d", instant, time.Minute
		}, 0},
		{"unknown outcome", func(v *look) { outstanding(v); unknown(20 * time.Second)(v) }, 20 * time.Second},
		{"daily limit", func(v *look) { outstanding(v); v.State.Calls = 10_000 }, 4 * time.Hour}, // 00:00 UTC+8
		{"forced a moment ago", func(v *look) { v.State.Force, v.State.ForcedAt = 1, instant.Add(-10*time.Second) },
			20 * time.Second},
		{"classic: a draw was answered a minute ago", func(v *look) { refused(v); answered(v) }, overlap - time.Minute},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := freshLook()
			c.change(&v)
			api, _, found := strings.Cut(c.name, ":")
			if !found {
				api = "stable"
			}
			p := policyOf(api)
			if got := decide(v, p).at.Sub(instant); got != c.want {
				t.Errorf("due in %v, want %v", got, c.want)
			}
		})
	}
}

// FuzzDecide throws arbitrary views at the decision and holds it to what must
// never happen.
func FuzzDecide(f *testing.F) {
	f.Add(int64(3600), int64(7200), int64(7), int64(7), int64(0), int64(0), int64(0), uint8(1), uint8(0), uint16(0))
	f.Add(int64(-5), int64(0), int64(9), int64(7), int64(60), int64(30), int64(-400), uint8(2), uint8(3), uint16(0xffff))
	f.Fuzz(func(t *testing.T, left, life, generation, settled, next, unknown, answered int64, value, force uint8,
		flags uint16) {
		flag := func(n int) bool { return flags>>n&1 == 1 }
		at := func(seconds int64) time.Time { return instant.Add(time.Duration(seconds%1e6) * time.Second) }
		v := freshLook()
		s := &v.State
		s.ExpiresAt, s.Life = at(left), time.Duration(life%1e6)*time.Second
		s.Generation, s.Settled, s.NextAttemptAt, s.UnknownUntil = generation, settled, at(next), at(unknown)
		s.OutsideAt, s.Force, s.VerifyAt = at(answered), int(force%3), at(unknown+next)
		v.Value.Token = []secret.Token{"", ours, foreign}[value%3]
		v.Value.Present = v.Value.Token != "" || flag(0)
		if flag(1) {
			refused(&v)
		}
		if flag(2) {
			v.Lease = "a1"
		}
		if flag(3) {
			v.memory = &store.Memory{Token: ours}
		}
		if flag(4) {
			s.Token = ""
		}
		if flag(6) {
			v.Other = cohabitantSince(time.Minute)
		}
		if flag(5) {
			v.barred = time.Minute
		}
		p := policyOf([]string{"stable", "classic"}[flags>>7&1])
		p.Mint = flag(8)
		if flag(9) {
			s.Calls = p.DailyLimit
		}

		d := decide(v, p)
		if d != decide(v, p) {
			t.Error("not a function")
		}
		live := s.Live(v.Now)
		if d.ask && (v.remaining() <= 0 || !p.Mint || d.action == mint) {
			t.Errorf("asks about a token that is over, without the right to, or beside a mint: %+v", d)
		}
		switch d.action {
		case mint:
			if !p.Mint || v.Lease != "" || v.Other.AppID != "" || s.Calls >= p.DailyLimit || v.barred > 0 && !d.newSecret {
				t.Errorf("minted although forbidden: %+v", d)
			}
			if live && v.Value.Token == s.Token && !s.Outstanding() && s.Force == 0 && v.remaining() > p.Ahead &&
				v.remaining() <= s.ExpiresIn {
				t.Errorf("minted although fresh: %+v", d)
			}
			if live && s.UnknownUntil.After(v.Now) {
				t.Errorf("minted over an unknown outcome: %+v", d)
			}
		case reassert:
			if !live {
				t.Error("re-asserted a token that is not live")
			}
			if p.Replaces && v.Value.Token == foreign && v.Now.Sub(s.OutsideAt) >= overlap {
				t.Error("buried the evidence of an outside draw")
			}
		case restore:
			if v.memory == nil || v.Lease != "" {
				t.Error("restored without a memory or during a mint")
			}
		case nothing:
			if !live && p.Mint && v.Lease == "" && v.Other.AppID == "" && v.barred <= 0 && s.Calls < p.DailyLimit &&
				d.hold == "" {
				t.Error("readers have no token, and nothing happens for no reason")
			}
		}
	})
}
