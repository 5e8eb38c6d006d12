package tokenapi

import (
	"crypto/sha256"
	"maps"
	"net/netip"
	"sync"
	"time"
)

const (
	// burst is how many wrong tries an address has, and tryEvery when it gets one
	// back: nobody guesses a secret in one try a second, and an app whose secret is
	// wrong is still told so.
	burst    = 60
	tryEvery = time.Second
	// maxAddresses bounds the memory, to some megabytes. What does not fit shares
	// one allowance.
	maxAddresses = 4096
	// remembered is how long an address that showed a right secret may show it again
	// whatever others behind it do: a proxy has one address for all apps.
	remembered = time.Hour
	// maxSecrets is how many secrets are remembered of one address before old ones are forgotten.
	maxSecrets = 1000
)

// limiter bounds wrong tries by address.
type limiter struct {
	mu     sync.Mutex
	of     map[netip.Addr]*tries
	others tries
	// When idle addresses were last looked for.
	swept time.Time
}

// tries are those of one address.
type tries struct {
	// When all tries will have come back.
	full time.Time
	// Whether people were told since it was full.
	told bool
	// The right secrets that it showed, by their sum, and when it did so last.
	right map[[sha256.Size]byte]time.Time
}

func newLimiter() *limiter { return &limiter{of: map[netip.Addr]*tries{}} }

// judge takes in a try; right is the sum of the secret, nil of a wrong one. An
// address without a try left is not heard: it does not learn whether the secret
// was right, unless it showed that one before. last says that this was the last
// try, and that people are to be told.
func (l *limiter) judge(address netip.Addr, right *[sha256.Size]byte) (heard, last bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tries(address, now)
	if !t.full.After(now) {
		t.full, t.told = now, false
	}
	left := burst - int((t.full.Sub(now)+tryEvery-1)/tryEvery)
	known := right != nil && now.Sub(t.right[*right]) <= remembered
	switch {
	case left <= 0 && !known:
		return false, false
	case right != nil:
		t.remember(*right, now)
		return true, false
	}
	t.full = t.full.Add(tryEvery)
	last = left == 1 && !t.told
	t.told = t.told || last
	return true, last
}

func (t *tries) remember(sum [sha256.Size]byte, now time.Time) {
	if t.right == nil {
		t.right = map[[sha256.Size]byte]time.Time{}
	}
	if len(t.right) >= maxSecrets {
		t.forget(now)
	}
	t.right[sum] = now
}

func (t *tries) forget(now time.Time) {
	maps.DeleteFunc(t.right, func(_ [sha256.Size]byte, at time.Time) bool { return now.Sub(at) > remembered })
}

// tries finds those of an address. Called with mu held.
func (l *limiter) tries(address netip.Addr, now time.Time) *tries {
	if t := l.of[address]; t != nil {
		return t
	}
	if len(l.of) >= maxAddresses && now.Sub(l.swept) >= tryEvery {
		l.swept = now
		maps.DeleteFunc(l.of, func(_ netip.Addr, t *tries) bool { return t.idle(now) })
	}
	if len(l.of) >= maxAddresses {
		return &l.others
	}
	t := &tries{}
	l.of[address] = t
	return t
}

// idle says that there is nothing to remember.
func (t *tries) idle(now time.Time) bool {
	t.forget(now)
	return t.full.Before(now) && len(t.right) == 0
}

// hostOf is who asks.
func hostOf(remote string) netip.Addr {
	from, _ := netip.ParseAddrPort(remote)
	return from.Addr().Unmap().WithZone("")
}

// networkOf is what a host has for itself: with IPv6 a whole /64.
func networkOf(address netip.Addr) netip.Addr {
	if address.Is6() {
		prefix, _ := address.Prefix(64)
		return prefix.Addr()
	}
	return address
}
