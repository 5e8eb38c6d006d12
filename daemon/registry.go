package daemon

import (
	"container/heap"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxtokend/daemon/keeper"
)

const (
	// batch is how many credentials are looked at in one round trip, at most.
	batch = 128
	// looksPerSecond is what the looks of one process may cost Redis and itself.
	looksPerSecond = 5000
)

// pace is how often n credentials are looked at.
// A round is the time between two looks at one credential, at most, and a beat
// that between two batches.
type pace struct{ round, beat time.Duration }

// paceOf spreads the looks over the round, in batches that are not full, so
// that there is room for those that are late. Few credentials are one batch.
func paceOf(n int, poll time.Duration) pace {
	round := max(poll, time.Duration(n)*time.Second/looksPerSecond)
	if n <= batch {
		return pace{round, round}
	}
	return pace{round, round / time.Duration(max(8, n*3/2/batch))}
}

// spread is how much earlier than its ahead a credential among n becomes due,
// so that tokens drawn in the same second part with each refresh. It comes from
// the key alone, as all replicas must decide the same, and is nothing where
// there are few: a twentieth of the ahead at most, and for the stable endpoint
// at most half of what is left of the time in which it renews.
func spread(ahead, renewWindow time.Duration, key string, n int) time.Duration {
	if n <= batch {
		return 0
	}
	most := ahead / 20
	if renewWindow > 0 {
		most = min(most, max(0, renewWindow-ahead)/2)
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(key))
	return time.Duration(hash.Sum32()%1000) * most / 1000
}

// registered is a credential's place in the registry.
type registered struct {
	*keeper.Keeper
	// When it is to be looked at, and whether somebody asked for a look before.
	at   time.Time
	soon bool
	// Whether the last look had no answer of Redis; only the observer asks.
	failing bool
	// Whether the last look ended in a panic.
	broken atomic.Bool
	// Whether the last action took longer than patience.
	slow atomic.Bool
}

func (e *registered) key() string { return e.Spec().Keys.Value }

// registry holds the credentials by key, and when each is to be looked at.
type registry struct {
	pace

	mu sync.Mutex
	// In the order of the configuration.
	entries []*registered
	byKey   map[string]*registered
	agenda  agenda
	// Those that are to be looked at before they are due.
	urgent []*registered
}

func newRegistry(p pace) *registry { return &registry{pace: p, byKey: map[string]*registered{}} }

// add takes in a credential, to be looked at once.
func (g *registry) add(e *registered) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entries = append(g.entries, e)
	g.byKey[e.key()] = e
	heap.Push(&g.agenda, e)
}

// all lists the credentials as they are configured.
func (g *registry) all() []*registered {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.entries[:len(g.entries):len(g.entries)]
}

// find returns the credential of that key, nil if there is none.
func (g *registry) find(key string) *registered {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.byKey[key]
}

// hasten asks for a look at one credential before its time. That time stays:
// a look more must not delay the next one.
func (g *registry) hasten(e *registered) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !e.soon {
		e.soon = true
		g.urgent = append(g.urgent, e)
	}
}

// due takes those that are to be looked at by now, at most that many, and sets
// when they will be again. more says that it left some.
func (g *registry) due(now time.Time, most int) (taken []*registered, more bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(most, len(g.urgent))
	taken = append(taken, g.urgent[:n]...)
	g.urgent = append(g.urgent[:0], g.urgent[n:]...)
	for _, e := range taken {
		e.soon = false
	}
	// Whoever is due within the next beat is looked at in this one or in that.
	next := now.Add(g.round - min(g.beat, g.round/4))
	for len(taken) < most && len(g.agenda) > 0 && !g.agenda[0].at.After(now) {
		e := g.agenda[0]
		e.at = next
		heap.Fix(&g.agenda, 0)
		if !slices.Contains(taken[:n], e) {
			taken = append(taken, e)
		}
	}
	return taken, len(g.urgent) > 0
}

// agenda is a heap of entries by the time of their next look.
type agenda []*registered

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(e any)        { *a = append(*a, e.(*registered)) }

// Pop completes heap.Interface.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
