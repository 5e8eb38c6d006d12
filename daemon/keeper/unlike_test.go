package keeper

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// Whoever refreshed since the first look shows its settings: its api in the state,
// its format under the key.
func TestUnlike(t *testing.T) {
	spec := policyOf("stable").Spec
	spec.Kind = credential.OfficialAccount
	other := func(o *store.Observation) { o.State.API = "classic" }
	form := func(o *store.Observation) { o.Value.Unlike = true }
	for name, c := range map[string]struct {
		changes []func(*store.Observation)
		want    string
	}{
		"the same":       {nil, ""},
		"another api":    {[]func(*store.Observation){other}, "api: classic there"},
		"an unknown api": {[]func(*store.Observation){func(o *store.Observation) { o.State.API = "newest" }}, ""},
		"another format": {[]func(*store.Observation){form}, "format or utc_offset"},
		"of somebody else's token": {[]func(*store.Observation){form,
			func(o *store.Observation) { o.Value.Token = foreign }}, ""},
		"while somebody mints": {[]func(*store.Observation){form, func(o *store.Observation) { o.Lease = "a1" }}, ""},
		"of a newer version": {[]func(*store.Observation){other, func(o *store.Observation) { o.State.Schema++ }},
			""},
		"from before the first look": {[]func(*store.Observation){other,
			func(o *store.Observation) { o.State.BegunAt = instant }}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var u unlike
			u.meet(store.Observation{Now: instant}, spec, instant)
			o := freshLook().Observation
			o.Now, o.State.API, o.State.BegunAt = instant.Add(2*time.Second), "stable", instant.Add(time.Second)
			like := o
			for _, change := range c.changes {
				change(&o)
			}
			u.meet(o, spec, instant)
			if (u.what == "") != (c.want == "") || !strings.Contains(u.what, c.want) {
				t.Fatalf("%q, want %q", u.what, c.want)
			}
			u.meet(like, spec, instant.Add(unlikeFor))
			if (u.what == "") != (c.want == "") {
				t.Errorf("after %v: %q", unlikeFor, u.what)
			}
			u.meet(like, spec, instant.Add(unlikeFor+1))
			if u.what != "" {
				t.Errorf("still told: %q", u.what)
			}
		})
	}
}
