package daemon

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	fleetSeed = flag.Uint64("fleet.seed", 0, "run the fleet of this seed alone")
	fleetFor  = flag.Duration("fleet.for", 20*time.Second, "run fleets of fresh seeds for so long")
)

// brokenSeeds are those that ever failed.
var brokenSeeds = []uint64{1, 2}

// TestFleet lets fleets live through faults, two within each refresh, and
// judges at every change and every expiry what readers get.
func TestFleet(t *testing.T) {
	if *fleetSeed != 0 {
		runFleet(t, draw(*fleetSeed))
		return
	}
	for _, seed := range brokenSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { t.Parallel(); runFleet(t, draw(seed)) })
	}
	for end := time.Now().Add(*fleetFor); time.Now().Before(end) && !t.Failed(); {
		t.Run("fresh", func(t *testing.T) { runFleet(t, draw(rand.Uint64())) })
	}
}

// runFleet lives through a plan and reports.
func runFleet(t *testing.T, p plan) *fleet {
	t.Helper()
	f := inFleet(t, p, func(f *fleet) { f.liveThrough() })
	broken := f.judge.violations()
	if len(broken) > 0 {
		t.Errorf("%v\n%s\nhow it came to this:\n%s\nagain: go test ./daemon -run TestFleet -fleet.seed=%d",
			p, strings.Join(broken, "\n"), f.ending(), p.seed)
	}
	t.Logf("%v: %s", p, f.summary())
	if *fleetSeed != 0 {
		t.Log(f.ending())
	}
	return f
}

// liveThrough arms pairs of faults, each after the fleet has recovered from
// the last one.
func (f *fleet) liveThrough() {
	for time.Since(f.begin) < f.plan.length && len(f.judge.violations()) == 0 {
		f.arm()
		patience := time.Now().Add(f.life)
		for f.armed() && time.Now().Before(patience) && len(f.judge.violations()) == 0 {
			f.wait(time.Second)
		}
		f.disarm()
		f.recover()
	}
}

// recover waits until the fleet is whole again, and demands that it is.
func (f *fleet) recover() {
	f.busy.Wait()
	f.wait(time.Until(f.judge.trouble) + time.Minute + time.Duration(f.dice.IntN(120))*time.Second)
}

// summary is what a fleet went through, in figures.
func (f *fleet) summary() string {
	refused, longest, missing, longestMissing := 0, time.Duration(0), 0, time.Duration(0)
	for _, o := range f.judge.outages {
		if d := o.end.Sub(o.start); o.refused {
			refused, longest = refused+1, max(longest, d)
		} else {
			missing, longestMissing = missing+1, max(longestMissing, d)
		}
	}
	return fmt.Sprintf("%d faults, %d tokens issued, refused %d times (longest %v), missing %d times (longest %v), cached reads refused %d of %d",
		f.struck, f.mints(), refused, longest.Round(time.Millisecond), missing, longestMissing.Round(time.Millisecond), f.judge.cached.refused, f.judge.cached.reads)
}
