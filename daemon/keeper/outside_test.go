package keeper

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// TestCountDue: WeChat is asked for its count at most once in a while, where it has one, and not while a draw
// may be on its way, which it may have counted or not.
func TestCountDue(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(v *look, p *policy)
		want   bool
	}{
		"never asked":          {func(*look, *policy) {}, true},
		"asked lately":         {func(v *look, _ *policy) { v.State.QuotaAskAt = v.Now.Add(time.Millisecond) }, false},
		"asked a while ago":    {func(v *look, _ *policy) { v.State.QuotaAskAt = v.Now }, true},
		"a draw is on its way": {func(v *look, _ *policy) { v.Lease = "a1" }, false},
		"one was":              {func(v *look, p *policy) { v.State.BegunAt = v.Now.Add(time.Millisecond - p.Lease) }, false},
		"a lease ago":          {func(v *look, p *policy) { v.State.BegunAt = v.Now.Add(-p.Lease) }, true},
		"no count":             {func(_ *look, p *policy) { p.Traits.Metered = false }, false},
	} {
		v, p := freshLook(), policyOf("classic")
		v.State.BegunAt = v.State.MintedAt
		tt.change(&v, &p)
		check(t, name, countDue(v, p), tt.want)
	}
}

// deaf never says what it has counted.
type deaf struct{ credential.Kind }

func (deaf) Quota(ctx context.Context, _ secret.Token) (credential.Quota, error) {
	<-ctx.Done()
	return credential.Quota{}, ctx.Err()
}

// TestCountDeadline: the verdict is not held up until somebody else may ask, who would make it void.
func TestCountDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := policyOf("classic")
		k := &Keeper{policy: p, kind: deaf{}, callTimeout: 2 * p.Soon(), log: slog.New(slog.DiscardHandler)}
		start := time.Now()
		c := k.count(t.Context(), freshLook(), start)
		check(t, "answered", c.Answered, false)
		check(t, "waited", time.Since(start), p.Soon()/2)
	})
}

// TestOutsideToday: told is what is known of this day, and more than WeChat's miscount.
func TestOutsideToday(t *testing.T) {
	for name, tt := range map[string]struct {
		api        string
		age        int64
		used, more int
		want       int
	}{
		"none":                          {"classic", 0, 20, 0, 0},
		"one":                           {"classic", 0, 20, 1, 1},
		"all":                           {"classic", 0, 20, 20, 20},
		"a hundredth is a miscount":     {"classic", 0, 1000, 20, 0},
		"more than that":                {"classic", 0, 1000, 21, 21},
		"yesterday's":                   {"classic", 1, 20, 5, -1},
		"where a draw replaces nothing": {"stable", 0, 20, 5, -1},
	} {
		v := freshLook()
		v.State.QuotaDay, v.State.QuotaUsed, v.State.OutsideToday = store.Day(v.Now)-tt.age, tt.used, tt.more
		check(t, name, outsideToday(v, policyOf(tt.api)), tt.want)
	}
}

// TestOutsideIsToldOnce a day, from the third draw on.
func TestOutsideIsToldOnce(t *testing.T) {
	onBench(t, func(b *bench) {
		b.policy.Replaces = true
		with := func(draws int) func(o *store.Observation) {
			return func(o *store.Observation) {
				o.State.QuotaDay, o.State.QuotaUsed, o.State.OutsideToday = store.Day(o.Now), 30, draws
			}
		}
		for _, draws := range []int{0, 2, 3, 4, 5} {
			b.take(with(draws))
			if told := b.said("somebody else has drawn"); told != min(1, draws/outsideTold) {
				t.Errorf("%d draws: told %d times", draws, told)
			}
		}
	})
}
