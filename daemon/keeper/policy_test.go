package keeper

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// scaledPolicy is the same a hundred times faster, as in a demo.
func scaledPolicy(api string) policy {
	p := policyOf(api)
	for _, d := range []*time.Duration{&p.Ahead, &p.Poll, &p.BackoffMin, &p.BackoffMax} {
		*d /= 100
	}
	return p
}

// policyNow is noon in UTC, 20:00 in UTC+8.
func policyNow() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

// TestPenalise spells out the waits. A row's waits are those after the first,
// second, … failure; the last one holds for all that follow.
func TestPenalise(t *testing.T) {
	const s, m = time.Second, time.Minute
	stable, classic := policyOf("stable"), policyOf("classic")
	// The token's expiry, seen from now.
	var none time.Duration = math.MaxInt64
	rows := []struct {
		name    string
		p       policy
		classes []credential.Class
		expiry  time.Duration
		waits   []time.Duration
	}{
		{"passing, stable", stable, passing(), time.Hour, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s}},
		{"passing, stable, no token", stable, passing(), none, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s}},
		{"passing, classic, far ahead of the expiry", classic, passing(), time.Hour,
			[]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 64 * s, 128 * s, 256 * s, 5 * m, 5 * m}},
		{"passing, classic, just outside", classic, passing(), 10*m + time.Millisecond,
			[]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s}},
		{"passing, classic, ten minutes ahead", classic, passing(), 10 * m,
			[]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s}},
		{"passing, classic, at the expiry", classic, passing(), 0, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s}},
		{"passing, classic, ten minutes past", classic, passing(), -10 * m,
			[]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s}},
		{"passing, classic, long past", classic, passing(), -10*m - time.Millisecond,
			[]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s}},
		{"passing, classic, no token", classic, passing(), none,
			[]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 64 * s, 128 * s, 256 * s, 5 * m}},
		{"a person corrects it", stable, lasting(), time.Hour, []time.Duration{m, 2 * m, 4 * m, 8 * m, 10 * m, 10 * m}},
		{"a person corrects it, no token", classic, lasting(), none, []time.Duration{m, 2 * m, 4 * m, 8 * m, 10 * m, 10 * m}},
		{"a person corrects it, just outside", classic, lasting(), 10*m + 12*time.Second,
			[]time.Duration{m, 2 * m, 4 * m, 7*m + 40*s, 7*m + 40*s}},
		{"a person corrects it, ten minutes ahead", classic, lasting(), 10 * m, []time.Duration{m, m, m}},
		{"a person corrects it, a minute ahead", classic, lasting(), m, []time.Duration{m, m}},
		{"a person corrects it, ten minutes past", stable, lasting(), -10 * m, []time.Duration{m, m, m}},
		{"a person corrects it, long past", stable, lasting(), -10*m - time.Millisecond, []time.Duration{m, 2 * m, 4 * m}},
		{"quota, hours before midnight", classic, []credential.Class{credential.ClassQuota}, time.Hour,
			[]time.Duration{time.Hour, time.Hour}},

		{"scaled: passing, stable", scaledPolicy("stable"), passing(), time.Hour,
			[]time.Duration{s / 100, s / 50, s / 25, 2 * s / 25, 4 * s / 25, 3 * s / 10, 3 * s / 10}},
		{"scaled: passing, classic, outside six seconds", scaledPolicy("classic"), passing(), 6*s + 1,
			[]time.Duration{s / 100, s / 50, s / 25, 2 * s / 25, 4 * s / 25, 8 * s / 25}},
		{"scaled: passing, classic, within six seconds", scaledPolicy("classic"), passing(), 6 * s,
			[]time.Duration{s / 100, s / 50, s / 25, 2 * s / 25, 4 * s / 25, 3 * s / 10}},
		{"scaled: a person, outside six seconds", scaledPolicy("stable"), lasting(), 6*s + 1,
			[]time.Duration{3 * s / 5, 6 * s / 5, 12 * s / 5, 9 * s / 2, 9 * s / 2}},
		{"scaled: a person, within six seconds", scaledPolicy("stable"), lasting(), 6 * s,
			[]time.Duration{3 * s / 5, 3 * s / 5}},
	}
	for _, row := range rows {
		for _, class := range row.classes {
			t.Run(row.name+"/"+string(class), func(t *testing.T) {
				var expiry time.Time
				if row.expiry != none {
					expiry = policyNow().Add(row.expiry)
				}
				for i, want := range row.waits {
					if got := row.p.waitAfter(class, i+1, policyNow(), expiry); got != want {
						t.Errorf("failure %d: %v, want %v", i+1, got, want)
					}
				}
			})
		}
	}
}

// passing are the classes of what may pass by itself; a class that nobody
// foresaw is one of them.
func passing() []credential.Class {
	return []credential.Class{
		credential.ClassTransient, credential.ClassTransport, credential.ClassGarbage, credential.ClassUnknown,
		credential.ClassIP, credential.ClassAdmin, "new in some year",
	}
}

// lasting are the classes of what only a person corrects, or the next minute.
func lasting() []credential.Class {
	return []credential.Class{credential.ClassRate, credential.ClassConfig, credential.ClassAccount}
}

// TestPenaliseQuota: until midnight in UTC+8 by Redis' clock, with one probe an hour.
func TestPenaliseQuota(t *testing.T) {
	for at, want := range map[string]time.Duration{
		"2026-01-01T14:59:59Z": time.Hour,
		"2026-01-01T15:00:00Z": time.Hour,
		"2026-01-01T15:00:01Z": time.Hour - time.Second,
		"2026-01-01T15:59:59Z": time.Second,
		"2026-01-01T16:00:00Z": time.Hour, // it is refused on the new day as well
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := policyOf("stable").waitAfter(credential.ClassQuota, 3, now, time.Time{}); got != want {
			t.Errorf("at %s: %v, want %v", at, got, want)
		}
	}
}

// TestPenaliseTinyCap: a tenth of a small backoff_max is less than
// backoff_min, which always wins.
func TestPenaliseTinyCap(t *testing.T) {
	p := policy{credential.Spec{BackoffMin: time.Second, BackoffMax: 2 * time.Second}}
	for n := 1; n < 5; n++ {
		if got := p.waitAfter(credential.ClassTransient, n, policyNow(), time.Time{}); got != time.Second {
			t.Errorf("failure %d: %v", n, got)
		}
	}
	if got := p.waitAfter(credential.ClassConfig, 1, policyNow(), time.Time{}); got != 4*time.Second {
		t.Errorf("config: %v, want the cap", got)
	}
}

// TestPenaliseBounds: whatever the count and the configuration, a wait is
// never shorter than the first one nor longer than its cap, and more failures
// never shorten it.
func TestPenaliseBounds(t *testing.T) {
	const year = 365 * 24 * time.Hour
	classes := append(passing(), lasting()...)
	for _, backoffMin := range []time.Duration{time.Millisecond, time.Second, 7 * time.Second} {
		for _, backoffMax := range []time.Duration{backoffMin, 5 * time.Minute, 24 * time.Hour, year, 140 * year} {
			for _, api := range []string{"stable", "classic"} {
				p := policy{credential.Spec{Slot: store.Slot{Replaces: api == "classic"}, BackoffMin: backoffMin,
					BackoffMax: backoffMax}}
				for _, class := range classes {
					last := time.Duration(0)
					for _, n := range []int{1, 2, 3, 10, 29, 30, 31, 32, 33, 60, 61, 62, 63, 64, 65, 1000, 1_000_000} {
						got := p.waitAfter(class, n, policyNow(), time.Time{})
						if got < backoffMin || got > max(2*backoffMax, 60*backoffMin) || got < last {
							t.Fatalf("%s, %s, backoff %v to %v: failure %d waits %v after %v", api, class, backoffMin, backoffMax, n, got,
								last)
						}
						last = got
					}
				}
			}
		}
	}
}

func TestBar(t *testing.T) {
	const m = time.Minute
	for _, row := range []struct {
		class credential.Class
		code  int
		left  time.Duration
		again bool
		want  time.Duration
	}{
		{credential.ClassIP, 40164, 2 * time.Hour, false, 10 * m},
		{credential.ClassIP, 61004, 2 * time.Hour, false, 10 * m},
		{credential.ClassAdmin, 89501, 50 * m, false, 10 * m},
		{credential.ClassAdmin, 89503, 39 * m, false, 39 * m / 5},
		{credential.ClassIP, 40164, 270 * time.Second, false, 54 * time.Second},
		{credential.ClassIP, 40164, 15 * time.Second, false, 3 * time.Second},
		{credential.ClassIP, 40164, 2 * time.Second, false, time.Second},
		{credential.ClassIP, 40164, 0, false, m},
		{credential.ClassIP, 40164, -time.Hour, false, m},
		{credential.ClassIP, 40164, 15 * time.Second, true, m},
		{credential.ClassIP, 40164, 2 * time.Hour, true, 10 * m},
		{credential.ClassAdmin, 89506, m, false, 24 * time.Hour},
		{credential.ClassAdmin, 89507, m, false, time.Hour},
		{credential.ClassTransient, -1, time.Hour, true, 0},
		{credential.ClassConfig, 40125, time.Hour, true, 0},
		{credential.ClassQuota, 45009, time.Hour, true, 0},
		{credential.ClassTransport, 0, time.Hour, true, 0},
	} {
		got := policyOf("stable").bar(&credential.Error{Class: row.class, Code: row.code}, row.left, row.again)
		if got != row.want {
			t.Errorf("%s %d, %v left, again %v: %v, want %v", row.class, row.code, row.left, row.again, got, row.want)
		}
		if known, ok := credential.Lookup(row.code); row.want > 0 && (!ok || known.Class != row.class) {
			t.Errorf("%d is %+v in the table of codes, not %s", row.code, known, row.class)
		}
	}
	if got := scaledPolicy("stable").bar(&credential.Error{Class: credential.ClassIP, Code: 40164},
		time.Hour, false); got != 6*time.Second {
		t.Errorf("scaled: %v", got)
	}
}

// TestLengthen: jitter never shortens a wait, lengthens it by a fifth at most,
// and uses the whole fifth.
func TestLengthen(t *testing.T) {
	for _, d := range []time.Duration{0, 1, time.Millisecond, time.Second, 24 * time.Hour} {
		shortest, longest := time.Duration(math.MaxInt64), time.Duration(0)
		for range 20_000 {
			got := lengthen(d, rand.Float64())
			if got < d || got > d+d/5 {
				t.Fatalf("%v became %v", d, got)
			}
			shortest, longest = min(shortest, got), max(longest, got)
		}
		if d >= time.Millisecond && (shortest > d+d/100 || longest < d+d/5-d/100) {
			t.Errorf("%v became %v to %v only", d, shortest, longest)
		}
	}
}

func TestEffectiveAhead(t *testing.T) {
	const m = time.Minute
	stable, classic := policyOf("stable"), policyOf("classic")
	for _, row := range []struct {
		p          policy
		life, want time.Duration
	}{
		{stable, 120 * m, 4*m + 30*time.Second},
		{stable, 9 * m, 4*m + 30*time.Second},
		{stable, 5 * m, 150 * time.Second}, // the stable endpoint handed out what was left
		{stable, 2 * time.Second, time.Second},
		{stable, 0, 0},
		{classic, 120 * m, 30 * m},
		{classic, 60 * m, 30 * m},
		{classic, 59 * m, 29*m + 30*time.Second},
	} {
		if got := row.p.effectiveAhead(row.life); got != row.want {
			t.Errorf("ahead %v, life %v: %v, want %v", row.p.Ahead, row.life, got, row.want)
		}
	}
}
