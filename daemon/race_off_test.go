//go:build !race

package daemon

import "time"

const (
	weekDays = 7
	weekPoll = 5 * time.Second

	monthDays = 30
	monthPoll = 30 * time.Second

	fleetSize  = 500
	dayHours   = 24
	crashLoops = 3600
)
