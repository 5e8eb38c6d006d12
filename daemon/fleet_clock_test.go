package daemon

import (
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

// TestClockBackDuringAWait: a failover to a node whose clock is ten hours behind
// comes while everybody waits after failures. What was to be waited for then is
// over no later than by the old clock.
func TestClockBackDuringAWait(t *testing.T) {
	withoutRace(t)
	faults := map[string]wechatsim.Fault{
		"busy":  {Kind: wechatsim.FaultErrcode, Code: -1},
		"lost":  {Kind: wechatsim.FaultReplyLost},
		"reset": {Kind: wechatsim.FaultReset},
	}
	for _, api := range []string{"stable", "classic"} {
		for name, fault := range faults {
			for when, before := range map[string]time.Duration{"with a token": 2 * time.Minute, "without": -2 * time.Minute} {
				t.Run(api+"/"+name+"/"+when, func(t *testing.T) {
					t.Parallel()
					f := inFleet(t, peaceful(api, 2), func(f *fleet) {
						f.wait(time.Minute)
						fault.Path, fault.Until = f.path(), f.begin.Add(f.life-before)
						f.inject(fault)
						f.judge.suffer(time.Until(fault.Until))
						f.wait(time.Until(fault.Until))
						f.judge.suffer(0)
						if before < 0 {
							// Redis deletes what has ended; this one only hides it, by its clock.
							f.server.change(func() { f.redis.Del(testKey) })
						}
						f.server.setClock(-10 * time.Hour)
						f.wait(time.Minute)
						start := time.Now()
						most := f.waits(start).Add(f.judge.heal())
						for !f.accepted() {
							if time.Now().After(most) {
								t.Fatalf("no good token for %v\n%s", time.Since(start), f.ending())
							}
							f.wait(time.Second)
						}
						f.wait(f.life)
						if !f.accepted() {
							t.Errorf("no good token a life later\n%s", f.ending())
						}
					})
					f.acquit(t)
				})
			}
		}
	}
}
