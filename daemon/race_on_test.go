//go:build race

package daemon

import "time"

// The race detector makes a virtual week five times as expensive; it looks for
// races in a day. The week itself runs without it.
const (
	weekDays = 1
	weekPoll = 5 * time.Second

	fleetHours = 1
)
