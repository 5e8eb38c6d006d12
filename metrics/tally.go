package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// tally is all that is exposed of one credential: a kilobyte, where as many
// instruments of the library would take twenty.
type tally struct {
	mu sync.Mutex
	figures
}

type figures struct {
	appid, kind, api string
	mint             bool
	// State is a place in states, ready what the state means for readers.
	state int
	ready bool
	// Failing has 1 or 0 for each place in failings; an aggregate has how many fail so.
	failing [14]int
	times   [timesOfAKey]time.Time
	// Negative ones are not known.
	calls, limit int
	// As WeChat counts.
	quotaLimit, quotaUsed int
	// Draws of somebody else.
	outside int
	// How many places besides the key readers look at, and which of them are not as they should be.
	targets, targetsFailing int
	counts                  [countersOfAKey][11]uint64
	mints                   histogram
}

// The times of a credential.
const (
	expiry = iota
	due
	refreshed
	attempted
	timesOfAKey
)

// The counters of a credential.
const (
	refreshes = iota
	requests
	restores
	fenced
	verifications
	reported
	foreign
	// Of those that have targets.
	targetWrites
	targetForeign
	countersOfAKey
)

// histogram counts mints by the seconds they took. The buckets, 5 ms to 10 s,
// are the library's: WeChat answers in tens of milliseconds, and the default
// deadline of a mint is 5 s.
type histogram struct {
	count uint64
	sum   float64
	// As Prometheus has them: each holds those before it.
	buckets [11]uint64
}

func (h *histogram) observe(seconds float64) {
	h.count++
	h.sum += seconds
	for i, most := range prometheus.DefBuckets {
		if seconds <= most {
			h.buckets[i]++
		}
	}
}

// add takes another credential into an aggregate.
func (f *figures) add(o *figures) {
	for i, at := range o.times {
		if !at.IsZero() && (f.times[i].IsZero() || at.Before(f.times[i])) {
			f.times[i] = at
		}
	}
	if o.calls >= 0 && o.limit > 0 && (f.limit < 0 || o.calls*f.limit > f.calls*o.limit) {
		f.calls, f.limit = o.calls, o.limit
	}
	if o.quotaUsed >= 0 && o.quotaLimit > 0 && (f.quotaLimit < 0 || o.quotaUsed*f.quotaLimit > f.quotaUsed*o.quotaLimit) {
		f.quotaUsed, f.quotaLimit = o.quotaUsed, o.quotaLimit
	}
	f.outside = max(f.outside, o.outside)
	f.ready = f.ready && o.ready
	f.targets += o.targets
	f.targetsFailing += o.targetsFailing
	for i, n := range o.failing {
		f.failing[i] += n
	}
	for i := range o.counts {
		for j, n := range o.counts[i] {
			f.counts[i][j] += n
		}
	}
	f.mints.count += o.mints.count
	f.mints.sum += o.mints.sum
	for i, n := range o.mints.buckets {
		f.mints.buckets[i] += n
	}
}
