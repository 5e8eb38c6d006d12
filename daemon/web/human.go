package web

import (
	"fmt"
	"time"
)

// humane prints the two largest units of d, which is all that a person reads:
// 3d4h, 1h52m, 4m30s, 12s, and 4m for 4m0s. The sign is dropped.
func humane(d time.Duration) string {
	seconds := int(d.Abs() / time.Second)
	pair := func(large int, unit string, small int, rest string) string {
		if small == 0 {
			return fmt.Sprintf("%d%s", large, unit)
		}
		return fmt.Sprintf("%d%s%d%s", large, unit, small, rest)
	}
	switch hours, minutes := seconds/3600, seconds/60; {
	case hours >= 24:
		return pair(hours/24, "d", hours%24, "h")
	case hours > 0:
		return pair(hours, "h", minutes%60, "m")
	case minutes > 0:
		return pair(minutes, "m", seconds%60, "s")
	}
	return fmt.Sprintf("%ds", seconds)
}

// relative says where at lies from now: "in 1h52m", "3m12s ago", "now" within
// a second, "" if one of them is not known.
func relative(at, now *time.Time) string {
	if at == nil || now == nil {
		return ""
	}
	d := at.Sub(*now)
	switch {
	case d.Abs() < time.Second:
		return "now"
	case d < 0:
		return humane(d) + " ago"
	}
	return "in " + humane(d)
}

// dueWords is relative for the time of the next refresh: one in the past has
// not happened, it waits for its turn.
func dueWords(at, now *time.Time) string {
	if at != nil && now != nil && !at.After(*now) {
		return "now"
	}
	return relative(at, now)
}
