package web

import (
	"fmt"
	"time"
)

// humane prints the two largest units of d, which is all that a person reads:
// 3d4h, 1h52m, 4m30s, 12s, and 4m for 4m0s. The sign is dropped.
func humane(d time.Duration) string {
	d = d.Abs()
	units := []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}
	for i, name := range "dhm" {
		count, rest := d/units[i], d%units[i]/units[i+1]
		switch {
		case count > 0 && rest > 0:
			return fmt.Sprintf("%d%c%d%c", count, name, rest, "hms"[i])
		case count > 0:
			return fmt.Sprintf("%d%c", count, name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
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
