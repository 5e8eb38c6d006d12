package daemon

import (
	"sync"
	"sync/atomic"
	"time"

	"wxtokend/daemon/keeper"
)

// hanging is the errand of whom WeChat leaves waiting, or left so the last time.
// Those of a keeper begin at one.
const hanging keeper.Errand = 0

// places is how many actions with an errand run at a time: those that talk to
// WeChat for each of its hosts. A healthy WeChat answers within 0.1 s, so that
// ten thousand tokens are drawn within half a minute. Those who wait for one
// that hangs keep its lease and a socket, and are bounded for that alone.
func places(e keeper.Errand) int {
	return [...]int{hanging: 128, keeper.ToWrite: 16, keeper.ToDraw: 32, keeper.ToAsk: 8, keeper.ToRead: 16,
		keeper.ToFile: 16}[e]
}

// connections to Redis are enough for all who may talk to it at a time while one
// platform is asked, so that nobody's time runs out in a queue that looks like a
// slow Redis. Those who hang talk to WeChat.
func connections() int {
	return places(keeper.ToWrite) + places(keeper.ToDraw) + places(keeper.ToAsk) + 8
}

// patience is how long an action may take before it makes room for others. It
// goes on among those that hang, if there is a place.
const patience = time.Second

// lane is where actions wait for their turn, in the order in which they came.
// The host is one of WeChat, or "" where none is needed.
type lane struct {
	host   string
	errand keeper.Errand
}

// pool bounds how many actions run at a time. Those that wait are a few words
// each and no goroutine, and a lease begins only after the wait.
type pool struct {
	mu    sync.Mutex
	taken map[lane]int
	// Who has a place is not among the waiting.
	waiting map[lane][]func()
	closed  bool
	running sync.WaitGroup
}

func newPool() *pool { return &pool{taken: map[lane]int{}, waiting: map[lane][]func(){}} }

// submit runs action on a goroutine of its own as soon as there is a place.
// slow is what is remembered of this credential's last action: whether it
// took longer than patience.
func (p *pool) submit(l lane, slow *atomic.Bool, action func()) {
	if l.host != "" && slow.Load() {
		l.errand = hanging
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.waiting[l] = append(p.waiting[l], func() { p.run(l, slow, action) })
	p.admit(l)
}

// admit starts who is next, while there are places. Called with mu held.
func (p *pool) admit(l lane) {
	line := p.waiting[l]
	for len(line) > 0 && p.taken[l] < places(l.errand) {
		next := line[0]
		line[0], line = nil, line[1:]
		p.taken[l]++
		p.running.Go(next)
	}
	if len(line) == 0 {
		delete(p.waiting, l)
		return
	}
	p.waiting[l] = line
}

func (p *pool) run(l lane, slow *atomic.Bool, action func()) {
	place, began := l, time.Now()
	if aside := (lane{l.host, hanging}); l.host != "" && l != aside {
		timer := time.AfterFunc(patience, func() { p.move(&place, aside) })
		defer timer.Stop()
	}
	defer func() {
		slow.Store(time.Since(began) > patience)
		p.leave(&place)
	}()
	action()
}

// move gives a place to who waits for one, and takes one aside instead.
func (p *pool) move(place *lane, aside lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if left := *place == (lane{}); left || p.taken[aside] >= places(aside.errand) {
		return
	}
	from := *place
	*place = aside
	p.taken[aside]++
	p.taken[from]--
	p.admit(from)
}

func (p *pool) leave(place *lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := *place
	*place = lane{}
	p.taken[from]--
	p.admit(from)
}

// close forgets who waits, and waits for those that run.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	clear(p.waiting)
	p.mu.Unlock()
	p.running.Wait()
}
