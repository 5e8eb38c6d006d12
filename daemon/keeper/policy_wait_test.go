package keeper

import (
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// TestUnknownWait: where asking again is harmless nothing is waited for.
func TestUnknownWait(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		for _, forced := range []bool{false, true} {
			want := time.Duration(0)
			if forced || api == "classic" {
				want = 30 * time.Second
			}
			if got := policyOf(api).unknownWait(forced); got != want {
				t.Errorf("%s, forced %v: %v, want %v", api, forced, got, want)
			}
		}
	}
}

func TestUnchangedWait(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		poll, ahead, remaining, want time.Duration
	}{
		{2 * s, 270 * s, 300 * s, 27 * s},          // a tenth of ahead
		{2 * s, 270 * s, 54 * s, 27 * s},           //
		{2 * s, 270 * s, 53 * s, 26500 * s / 1000}, // half of what is left
		{2 * s, 10 * s, 300 * s, 2 * s},            // a poll at least
		{2 * s, 10 * s, 3 * s, 1500 * s / 1000},
		{2 * s, 270 * s, 0, 0},
	} {
		p := policy{credential.Spec{Slot: store.Slot{Poll: row.poll}, Ahead: row.ahead}}
		if got := p.unchangedWait(row.remaining); got != row.want {
			t.Errorf("poll %v, ahead %v, %v left: %v, want %v", row.poll, row.ahead, row.remaining, got, row.want)
		}
	}
}

// TestAllDayFailing adds up the calls of a day on which WeChat answers none,
// wherever in the day the token expires: at most 400 of the 2,000 that a
// classic app has, 3,000 of the 500,000 of the stable endpoint.
func TestAllDayFailing(t *testing.T) {
	for api, most := range map[string]int{"classic": 400, "stable": 3000} {
		for _, class := range []credential.Class{credential.ClassTransient, credential.ClassTransport,
			credential.ClassGarbage} {
			t.Run(fmt.Sprintf("%s/%s", api, class), func(t *testing.T) {
				p := policyOf(api)
				for hours := -2; hours <= 24; hours++ {
					start := policyNow()
					expiry := start.Add(time.Duration(hours) * time.Hour)
					calls := 0
					for now := start; now.Before(start.Add(24 * time.Hour)); {
						calls++
						now = now.Add(p.waitAfter(class, calls, now, expiry))
					}
					if calls > most || calls < most/2 {
						t.Errorf("expiry after %d h: %d calls, want at most %d, and an end of the outage to be noticed", hours, calls,
							most)
					}
				}
			})
		}
	}
}

// TestRefusedWait: the first dead token that comes back is answered by a
// forced refresh at once; should it come back for ever, ever later.
func TestRefusedWait(t *testing.T) {
	p := policyOf("stable")
	for failures, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: time.Minute, 3: 2 * time.Minute, 4: 4 * time.Minute, 5: 8 * time.Minute,
		6: 10 * time.Minute, 99: 10 * time.Minute,
	} {
		if got := p.refusedWait(failures); got != want {
			t.Errorf("after %d failures %v, want %v", failures, got, want)
		}
	}
}
