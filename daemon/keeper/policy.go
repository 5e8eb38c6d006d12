package keeper

import (
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// policy is what a credential's configuration means for its decisions.
type policy struct{ credential.Spec }

// effectiveAhead is how long before its expiry a token becomes due. Half of
// its life at most: a token that came with little time left (the stable
// endpoint hands out what remains) must not be due at once for ever.
func (p policy) effectiveAhead(life time.Duration) time.Duration {
	return min(p.Ahead, life/2)
}

// elapsed is how much of the life that the grant names was over already when its
// draw began, at t0; known is the state before it. Only where each answer names
// the whole life (Traits.Whole), and it brought the known token once more, is that
// not 0. The same again proves that the token is still the newest, and so lives
// for an overlap at least.
func (p policy) elapsed(grant credential.Grant, t0 time.Time, known store.State) time.Duration {
	if !p.Traits.Whole || grant.Token != known.Token {
		return 0
	}
	left := max(known.ExpiresAt.Sub(t0), p.Overlap)
	return max(0, grant.ExpiresIn-left)
}

// rotateAt is the first hour of the rotation after the token was drawn, zero if
// there is none. Nothing remembers which hours have been kept: a token that is
// older than the last one is due, whichever process meets it.
func (p policy) rotateAt(s store.State) time.Time {
	// An answer with the same token counts what is left in whole seconds, and so
	// moves the instant of its draw by up to one.
	drawn := s.ExpiresAt.Add(-s.Life).Add(time.Second)
	return p.Rotation.Next(drawn)
}

func (p policy) rotationDue(s store.State, now time.Time) bool {
	at := p.rotateAt(s)
	return !at.IsZero() && !at.After(now)
}

// unchangedWait is when to ask again after WeChat answered with the token that
// was stored already: it renews only within the last part of a token's life,
// and by its clock we came too early.
func (p policy) unchangedWait(remaining time.Duration) time.Duration {
	return min(max(p.Poll, p.Ahead/10), remaining/2)
}

// quotaProbe is between two tries of a used-up quota, whose reset hour is nowhere
// documented.
const quotaProbe = time.Hour

// waitAfter is how long the fleet waits after failure number n (1 is the
// first) of the given class, at the Redis time now, for a token that expires
// at expiry (zero: none known).
func (p policy) waitAfter(class credential.Class, n int, now, expiry time.Time) time.Duration {
	left, minute := expiry.Sub(now), 60*p.BackoffMin
	near := left.Abs() <= 2*p.BackoffMax
	switch {
	case class == credential.ClassQuota:
		return min(store.NextDay(now).Sub(now), quotaProbe)
	case mayPass(class) && (near || !p.Replaces):
		// To ask often is harmless, or worth its quota.
		return double(p.BackoffMin, max(p.BackoffMax/10, p.BackoffMin), n)
	case mayPass(class):
		return double(p.BackoffMin, p.BackoffMax, n)
	case near:
		n = 1
	}
	wait := double(minute, 2*p.BackoffMax, n)
	if left > 0 {
		// Readers have a token now, and with it a last try a minute before its end,
		// jitter included.
		wait = min(wait, max((left-minute)*5/6, minute))
	}
	return wait
}

// unknownWait is how long WeChat may process a mint of unknown outcome to the
// harm of the next one; none where asking again is harmless.
func (p policy) unknownWait(forced bool) time.Duration {
	if p.Replaces || forced {
		return p.Lease
	}
	return 0
}

// mayPass says that the next call may succeed within seconds: the failure passes
// by itself, or another host may be let in where this one is not.
func mayPass(class credential.Class) bool {
	switch class {
	case credential.ClassQuota, credential.ClassRate, credential.ClassConfig, credential.ClassAccount:
		return false
	}
	return true
}

// refusedWait is when to ask again after WeChat gave back the token that it
// refuses: at once for a forced refresh, then ever later, as those are few.
func (p policy) refusedWait(failures int) time.Duration {
	if failures <= 1 {
		return p.BackoffMin
	}
	return double(60*p.BackoffMin, 2*p.BackoffMax, failures-1)
}

// bar is how long this process alone waits after WeChat refused its address: it
// is not the account's fault, and another replica may be let in. Behind several
// exits the next call of this one may be as well, so the first refusal takes no more
// than a quarter of what readers have left, jitter included. Who is refused again
// leaves others their turn, as each failure makes all of them wait.
func (p policy) bar(failed *credential.Error, left time.Duration, again bool) time.Duration {
	if wait := failed.Wait(); wait > 0 {
		return wait
	}
	least := p.BackoffMin
	if again || left <= 0 {
		least = 60 * p.BackoffMin
	}
	if failed.Class == credential.ClassIP || failed.Class == credential.ClassAdmin {
		return max(min(2*p.BackoffMax, left/5), least)
	}
	return 0
}

func double(from, most time.Duration, n int) time.Duration {
	for ; n > 1; n-- {
		if from > most/2 {
			return most
		}
		from *= 2
	}
	return min(from, most)
}

// lengthen adds up to a fifth, by a jitter in [0,1), so that many processes do
// not return together. It never shortens a wait.
func lengthen(d time.Duration, jitter float64) time.Duration {
	return d + time.Duration(jitter*float64(d)/5)
}

// secretToBlame says that another AppSecret may cure a failure of this class.
func secretToBlame(class credential.Class) bool {
	return class == credential.ClassConfig || class == credential.ClassAccount
}
