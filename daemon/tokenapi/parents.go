package tokenapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"wxtokend/daemon/secret"
)

// overlap is how long the platform accepts a token after the next one was drawn.
const overlap = 5 * time.Minute

// parents are the tokens from which readable tickets come: whoever shows the
// current one, or the one before it for as long as the platform accepts that,
// gets the ticket, as he would at the platform.
type parents struct {
	mu sync.Mutex
	of map[string]*lineage
}

// lineage is what this process saw of a parent.
type lineage struct {
	account string
	current secret.Token
	until   time.Time
	sum     [sha256.Size]byte
	// The one before, and until when it counts.
	before      [sha256.Size]byte
	beforeUntil time.Time
}

func newParents() *parents { return &parents{of: map[string]*lineage{}} }

// keep forgets the parents of what nobody may read any more.
func (p *parents) keep(set *consumers) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := map[string]*lineage{}
	for _, ticket := range set.tickets {
		l := p.of[ticket.From]
		if l == nil || l.account != ticket.Account {
			l = &lineage{account: ticket.Account}
		}
		now[ticket.From] = l
	}
	p.of = now
}

// see takes in the current token of a key, if it is a parent. While the key
// becomes another account's, its token opens nothing of the one before.
func (p *parents) see(key string, t Token) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.of[key]
	if l == nil || l.account != t.Account {
		return
	}
	if l.current != t.Value {
		l.before, l.beforeUntil = l.sum, l.until
		if end := time.Now().Add(overlap); end.Before(l.until) {
			l.beforeUntil = end
		}
		if t.Forced {
			l.beforeUntil = time.Time{}
		}
		l.current, l.sum = t.Value, sha256.Sum256([]byte(t.Value.Reveal()))
	}
	l.until = t.Until
}

// shown says, 1 or 0, whether sum is that of a token of the key that counts. The
// time it takes does not depend on which one it is.
func (p *parents) shown(key string, sum [sha256.Size]byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, now := p.of[key], time.Now()
	if l == nil {
		return 0
	}
	return counts(sum, l.sum, l.until, now) | counts(sum, l.before, l.beforeUntil, now)
}

func counts(shown, sum [sha256.Size]byte, until, now time.Time) int {
	same := subtle.ConstantTimeCompare(shown[:], sum[:])
	if !now.Before(until) {
		return 0
	}
	return same
}
