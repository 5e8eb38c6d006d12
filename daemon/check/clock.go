package check

import (
	"fmt"
	"time"
)

// clock judges how far somebody's clock is ahead of this host's, give or take
// doubt. Beyond a minute something is broken and not merely unsynchronised. Five
// seconds are far more than NTP leaves, and far less than any reader's safety margin.
func (r *report) clock(whose string, ahead, doubt time.Duration) {
	const cure = "synchronise it and this host by NTP; the daemon needs only that Redis' clock runs evenly, " +
		"but expiresAt and the metric of the expiry are in Redis' time, and readers compare them with clocks of their own"
	saw := fmt.Sprintf("that of %s differs from this host's by %v (± %v)", whose, round(ahead), round(doubt))
	switch certain := ahead.Abs() - doubt; {
	case certain > time.Minute:
		r.fail("clock", cure, "%s", saw)
	case certain > 5*time.Second:
		r.warn("clock", cure, "%s", saw)
	default:
		r.ok("clock", "%s", saw)
	}
}

// round keeps what a person reads of a time.
func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
