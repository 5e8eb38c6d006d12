package daemon

import "time"

const (
	// batch is how many credentials are looked at in one round trip, at most.
	batch = 128
	// looksPerSecond is what the looks of one process may cost Redis and itself.
	looksPerSecond = 5000
)

// pace is how often n credentials are looked at: round is the time between two
// looks at one credential, at most, and tick that between two batches.
type pace struct{ round, tick time.Duration }

// paceOf spreads the looks over the round, in batches that are not full, so
// that there is room for those that are late. Few credentials are one batch.
func paceOf(n int, poll time.Duration) pace {
	round := max(poll, time.Duration(n)*time.Second/looksPerSecond)
	if n <= batch {
		return pace{round, round}
	}
	return pace{round, round / time.Duration(max(8, n*3/2/batch))}
}
