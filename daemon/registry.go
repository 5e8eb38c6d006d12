package daemon

import (
	"container/heap"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
)

// entry is a credential's place in the registry.
type entry struct {
	*keeper.Keeper
	// What the keeper was made of.
	config config.Credential

	// When it is to be looked at, and whether somebody asked for a look before.
	lookAt time.Time
	asked  bool
	// It leaves, and next takes its place, nil if nobody does.
	leaving bool
	next    *entry

	// Whether the last look ended in a panic.
	broken atomic.Bool
	// Whether the last action took longer than patience.
	slow atomic.Bool
}

func (e *entry) key() string { return e.Spec().Keys.Value }

// becomes says that this place is, or will be, that of a keeper made of c.
func (e *entry) becomes(c config.Credential) bool {
	if e.leaving {
		e = e.next
	}
	return e != nil && e.config.Equal(c)
}

func (e *entry) leave(next *entry) {
	e.leaving, e.next = true, next
	e.Leave()
}

// registry holds the credentials by key, and when each is to be looked at.
type registry struct {
	poll time.Duration

	mu   sync.Mutex
	pace pace
	// In the order of the configuration, and then those that only leave. Callers
	// keep the slice: it is replaced, and never changed.
	entries []*entry
	byKey   map[string]*entry
	agenda  agenda
	// Those that somebody asked to look at.
	asked []*entry
	// Whether any entry leaves.
	leaving bool
}

func newRegistry(poll time.Duration) *registry {
	return &registry{poll: poll, pace: paceOf(0, poll), byKey: map[string]*entry{}}
}

// Changes counts what a new configuration does to the credentials.
type Changes struct{ Added, Changed, Removed int }

// missing lists those of wanted that no keeper is made of yet.
func (g *registry) missing(wanted []config.Credential) (all []config.Credential) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range wanted {
		if e := g.byKey[c.Key]; e == nil || !e.becomes(c) {
			all = append(all, c)
		}
	}
	return all
}

// apply makes these the credentials, each with a key of its own, with keepers made
// of those that are missing. One that is configured as before keeps its keeper and
// its looks. A changed one gets a new keeper, and a removed one goes, as soon as
// what is under way there has ended: depart says which have.
func (g *registry) apply(wanted []config.Credential, made map[string]*entry) (done Changes) {
	g.mu.Lock()
	defer g.mu.Unlock()
	entries, kept := make([]*entry, 0, len(wanted)), map[*entry]bool{}
	for _, c := range wanted {
		e, fresh := g.byKey[c.Key], made[c.Key]
		switch {
		case e == nil:
			e = fresh
			g.byKey[c.Key] = e
			done.Added++
		case fresh != nil:
			e.leave(fresh)
			g.leaving = true
			done.Changed++
		}
		entries, kept[e] = append(entries, e), true
	}
	for _, e := range g.entries {
		if !kept[e] {
			if !e.leaving || e.next != nil {
				done.Removed++
			}
			e.leave(nil)
			g.leaving = true
			entries = append(entries, e)
		}
	}
	g.pace = paceOf(len(wanted), g.poll)
	g.rearrange(entries)
	return done
}

// rearrange takes in another list of entries. Called with mu held.
func (g *registry) rearrange(entries []*entry) {
	g.entries, g.agenda = entries, slices.Clone(entries)
	heap.Init(&g.agenda)
}

// depart lets those go that have left, and puts in their places whoever was to
// follow. It calls gone of each before anybody can come back under its key.
func (g *registry) depart(gone func(*entry)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.leaving {
		return
	}
	g.leaving = false
	var stay []*entry
	for _, e := range g.entries {
		switch {
		case !e.leaving || !e.Left():
			stay = append(stay, e)
			g.leaving = g.leaving || e.leaving
			continue
		case e.next != nil:
			stay = append(stay, e.next)
			g.byKey[e.key()] = e.next
		default:
			delete(g.byKey, e.key())
		}
		gone(e)
	}
	g.asked = slices.DeleteFunc(g.asked, func(e *entry) bool { return g.byKey[e.key()] != e })
	g.rearrange(stay)
}

// all lists the credentials as they are configured.
func (g *registry) all() []*entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.entries
}

// find returns the credential of that key, nil if there is none.
func (g *registry) find(key string) *entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.byKey[key]
}

// rhythm is how often those are looked at that there are now.
func (g *registry) rhythm() pace {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace
}

// lookSoon asks for a look at one credential before its time. That time stays:
// a look more must not delay the next one.
func (g *registry) lookSoon(e *entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !e.asked && g.byKey[e.key()] == e {
		e.asked = true
		g.asked = append(g.asked, e)
	}
}

// take returns those that are to be looked at by now, at most that many, and
// sets when they will be again. more says that somebody asked for looks at others.
func (g *registry) take(now time.Time, most int) (taken []*entry, more bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(most, len(g.asked))
	taken = append(taken, g.asked[:n]...)
	g.asked = append(g.asked[:0], g.asked[n:]...)
	for _, e := range taken {
		e.asked = false
	}
	// Whoever's time comes within the next tick is looked at in this one or in that.
	next := now.Add(g.pace.round - min(g.pace.tick, g.pace.round/4))
	for len(taken) < most && len(g.agenda) > 0 && !g.agenda[0].lookAt.After(now) {
		e := g.agenda[0]
		e.lookAt = next
		heap.Fix(&g.agenda, 0)
		if !slices.Contains(taken[:n], e) {
			taken = append(taken, e)
		}
	}
	return taken, len(g.asked) > 0
}

// agenda is a heap of entries by the time of their next look.
type agenda []*entry

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].lookAt.Before(a[j].lookAt) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push and Pop complete heap.Interface. Nobody calls them: whoever changes the
// entries makes the agenda anew.
func (a *agenda) Push(any) {}
func (a *agenda) Pop() any { return nil }
