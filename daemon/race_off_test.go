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

func withoutRace(t *testing.T) {
	t.Helper()
	t.Parallel()
}

func alone(*testing.T) {}

func brief(p plan) plan { return p }
