//go:build !race

package daemon

import "time"

const (
	weekDays = 7
	weekPoll = 2 * time.Second

	fleetHours = 6
)
