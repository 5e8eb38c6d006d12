//go:build !race

package daemon

import (
	"testing"
	"time"
)

const (
	weekDays  = 7
	weekPoll  = 5 * time.Second
	fleetSize = 500
)

func withoutRace(*testing.T) {}

func brief(p plan) plan { return p }
