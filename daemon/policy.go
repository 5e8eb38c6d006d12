package daemon

import (
	"time"

	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
)

// overlap is how long WeChat accepts a token after the next one was drawn.
const overlap = 5 * time.Minute

// policy is what a credential's configuration means for its decisions.
type policy struct {
	replaces bool // each draw ends the token before it; else asking again is harmless
	mint     bool // false: observe, restore and re-assert only
	limit    int  // calls to WeChat a day
	ahead    time.Duration
	poll     time.Duration
	lease    time.Duration

	backoffMin, backoffMax, verifyEvery time.Duration
}

// effectiveAhead is how long before its expiry a token becomes due. Half of
// its life at most: a token that came with little time left (the stable
// endpoint hands out what remains) must not be due at once for ever.
func (p policy) effectiveAhead(life time.Duration) time.Duration {
	return min(p.ahead, life/2)
}

// unchangedWait is when to ask again after WeChat answered with the token that
// was stored already: it rolls the token in its last five minutes, so our
// count of them was early.
func (p policy) unchangedWait(remaining time.Duration) time.Duration {
	return min(max(p.poll, p.ahead/10), remaining/2)
}

// Waits that WeChat itself names, and the longest one between two probes of a
// used-up quota, whose reset hour is nowhere documented.
const (
	refusedOnce  = time.Hour      // 89507: the administrator refused this address
	refusedTwice = 24 * time.Hour // 89506: twice
	quotaProbe   = time.Hour
)

// penalise decides how long the fleet waits after failure number n (1 is the
// first) of the given class, at the Redis time now, for a token that expires
// at expiry (zero: none known).
func (p policy) penalise(class wechat.Class, n int, now, expiry time.Time) time.Duration {
	near := now.Sub(expiry).Abs() <= 2*p.backoffMax
	switch {
	case class == wechat.ClassQuota:
		return min(store.NextDay(now).Sub(now), quotaProbe)
	case mayPass(class) && (near || !p.replaces):
		// To ask often is harmless, or worth its quota.
		return double(p.backoffMin, max(p.backoffMax/10, p.backoffMin), n)
	case mayPass(class):
		return double(p.backoffMin, p.backoffMax, n)
	case near:
		n = 1
	}
	return double(60*p.backoffMin, 2*p.backoffMax, n)
}

// unknownWait is how long WeChat may process a mint of unknown outcome to the
// harm of the next one; none where asking again is harmless.
func (p policy) unknownWait(forced bool) time.Duration {
	if p.replaces || forced {
		return p.lease
	}
	return 0
}

// mayPass says that the next call may succeed within seconds: the failure passes
// by itself, or another host may be let in where this one is not.
func mayPass(class wechat.Class) bool {
	switch class {
	case wechat.ClassQuota, wechat.ClassRate, wechat.ClassConfig, wechat.ClassAccount:
		return false
	}
	return true
}

// refusedWait is when to ask again after WeChat gave back the token that it
// refuses: at once for a forced refresh, then ever later, as those are few.
func (p policy) refusedWait(failures int) time.Duration {
	if failures <= 1 {
		return p.backoffMin
	}
	return double(60*p.backoffMin, 2*p.backoffMax, failures-1)
}

// bar is how long this process alone waits after WeChat refused its address: it
// is not the account's fault, and another replica may be let in. Behind several
// exits the next call of this one may be as well, so readers never wait for
// more than a quarter of what their token has left.
func (p policy) bar(class wechat.Class, code int, left time.Duration) time.Duration {
	switch {
	case code == 89507:
		return refusedOnce
	case code == 89506:
		return refusedTwice
	case class == wechat.ClassIP, class == wechat.ClassAdmin:
		return max(min(2*p.backoffMax, left/4), 60*p.backoffMin)
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
func secretToBlame(class wechat.Class) bool {
	return class == wechat.ClassConfig || class == wechat.ClassAccount
}
