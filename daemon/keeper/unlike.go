package keeper

import (
	"strings"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// unlike is a replica under our key whose settings are others than ours, as far as
// Redis shows it: a person changed a file on one host. Each replica lives by its
// own settings, so readers feel nothing of another api, but they do of a format
// that changes with whoever refreshes. A lease, a poll or the times of waits leave
// no trace that is worth a field of its own.
type unlike struct {
	// Redis time of the first look: what began before was an old configuration's.
	since time.Time
	// What differs, "" if nothing does, and when it was met, by this host's clock.
	what string
	met  time.Time
}

// unlikeFor is how long it is told: two refreshes of a token of two hours.
const unlikeFor = 4 * time.Hour

// meet takes in a look.
func (u *unlike) meet(o store.Observation, spec credential.Spec, local time.Time) {
	if u.since.IsZero() {
		u.since = o.Now
	}
	what := ""
	if o.State.BegunAt.After(u.since) && o.State.Schema == store.Schema {
		what = differs(o, spec)
	}
	switch {
	case what != "":
		u.what, u.met = what, local
	case local.Sub(u.met) > unlikeFor:
		u.what = ""
	}
}

// differs names the settings of whoever refreshed last that are not ours.
func differs(o store.Observation, spec credential.Spec) string {
	const cure = ": give all replicas under one key the same settings"
	var all []string
	other := o.State.API
	if _, known := credential.TraitsOf(spec.Kind, other); known && other != spec.API {
		all = append(all, "api: "+other+" there, api: "+spec.API+" here")
	}
	if o.Value.Unlike && o.Value.Token == o.State.Token && o.Lease == "" {
		all = append(all, "format or utc_offset: readers find the token in another form than this replica writes")
	}
	if len(all) == 0 {
		return ""
	}
	return "another replica refreshes this key with other settings: " + strings.Join(all, "; ") + cure
}
