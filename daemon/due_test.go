package daemon

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

const (
	ours    = secret.Token("98_ours")
	foreign = secret.Token("98_foreign")
)

var instant = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

// policyOf is the default policy of an api.
func policyOf(api string) policy {
	r := config.Default().Refresh
	c := config.DefaultCredential(api, r)
	return policy{
		stable: api == "stable", mint: true, limit: c.DailyLimit, ahead: c.Ahead, poll: r.Poll,
		backoffMin: c.BackoffMin, backoffMax: c.BackoffMax, verifyEvery: c.VerifyEvery,
	}
}

// freshView is an hour after a mint, with everything in order.
func freshView() view {
	return view{secret: "5ec2e700", left: 2 * time.Hour, Observation: store.Observation{
		Now:   instant,
		Value: store.Value{Present: true, Token: ours, TTL: time.Hour},
		State: store.State{
			Schema: store.Schema, AppID: testAppID, Token: ours, ExpiresIn: 2 * time.Hour, Life: 2 * time.Hour,
			ExpiresAt: instant.Add(time.Hour), MintedAt: instant.Add(-time.Hour), Generation: 7, Settled: 7, Secret: "5ec2e700",
			VerifyAt: instant.Add(time.Minute), Day: store.Day(instant), Calls: 7,
		},
	}}
}

func without(v *view) { v.Observation = store.Observation{Now: instant} }

func expires(in time.Duration) func(*view) {
	return func(v *view) {
		v.State.ExpiresAt, v.Value.TTL = instant.Add(in), in
		if in <= 0 {
			v.Value = store.Value{}
		}
	}
}

func newer(v *view) { v.State.Schema++ }

func deleted(v *view) { v.Value = store.Value{} }

func outstanding(v *view) { v.State.Generation++ }

func refused(v *view) { v.State.Refused = ours.Fingerprint() }

// unknown is an outcome of a mint that nobody knows yet, and that WeChat may
// process for so long.
func unknown(left time.Duration) func(*view) {
	return func(v *view) { v.State.UnknownUntil, v.State.UnknownWait = instant.Add(left), 30*time.Second }
}

func rivalled(v *view) { v.State.RivalAt = instant.Add(-time.Minute) }

// forcedOut wants forced refreshes although a day's are used up.
func forcedOut(day int64) func(*view) {
	return func(v *view) {
		v.State.Force, v.State.Forced, v.State.ForcedDay = 2, store.ForceLimit, store.Day(instant)+day
	}
}

func failed(class string) func(*view) {
	return func(v *view) {
		v.State.LastError = &store.Failure{Class: class}
		v.State.Failures, v.State.NextAttemptAt, v.State.Wait = 3, instant.Add(time.Minute), 2*time.Minute
	}
}

func TestDue(t *testing.T) {
	memory := &store.Memory{Token: ours}
	both := []string{"stable", "classic"}
	cases := []struct {
		name   string
		apis   []string
		change []func(*view)
		action action
		reason string
		hold   string
	}{
		{"fresh", both, nil, nothing, "", ""},
		{"nothing at all", both, []func(*view){without}, mint, "missing", ""},
		{"expired", both, []func(*view){expires(-time.Second)}, mint, "expired", ""},
		{"at the expiry", both, []func(*view){expires(0)}, mint, "expired", ""},
		{"outstanding", both, []func(*view){outstanding}, mint, "outstanding", ""},
		{"refused", both, []func(*view){refused}, mint, "refused", ""},
		{"a forced refresh is wanted", both, []func(*view){func(v *view) { v.State.Force = 2 }}, mint, "forced", ""},

		{"more left than there ever was", both, []func(*view){expires(2*time.Hour + time.Second + time.Millisecond)}, mint, "clock went back", ""},
		{"the same, and the key ends another time", both, []func(*view){expires(50 * time.Hour), func(v *view) { v.Value.TTL = time.Hour }}, mint, "clock went back", ""},
		{"the same, while the mint waits", both, []func(*view){expires(50 * time.Hour), failed("transient"), func(v *view) { v.Value.TTL = time.Hour }}, nothing, "clock went back", "backoff"},
		{"a second more", both, []func(*view){expires(2*time.Hour + time.Second)}, nothing, "", ""},
		{"expired, and forced a moment ago", both, []func(*view){expires(-time.Second), func(v *view) { v.State.Force, v.State.ForcedAt = 1, instant.Add(-time.Second) }},
			mint, "expired", ""},

		{"a millisecond before ahead", []string{"classic"}, []func(*view){expires(30*time.Minute + time.Millisecond)}, nothing, "", ""},
		{"at ahead", []string{"classic"}, []func(*view){expires(30 * time.Minute)}, mint, "ahead", ""},
		{"a millisecond before ahead", []string{"stable"}, []func(*view){expires(270*time.Second + time.Millisecond)}, nothing, "", ""},
		{"at ahead by this host's clock alone", both, []func(*view){func(v *view) { v.left = 4 * time.Minute }}, mint, "ahead", ""},
		{"at ahead", []string{"stable"}, []func(*view){expires(270 * time.Second)}, mint, "ahead", ""},
		{"a short life is due at its half", both, []func(*view){expires(31 * time.Second), func(v *view) { v.State.Life = time.Minute }}, nothing, "", ""},
		{"at its half", both, []func(*view){expires(30 * time.Second), func(v *view) { v.State.Life = time.Minute }}, mint, "ahead", ""},

		{"deleted", both, []func(*view){deleted}, reassert, "deleted", ""},
		{"deleted while somebody mints", both, []func(*view){func(v *view) { v.Value, v.Lease = store.Value{}, "a1" }}, reassert, "deleted", ""},
		{"garbage", both, []func(*view){func(v *view) { v.Value.Token = "" }}, reassert, "overwritten", ""},
		{"without TTL", both, []func(*view){func(v *view) { v.Value.TTL = -time.Millisecond }}, reassert, "ttl", ""},
		{"TTL too long", both, []func(*view){func(v *view) { v.Value.TTL += 2 * time.Second }}, reassert, "ttl", ""},
		{"TTL too short", both, []func(*view){func(v *view) { v.Value.TTL -= 2 * time.Second }}, reassert, "ttl", ""},
		{"TTL within its slack", both, []func(*view){func(v *view) { v.Value.TTL -= time.Second }}, nothing, "", ""},
		{"deleted, but refused", both, []func(*view){refused, deleted}, mint, "refused", ""},
		{"deleted and expired", both, []func(*view){expires(-time.Second)}, mint, "expired", ""},

		{"foreign", []string{"stable"}, []func(*view){func(v *view) { v.Value.Token = foreign }}, reassert, "overwritten", ""},
		{"foreign", []string{"classic"}, []func(*view){func(v *view) { v.Value.Token = foreign }}, mint, "foreign", ""},
		{"foreign again within the overlap", []string{"classic"}, []func(*view){func(v *view) {
			v.Value.Token, v.State.RivalAt = foreign, instant.Add(-overlap+time.Second)
		}}, reassert, "overwritten", ""},
		{"foreign again after the overlap", []string{"classic"}, []func(*view){func(v *view) {
			v.Value.Token, v.State.RivalAt = foreign, instant.Add(-overlap)
		}}, mint, "foreign", ""},
		{"refused again within the overlap", []string{"classic"}, []func(*view){refused, rivalled}, nothing, "refused", holdRival},
		{"refused again within the overlap, by a lost mint of our own", both, []func(*view){refused, rivalled, outstanding}, mint, "refused", ""},
		{"refused again within the overlap", []string{"stable"}, []func(*view){refused, rivalled}, mint, "refused", ""},
		{"forced refreshes are used up", []string{"stable"}, []func(*view){forcedOut(0)}, nothing, "", ""},
		{"forced refreshes were used up yesterday", []string{"stable"}, []func(*view){forcedOut(-1)}, mint, "forced", ""},
		{"classic knows no limit of forced refreshes", []string{"classic"}, []func(*view){forcedOut(0)}, mint, "forced", ""},
		{"refused, and a rival of another clock", []string{"classic"}, []func(*view){refused, func(v *view) { v.State.RivalAt = instant.Add(time.Hour) }}, mint, "refused", ""},
		{"forced a moment ago", both, []func(*view){func(v *view) { v.State.Force, v.State.ForcedAt = 1, instant.Add(-29*time.Second) }},
			nothing, "forced", "forced a moment ago"},
		{"neither holds up another reason", both, []func(*view){expires(time.Second), func(v *view) {
			v.State.RivalAt, v.State.ForcedAt = instant.Add(-time.Second), instant.Add(-time.Second)
		}}, mint, "ahead", ""},

		{"lost by Redis", both, []func(*view){without, func(v *view) { v.memory = memory }}, restore, "redis_lost", ""},
		{"older state after a failover", both, []func(*view){func(v *view) { v.memory = &store.Memory{Token: "98_newer"} }}, restore, "failover", ""},
		{"re-assert comes before restore", both, []func(*view){func(v *view) { v.memory, v.Value = memory, store.Value{} }}, reassert, "deleted", ""},
		{"no restore while somebody mints", both, []func(*view){without, func(v *view) { v.memory, v.Lease = memory, "a1" }}, nothing, "missing", "leased"},

		{"leased", both, []func(*view){without, func(v *view) { v.Lease = "a1" }}, nothing, "missing", "leased"},
		{"backoff", both, []func(*view){expires(time.Second), failed("transient")}, nothing, "ahead", "backoff"},
		{"backoff, even without a token", both, []func(*view){without, failed("transient")}, nothing, "missing", "backoff"},
		{"backoff is over", both, []func(*view){without, failed("transient"), func(v *view) { v.State.NextAttemptAt = instant }}, mint, "missing", ""},
		{"backoff, by a clock a second behind", both, []func(*view){without, failed("transient"), func(v *view) { v.State.NextAttemptAt = instant.Add(2*time.Minute + time.Second) }},
			nothing, "missing", "backoff"},
		{"backoff of another clock", both, []func(*view){without, failed("transient"), func(v *view) { v.State.NextAttemptAt = instant.Add(time.Hour) }},
			mint, "missing", ""},
		{"unknown outcome", both, []func(*view){outstanding, unknown(time.Second)},
			nothing, "outstanding", "unknown outcome"},
		{"unknown outcome without a token", both, []func(*view){expires(-time.Second), unknown(time.Second)},
			mint, "expired", ""},
		{"unknown outcome of another clock", both, []func(*view){outstanding, unknown(time.Hour)},
			mint, "outstanding", ""},
		{"barred", both, []func(*view){without, func(v *view) { v.barred = time.Minute }}, nothing, "missing", "this process waits after its own last failure"},
		{"contest", both, []func(*view){without, func(v *view) { v.contest = true }}, nothing, "missing", "another appid lives under this key"},
		{"daily limit", both, []func(*view){expires(time.Second), func(v *view) { v.State.Calls = 10_000 }}, nothing, "ahead", "daily_limit"},
		{"yesterday's calls", both, []func(*view){expires(time.Second), func(v *view) { v.State.Calls, v.State.Day = 10_000, v.State.Day-1 }}, mint, "ahead", ""},

		{"a new secret ends the wait", both, []func(*view){without, failed("config"), func(v *view) { v.State.Secret = "01d" }}, mint, "missing", ""},
		{"a new secret ends this process' bar", both, []func(*view){without, failed("account"), func(v *view) { v.State.Secret, v.barred = "01d", time.Minute }}, mint, "missing", ""},
		{"the same secret waits", both, []func(*view){without, failed("config"), func(v *view) { v.State.Secret = v.secret }}, nothing, "missing", "backoff"},
		{"a secret that cannot be read is none that changed", both, []func(*view){without, failed("config"), func(v *view) { v.State.Secret, v.secret, v.tried = "01d", "", "5ec2e700" }},
			nothing, "missing", "backoff"},
		{"a new secret that failed here", both, []func(*view){without, failed("config"), func(v *view) { v.State.Secret, v.tried = "01d", v.secret }}, nothing, "missing", "backoff"},
		{"a new secret does not cure a busy WeChat", both, []func(*view){without, failed("transient"), func(v *view) { v.State.Secret = "01d" }}, nothing, "missing", "backoff"},

		{"newer schema", both, []func(*view){outstanding, newer}, nothing, "", "a newer version keeps this credential"},
		{"newer schema, but due", both, []func(*view){expires(time.Second), newer}, mint, "ahead", ""},
		{"newer schema, but refused", both, []func(*view){newer, refused}, mint, "refused", ""},
		{"newer schema and nothing to read", both, []func(*view){newer, deleted}, mint, "missing", ""},
		{"newer schema and nothing to read, though this process knows a token", both, []func(*view){newer, deleted, func(v *view) { v.memory = memory }}, mint, "missing", ""},
		{"newer schema and garbage to read", both, []func(*view){newer, func(v *view) { v.Value.Token = "" }}, mint, "missing", ""},
		{"newer schema, a foreign token", both, []func(*view){newer, func(v *view) { v.Value.Token = "foreign" }}, nothing, "", "a newer version keeps this credential"},

		{"its key ends too late, and a mint is due", both, []func(*view){expires(time.Minute), func(v *view) { v.Value.TTL = time.Hour }}, mint, "ahead", ""},
		{"the same, while the mint waits", both, []func(*view){expires(time.Minute), failed("transient"), func(v *view) { v.Value.TTL = time.Hour }}, reassert, "ttl", ""},
		{"its key is deleted, and a mint is due", both, []func(*view){expires(time.Minute), func(v *view) { v.Value = store.Value{} }}, reassert, "deleted", ""},
	}
	for _, c := range cases {
		for _, api := range c.apis {
			t.Run(api+"/"+c.name, func(t *testing.T) {
				v := freshView()
				for _, change := range c.change {
					change(&v)
				}
				d := due(v, policyOf(api))
				if d.action != c.action || d.reason != c.reason || d.hold != c.hold {
					t.Errorf("got %q because %q, hold %q; want %q because %q, hold %q", d.action, d.reason, d.hold, c.action, c.reason, c.hold)
				}
			})
		}
	}
}

// TestDueAsks says when WeChat is asked whether it accepts the token.
func TestDueAsks(t *testing.T) {
	at := func(d time.Duration) func(*view) { return func(v *view) { v.State.VerifyAt = instant.Add(d) } }
	gone := func(v *view) { v.Value = store.Value{} }
	for _, c := range []struct {
		name   string
		change []func(*view)
		want   bool
	}{
		{"in its turn", []func(*view){at(0)}, true},
		{"a millisecond before", []func(*view){at(time.Millisecond)}, false},
		{"put off for a day by another clock", []func(*view){at(24 * time.Hour)}, true},
		{"while a mint waits", []func(*view){at(0), outstanding, failed("transient")}, true},
		{"a refused token while its mint waits", []func(*view){at(0), refused, failed("transient")}, true},
		{"beside a re-assert", []func(*view){at(0), gone}, true},
		{"beside a restore", []func(*view){at(0), without, func(v *view) { v.memory = &store.Memory{Token: ours} }}, false},
		{"beside a mint", []func(*view){at(0), outstanding}, false},
		{"nothing to ask about", []func(*view){at(0), without, failed("transient")}, false},
		{"an expired token", []func(*view){at(0), expires(0), failed("transient")}, false},
		{"a newer version's", []func(*view){at(0), func(v *view) { v.State.Schema = store.Schema + 1 }}, false},
		{"a newer version's refused token", []func(*view){at(0), refused, failed("transient"), func(v *view) { v.State.Schema = store.Schema + 1 }}, false},
	} {
		for _, api := range []string{"stable", "classic"} {
			v := freshView()
			for _, change := range c.change {
				change(&v)
			}
			if d := due(v, policyOf(api)); d.ask != c.want {
				t.Errorf("%s, %s: %+v, want to ask: %v", api, c.name, d, c.want)
			}
		}
	}
}

func TestDueWithoutMint(t *testing.T) {
	p := policyOf("stable")
	p.mint = false
	v := freshView()
	without(&v)
	if d := due(v, p); d.action != nothing || d.hold != "mint: false" {
		t.Errorf("missing: %+v", d)
	}
	v.memory = &store.Memory{Token: ours}
	if d := due(v, p); d.action != restore {
		t.Errorf("restore: %+v", d)
	}
	v = freshView()
	v.Value, v.State.VerifyAt = store.Value{}, instant
	if d := due(v, p); d.action != reassert {
		t.Errorf("re-assert: %+v", d)
	}
	v = freshView()
	v.State.VerifyAt = instant
	if d := due(v, p); d.action != nothing || d.ask {
		t.Errorf("verify: %+v", d)
	}
}

func TestDueTellsBegin(t *testing.T) {
	v := freshView()
	v.Value.Token = foreign
	if d := due(v, policyOf("classic")); !d.rival || d.urgent || d.forced {
		t.Errorf("foreign: %+v", d)
	}
	v = freshView()
	refused(&v)
	if d := due(v, policyOf("stable")); !d.rival || !d.urgent || d.forced {
		t.Errorf("refused: %+v", d)
	}
	outstanding(&v)
	if d := due(v, policyOf("classic")); d.rival || !d.urgent {
		t.Errorf("refused while a mint of our own is outstanding: %+v", d)
	}
	v.State.Force = 1
	if d := due(v, policyOf("stable")); d.rival || !d.urgent || !d.forced {
		t.Errorf("forced: %+v", d)
	}
	v = freshView()
	expires(time.Minute)(&v)
	if d := due(v, policyOf("stable")); d.rival || d.urgent || d.forced || d.pastBackoff {
		t.Errorf("ahead: %+v", d)
	}
}

func TestDueAt(t *testing.T) {
	cases := []struct {
		name   string
		change func(*view)
		want   time.Duration // from now
	}{
		{"fresh", func(*view) {}, time.Hour - 270*time.Second},
		{"due since", expires(4 * time.Minute), -30 * time.Second},
		{"missing", without, 0},
		{"outstanding", outstanding, 0},
		{"backoff", func(v *view) { outstanding(v); failed("transient")(v) }, time.Minute},
		{"backoff of another clock", func(v *view) { outstanding(v); failed("transient")(v); v.State.NextAttemptAt = instant.Add(time.Hour) }, 0},
		{"barred", func(v *view) { outstanding(v); v.barred = time.Minute }, time.Minute},
		{"barred, and fresh", func(v *view) { v.barred = 2 * time.Hour }, time.Hour - 270*time.Second},
		{"barred with another secret", func(v *view) {
			outstanding(v)
			failed("config")(v)
			v.State.Secret, v.State.NextAttemptAt, v.barred = "01d", instant, time.Minute
		}, 0},
		{"unknown outcome", func(v *view) { outstanding(v); unknown(20 * time.Second)(v) }, 20 * time.Second},
		{"daily limit", func(v *view) { outstanding(v); v.State.Calls = 10_000 }, 4 * time.Hour}, // 00:00 UTC+8
		{"forced a moment ago", func(v *view) { v.State.Force, v.State.ForcedAt = 1, instant.Add(-10*time.Second) }, 20 * time.Second},
		{"classic: a rival was answered a minute ago", func(v *view) { refused(v); rivalled(v) }, overlap - time.Minute},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := freshView()
			c.change(&v)
			api, _, found := strings.Cut(c.name, ":")
			if !found {
				api = "stable"
			}
			p := policyOf(api)
			if got := dueAt(v, p, due(v, p)).Sub(instant); got != c.want {
				t.Errorf("due in %v, want %v", got, c.want)
			}
		})
	}
}

// FuzzDue throws arbitrary views at the decision and holds it to what must
// never happen.
func FuzzDue(f *testing.F) {
	f.Add(int64(3600), int64(7200), int64(7), int64(7), int64(0), int64(0), int64(0), uint8(1), uint8(0), uint16(0))
	f.Add(int64(-5), int64(0), int64(9), int64(7), int64(60), int64(30), int64(-400), uint8(2), uint8(3), uint16(0xffff))
	f.Fuzz(func(t *testing.T, left, life, generation, settled, next, unknown, rival int64, value, force uint8, flags uint16) {
		flag := func(n int) bool { return flags>>n&1 == 1 }
		at := func(seconds int64) time.Time { return instant.Add(time.Duration(seconds%1e6) * time.Second) }
		v := freshView()
		s := &v.State
		s.ExpiresAt, s.Life = at(left), time.Duration(life%1e6)*time.Second
		s.Generation, s.Settled, s.NextAttemptAt, s.Wait, s.UnknownUntil, s.UnknownWait = generation, settled, at(next), time.Hour, at(unknown), 30*time.Second
		s.RivalAt, s.Force, s.VerifyAt = at(rival), int(force%3), at(unknown+next)
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
		v.contest = flag(6)
		if flag(5) {
			v.barred = time.Minute
		}
		p := policyOf([]string{"stable", "classic"}[flags>>7&1])
		p.mint = flag(8)
		if flag(9) {
			s.Calls = p.limit
		}

		d := due(v, p)
		if d != due(v, p) {
			t.Error("not a function")
		}
		live := s.Live(v.Now)
		if d.ask && (v.remaining() <= 0 || !p.mint || d.action == mint) {
			t.Errorf("asks about a token that is over, without the right to, or beside a mint: %+v", d)
		}
		switch d.action {
		case mint:
			if !p.mint || v.Lease != "" || v.contest || s.Calls >= p.limit || v.barred > 0 && !d.pastBackoff {
				t.Errorf("minted although forbidden: %+v", d)
			}
			if live && v.Value.Token == s.Token && !s.Outstanding() && s.Force == 0 && v.remaining() > p.ahead && v.remaining() <= s.ExpiresIn {
				t.Errorf("minted although fresh: %+v", d)
			}
			if live && s.UnknownUntil.After(v.Now) && s.UnknownUntil.Sub(v.Now) <= s.UnknownWait {
				t.Errorf("minted over an unknown outcome: %+v", d)
			}
		case reassert:
			if !live {
				t.Error("re-asserted a token that is not live")
			}
			if !p.stable && v.Value.Token == foreign && v.Now.Sub(s.RivalAt) >= overlap {
				t.Error("buried the evidence of a rival")
			}
		case restore:
			if v.memory == nil || v.Lease != "" {
				t.Error("restored without a memory or during a mint")
			}
		case nothing:
			if !live && p.mint && v.Lease == "" && !v.contest && v.barred <= 0 && s.Calls < p.limit && d.hold == "" {
				t.Error("readers have no token, and nothing happens for no reason")
			}
		}
	})
}
