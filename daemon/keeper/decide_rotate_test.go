package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/credential"
)

// rotatesAt is an hour after which the token is to be another one.
func rotatesAt(text string) func(*look, *policy) {
	return func(_ *look, p *policy) { p.Rotation, _ = credential.NewRotation(text) }
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
