package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// TestEnded tells a token that leaked from one that a rotation replaced.
func TestEnded(t *testing.T) {
	b := newBench(t, policyOf("stable"), false)
	for name, tt := range map[string]struct {
		minted, forced, asked time.Duration
		want                  bool
	}{
		"not forced":                      {time.Hour, 0, time.Minute, false},
		"forced before that":              {2 * time.Hour, time.Hour, time.Hour, false},
		"a person had it forced":          {2 * time.Hour, 2*time.Hour + time.Second, 2 * time.Hour, true},
		"as soon as the platform allowed": {2 * time.Hour, 2 * time.Hour, 90 * time.Minute, true},
		"a rotation":                      {2 * time.Hour, 2 * time.Hour, 0, false},
	} {
		b.take(func(o *store.Observation) {
			at := func(d time.Duration) time.Time {
				if d == 0 {
					return time.Time{}
				}
				return o.Now.Add(d - 3*time.Hour)
			}
			s := &o.State
			s.MintedAt, s.ForcedAt, s.AskedAt, s.Refused = at(tt.minted), at(tt.forced), at(tt.asked), "1a2b3c4d"
		})
		if refused, forced := b.Ended(); refused != "1a2b3c4d" || forced != tt.want {
			t.Errorf("%s: %q, %v", name, refused, forced)
		}
	}
}
