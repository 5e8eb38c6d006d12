package daemon

import (
	"fmt"
	"math/rand/v2"
	"time"

	"wxtokend/daemon/keeper"
)

// plan is all that a seed decides before the first event.
type plan struct {
	seed       uint64
	api        string
	members    int
	life, poll time.Duration
	length     time.Duration
	mixed      bool          // one replica never mints, another has its own format
	varied     bool          // replicas have leases of their own
	limit      int           // daily_limit, so low that it is met; 0: the default
	verify     time.Duration // verify_every; 0: the default
	targets    bool          // readers look at other places as well
	house      bool          // there are tickets, and a token of WeCom
}

// both is a fleet in the middle of a change from one endpoint to the other.
const both = "both"

// draw makes a plan from a seed.
func draw(seed uint64) plan {
	dice := rand.New(rand.NewPCG(seed, 99))
	pick := func(from ...time.Duration) time.Duration { return from[dice.IntN(len(from))] }
	p := plan{seed: seed, api: "stable", members: 3, length: 3 * time.Hour}
	if dice.IntN(2) == 0 {
		p.api = "classic"
	}
	p.members = 2 + dice.IntN(3)
	p.mixed = p.members > 2 && dice.IntN(3) == 0
	p.life = pick(shortLife, shortLife, shortLife, shortLife, shortLife, 2*time.Hour)
	p.poll = pick(2*time.Second, 5*time.Second, 5*time.Second, 10*time.Second, 10*time.Second)
	p.length = 9 * p.life
	p.varied = dice.IntN(3) == 0
	if dice.IntN(6) == 0 {
		p.api = both
	}
	if dice.IntN(10) == 0 {
		p.limit = 6 + dice.IntN(10)
	}
	if dice.IntN(2) == 0 {
		p.verify = time.Hour // so rarely that it heals nothing for the protocol
	}
	// Of a stream of its own, so that the rest of a plan stays what it was.
	more := rand.New(rand.NewPCG(seed, 98))
	p.targets, p.house = more.IntN(2) == 0, more.IntN(4) == 0 && p.life == shortLife
	return brief(p)
}

func (p plan) String() string {
	return fmt.Sprintf("seed %d: %s, %d daemons, tokens of %v, poll %v, verify %v, limit %d, %v, %v",
		p.seed, p.api, p.members,
		p.life, p.poll, p.verify, p.limit, p.length, p.more())
}

// trap is a fault that waits for somebody to come to a step.
type trap struct {
	step  keeper.Step
	fault fault
	// chained is the second fault: at a step as well, or some time after the first.
	chained []trap
	after   time.Duration
}

// traps are where a fault may strike: most of them on the path of a refresh.
func steps() []keeper.Step {
	return []keeper.Step{
		keeper.Observing, keeper.Beginning, keeper.Beginning, keeper.Drawing, keeper.Drawing, keeper.Drawing,
		keeper.Committing, keeper.Committing, keeper.Committing,
		keeper.Committed, keeper.Committed, keeper.Aborting, keeper.Verifying, keeper.Judging, keeper.Reasserting,
		keeper.Restoring,
	}
}

// arm sets two faults for the next refresh: single ones find only half of the holes.
func (f *fleet) arm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	steps := steps()
	if f.plan.targets {
		steps = append(steps, keeper.Mirroring, keeper.Mirroring)
	}
	first := trap{step: steps[f.dice.IntN(len(steps))], fault: f.drawFault()}
	second := trap{fault: f.drawFault()}
	if f.dice.IntN(2) == 0 {
		second.step = steps[f.dice.IntN(len(steps))]
	} else {
		second.after = time.Duration(f.dice.Int64N(int64(time.Minute)))
	}
	first.chained = []trap{second}
	f.traps = []trap{first}
}

// passed lets the traps act that wait for this step.
func (f *fleet) passed(m *member, s keeper.Step) {
	f.mu.Lock()
	var sprung *trap
	for i, t := range f.traps {
		if t.step == s {
			sprung = &t
			f.traps = append(f.traps[:i:i], f.traps[i+1:]...)
			break
		}
	}
	f.mu.Unlock()
	if sprung != nil {
		f.spring(m, *sprung, "before "+string(s))
	}
}

// spring carries out a fault on m and arms what is chained to it.
func (f *fleet) spring(m *member, t trap, when string) {
	f.mu.Lock()
	for _, next := range t.chained {
		if next.after == 0 {
			f.traps = append(f.traps, next)
			continue
		}
		f.after(next.after, func() {
			f.mu.Lock()
			victim := f.members[f.dice.IntN(len(f.members))]
			f.mu.Unlock()
			f.spring(victim, next, fmt.Sprintf("%v later", next.after.Round(time.Millisecond)))
		})
	}
	f.struck.Add(1)
	if !t.fault.free {
		f.costly.Add(1)
	}
	detail := f.strike(m, t.fault)
	f.tell("%s, %s: %s %s", m.name, when, t.fault.name, detail)
	f.mu.Unlock()
}

// armed says that a fault still waits for its step.
func (f *fleet) armed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.traps) > 0
}

func (f *fleet) disarm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.traps = nil
}
