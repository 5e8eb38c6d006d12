package keeper

import (
	"time"

	"wxtokend/daemon/store"
)

// cohabitant is another account that lives under our key, as it was met last.
type cohabitant struct {
	store.Other
	// Our own state was seen under this key: it is no change of the configuration.
	owned bool
	// By this host's clock.
	met time.Time
}

// meet takes in a look. Two that take turns are each met once an overlap; one
// that stays away for twice as long is forgotten. One whose last mint was long
// ago, where we never were, is the account before a changed configuration.
func (c *cohabitant) meet(o store.Observation, local time.Time, overlap time.Duration) {
	c.owned = c.owned || o.State.AppID != ""
	switch {
	case o.Other.AppID != "" && (c.owned || o.Now.Sub(o.Other.BegunAt) < overlap):
		c.Other, c.met = o.Other, local
	case local.Sub(c.met) > 2*overlap:
		c.Other = store.Other{}
	}
}

// name says who it is and what to do about it, "" for nobody.
func (c *cohabitant) name(ours string) string {
	switch {
	case c.AppID == "":
		return ""
	case c.AppID == ours:
		// Two names of one WeChat look like this as well.
		return "another host of WeChat is used under this key, " + c.Issuer + ": give all replicas the same wechat.base_url"
	}
	return "another appid lives under this key, " + c.AppID + ": give each its own key"
}
