package keeper

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

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
