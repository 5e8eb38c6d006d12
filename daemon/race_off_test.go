//go:build !race

package daemon

import "time"

const (
	weekDays = 7
	weekPoll = 2 * time.Second

	monthDays = 30
	monthPoll = 20 * time.Second

	fleetSize = 500
	dayHours  = 24
)
