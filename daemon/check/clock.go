package check

import (
	"fmt"
	"time"
)

// clocks compares three clocks by what they said at the middle of a round trip.
type clocks struct {
	known      bool
	redisAhead time.Duration // of this host
	doubt      time.Duration // of redisAhead, half a round trip
	compared   bool          // WeChat's clock was looked at already
}

// host compares this host with Redis, which said now to a question that was
// asked at start and took so long.
func (c *clocks) host(r *report, now, start time.Time, took time.Duration) {
	c.known, c.redisAhead, c.doubt = true, now.Sub(start.Add(took/2)), took/2
	r.clock("Redis", "this host", c.redisAhead, c.doubt,
		"synchronise both by NTP; the daemon itself counts in Redis' time alone, but programs on this host that compare expiresAt with their own clock are wrong by this")
}

// wechat compares Redis with WeChat, once: this is the pair that matters, as
// expiresAt is Redis' time plus what WeChat promised. Where Redis did not
// answer, this host stands for it. A Date header counts whole seconds, rounded
// down.
func (c *clocks) wechat(r *report, date, start time.Time, took time.Duration) {
	if date.IsZero() || c.compared {
		return
	}
	c.compared = true
	ahead, doubt := start.Add(took/2).Sub(date.Add(time.Second/2)), took/2+time.Second/2
	if !c.known {
		r.clock("this host", "WeChat", ahead, doubt, "synchronise this host by NTP")
		return
	}
	r.clock("Redis", "WeChat", ahead+c.redisAhead, doubt+c.doubt,
		"synchronise the host of Redis by NTP; the daemon needs only that Redis' clock runs evenly, but expiresAt in "+
			"the value is in Redis' time and tells readers a wrong instant, and so does the metric of the expiry")
}

// clock judges how far clock a is ahead of clock b, give or take doubt. Beyond
// a minute something is broken and not merely unsynchronised. Five seconds are
// far more than NTP leaves, and far less than any reader's safety margin.
func (r *report) clock(a, b string, ahead, doubt time.Duration, cure string) {
	off, word := ahead.Abs(), "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	m := ok
	switch certain := off - doubt; {
	case certain > time.Minute:
		m = fail
	case certain > 5*time.Second:
		m = warn
	}
	if m == ok {
		cure = ""
	}
	r.line(m, "clock", cure, "%s is %s %s %s (± %s)", a, round(off), word, b, round(doubt))
}

// round keeps what a person reads of a time.
func round(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond))
	}
	return d.Round(100 * time.Millisecond).String()
}
