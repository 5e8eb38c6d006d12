//go:build race

package daemon

import "time"

// The race detector makes virtual time five times as expensive; it looks for
// races in a part of it. The whole of it runs without.
const (
	weekDays = 1
	weekPoll = 10 * time.Second

	monthDays = 2
	monthPoll = 30 * time.Second

	fleetSize  = 50
	dayHours   = 3
	crashLoops = 300
)
