package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// TestForcedRefreshesAreSpent tells WeChat's word on the day's forced refreshes
// from all others.
func TestForcedRefreshesAreSpent(t *testing.T) {
	for _, c := range []struct {
		replaces, forced bool
		class            credential.Class
		want             bool
	}{
		{false, true, credential.ClassQuota, true},
		{false, true, credential.ClassRate, false},
		{false, false, credential.ClassQuota, false},
		{true, true, credential.ClassQuota, false},
	} {
		k := &Keeper{policy: policy{credential.Spec{Slot: store.Slot{Replaces: c.replaces}, Traits: credential.Traits{ForcedPerDay: map[bool]int{false: 20}[c.replaces]}, BackoffMin: time.Second, BackoffMax: 5 * time.Minute}}, jitter: func() float64 { return 0 }}
		a := k.newAbort(&attempt{begin: store.Begin{Forced: c.forced}}, store.BeginAnswer{T0: instant}, &credential.Error{Class: c.class}, 0)
		if got := a.NoForceWait == 4*time.Hour; got != c.want || (a.Wait == time.Second) != c.want {
			t.Errorf("%+v: no force for %v, wait %v", c, a.NoForceWait, a.Wait)
		}
	}
}
