package keeper

import "sync"

// Causes are what fails now in any keeper of a process. All share them, so that what
// many meet is told once and not for each credential.
type Causes struct {
	mu  sync.Mutex
	met map[string]int
}

// NewCauses returns none.
func NewCauses() *Causes { return &Causes{met: map[string]int{}} }

// add says whether nobody has met the cause before who still does.
func (c *Causes) add(cause string) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.met[cause]++
	return c.met[cause] == 1
}

func (c *Causes) remove(cause string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.met[cause]--; c.met[cause] == 0 {
		delete(c.met, cause)
	}
}

// failing is why something fails, and what people read about it.
type failing struct{ cause, message string }

// fails keeps that it does, by an operation's name or a *target, and says whether
// people are to be told. Called with mu held.
func (k *Keeper) fails(what any, f failing) (first bool) {
	if k.told.failing[what].cause != f.cause || !k.isFailing(what) {
		k.works(what)
		first = k.causes.add(f.cause)
	}
	k.told.failing[what] = f
	return first
}

// works takes it back. Called with mu held.
func (k *Keeper) works(what any) {
	if k.isFailing(what) {
		k.causes.remove(k.told.failing[what].cause)
		delete(k.told.failing, what)
	}
}

func (k *Keeper) isFailing(what any) bool {
	_, fails := k.told.failing[what]
	return fails
}
