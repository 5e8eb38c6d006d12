package keeper

import (
	"testing"
	"time"
	"unsafe"

	"wxtokend/daemon/store"
)

// awake is local after a suspend of whole seconds: the wall clock alone has gone on.
func awake(t *testing.T, local time.Time, suspended time.Duration) time.Time {
	t.Helper()
	after := local
	// The seconds of the wall clock, see package time.
	*(*uint64)(unsafe.Pointer(&after)) += uint64(suspended/time.Second) << 30
	if after.Sub(local) != 0 || after.Round(0).Sub(local.Round(0)) != suspended {
		t.Fatal("time.Time has changed its layout")
	}
	return after
}

// TestSuspend: a host that was suspended knows that its token may have ended, and that
// anything may have come and gone in Redis meanwhile.
func TestSuspend(t *testing.T) {
	// No time of a bubble has a monotonic clock.
	b := newBench(t, policyOf("stable"), false)
	b.take()
	local := time.Now()
	check(b, "before", b.state(local), Fresh)
	check(b, "after most of its life", b.state(awake(t, local, 56*time.Minute)), Due)
	check(b, "after all of it", b.state(awake(t, local, time.Hour)), Expired)
	lost := store.Observation{Now: fresh().Now}
	check(b, "restorable", b.memory.observe(lost, local) != nil, true)
	b.memory.tick(awake(t, local, time.Hour), time.Minute)
	check(b, "restorable after a suspend", b.memory.observe(lost, local) != nil, false)
}

// TestPassed: a wall clock that is set back takes no time away.
func TestPassed(t *testing.T) {
	local := time.Now()
	later := local.Add(time.Minute)
	for name, row := range map[string]struct {
		from, to time.Time
		want     time.Duration
	}{
		"as usual":           {local, later, time.Minute},
		"a suspend":          {local, awake(t, later, 2*time.Hour), 2*time.Hour + time.Minute},
		"a clock set back":   {awake(t, local, 2*time.Hour), later, time.Minute},
		"nothing known ever": {time.Time{}, local, local.Round(0).Sub(time.Time{})},
	} {
		if got := passed(row.from, row.to); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}
