package daemon

import (
	"slices"
	"time"

	"wxtokend/daemon/store"
)

// limit is until when the fleet must have mended what readers feel now.
func (j *judge) limit(g glance) time.Time {
	from, patience := j.bad, j.heal()
	if j.outage.refused {
		why, since := j.cause(j.outage.token)
		j.outage.cause = why
		switch why {
		case lostMint:
			if from = since; j.f.plan.api == "stable" && !j.f.forced() {
				return j.outage.start // never
			}
		case stranger, lateMint, forgotten:
			// Whoever was answered lately waits an overlap for the next answer.
			patience += max(j.f.config.Refresh.VerifyEvery, overlap) + 4*j.f.plan.poll
		case expired:
			if j.outage.start.After(j.skewed) {
				return j.outage.start // never
			}
		}
		from = later(from, j.handsOff)
	}
	at := later(from, j.trouble)
	// The day is that of Redis' clock.
	skew := j.f.server.skewed()
	if day := at.Add(skew); j.f.plan.limit > 0 && j.spent[store.Day(day)]+int(j.f.struck.Load()) >= j.f.plan.limit {
		at = later(at, store.NextDay(day).Add(-skew))
	}
	waits := later(milliseconds(g.state["next_attempt_at"]).Add(-skew), j.f.barred())
	return later(at, earlier(waits, j.f.waits(at))).Add(patience)
}

// waits is until when the failures that were injected may have the fleet wait
// after at, jitter included; the daemons' own word for it is not taken.
func (f *fleet) waits(at time.Time) time.Time {
	most := f.config.Refresh.BackoffMax
	usual := most
	if f.plan.api == "stable" {
		usual /= 10
	}
	until := at.Add(usual * 6 / 5)
	for name, wait := range map[string]time.Duration{
		"secret rotated": 2 * most, "address barred": 2 * most, "wechat rate": 2 * most, "quota exhausted": time.Hour,
	} {
		if ended := f.did(name); !ended.IsZero() {
			until = later(until, ended.Add(wait*6/5))
		}
	}
	return until
}

// skewed is how far the clock of Redis is ahead of everybody's.
func (s *redisServer) skewed() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.skew
}

// barred is until when no process at all may ask WeChat, zero if one may.
func (f *fleet) barred() time.Time {
	var first time.Time
	for _, m := range f.members {
		d := m.current.Load()
		if d == nil {
			continue
		}
		status := d.registry.entries[0].Status()
		if !slices.Contains(status.Notes, "due, but waiting: WeChat does not let this host in") {
			return time.Time{}
		}
		barred := time.Now().Add(status.DueAt.Sub(status.Now))
		if first.IsZero() || barred.Before(first) {
			first = barred
		}
	}
	return first
}
