//go:build race

package daemon

import (
	"testing"
	"time"
)

// The race detector makes virtual time five times as expensive; it looks for
// races in a part of it.
const (
	weekDays  = 1
	weekPoll  = 10 * time.Second
	fleetSize = 50
)

// withoutRace is for what takes virtual days and has no concurrency that
// TestFleet and the fault tables have not. Such tests run beside each other.
func withoutRace(t *testing.T) {
	t.Helper()
	t.Skip(skipped)
}

// alone is the same for what measures the whole process, and so runs beside nothing.
func alone(t *testing.T) {
	t.Helper()
	t.Skip(skipped)
}

const skipped = "SKIPPED under the race detector: .ci/test runs it once more without"

// brief is a plan of three short lives: the longest takes half an hour here.
func brief(p plan) plan {
	p.life, p.length = shortLife, 3*shortLife
	return p
}
