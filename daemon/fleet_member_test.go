package daemon

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/robfig/cron/v3"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/store"
)

// member is one daemon of a fleet on a host of its own.
type member struct {
	*replica
	fleet   *fleet
	name    string
	current atomic.Pointer[Daemon] // the newest of this host's daemons
	jumped  atomic.Bool            // this host's wall clock jumped back, cron has not noticed yet
	cursed  atomic.Bool            // its process panics at the next step
	// Nanoseconds for which its process stops between the last look at the deadline and the request.
	oversleep atomic.Int64

	mu      sync.Mutex
	gate    chan struct{} // open while the process is stopped
	waiting time.Duration // how many wait for that to end, in nanoseconds
	reborn  bool          // it is dead and will be started again
	own     begun         // the attempt that it began last
}

func (f *fleet) newMember(i int) *member {
	m := &member{replica: newReplica(fmt.Sprintf("10.0.1.%d", i+1)), fleet: f, name: fmt.Sprintf("d%d", i+1),
		gate: make(chan struct{})}
	close(m.gate)
	dice := func(stream uint64) func() float64 {
		d, mu := rand.New(rand.NewPCG(f.plan.seed, uint64(i)*10+stream)), &sync.Mutex{}
		return func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return d.Float64()
		}
	}
	latency := func(stream uint64, most time.Duration) func() time.Duration {
		draw := dice(stream)
		return func() time.Duration { return time.Duration(draw() * float64(most)) }
	}
	m.toRedis.Latency(latency(1, 3*time.Millisecond))
	m.toWeChat.Latency(latency(2, 200*time.Millisecond))
	m.jitter, m.passing, m.noting = dice(3), m.pass, f.judge.noting
	m.configure = func(c *config.Config) {
		if f.plan.api == both {
			targets := c.Credentials[0].Targets
			c.Credentials[0] = f.credential([]string{"classic", "stable"}[i%2])
			c.Credentials[0].Targets = targets
		}
		if f.plan.varied {
			c.Credentials[0].Lease = f.longestLease() - time.Duration(i)*10*time.Second
		}
		// Now and then a replica without a secret, or one with another format.
		if f.plan.mixed && i == len(f.members)-1 {
			c.Credentials[0].Mint, c.Credentials[0].SecretFile = false, ""
		}
		if f.plan.mixed && i == 0 {
			c.Credentials[0].Format = "raw"
		}
	}
	m.tamper = func(o *keeper.Options) {
		if o.Spec.Keys.Value != testKey {
			turn := time.Duration(len(o.Spec.Keys.Value)) * time.Microsecond
			o.Passing = func(keeper.Step, string) { time.Sleep(turn); m.stopped() }
			return
		}
		o.Kind = bystander{o.Kind, m, o.Spec.Lease}
	}
	m.prepare = func(d *Daemon) {
		d.heart.schedule = hostClock{every{d.heart.rhythm, m.jitter}, m}
		m.current.Store(d)
	}
	return m
}

// hostClock is cron's schedule on a host whose wall clock may jump: back by ten
// hours makes cron wait ten hours for what would have been next.
type hostClock struct {
	cron.Schedule
	m *member
}

func (h hostClock) Next(t time.Time) time.Time {
	if h.m.jumped.Swap(false) {
		return t.Add(10 * time.Hour)
	}
	return h.Schedule.Next(t)
}

// pass is where the member's processes come by before each step.
func (m *member) pass(s keeper.Step, attempt string) {
	if s == keeper.Beginning {
		m.begins(attempt)
	}
	if s == keeper.Mirroring {
		// It begins together with an action, and would go to Redis in the same instant.
		time.Sleep(time.Microsecond)
	}
	m.stopped()
	m.fleet.passed(m, s)
	m.stopped()
	if m.cursed.Swap(false) {
		panic("a fault of the test")
	}
}

// stopped returns when the process is not stopped, or not any more. Those who
// waited go on one after the other, as they came.
func (m *member) stopped() {
	m.mu.Lock()
	gate, place := m.gate, m.waiting
	select {
	case <-gate:
	default:
		m.waiting++
	}
	m.mu.Unlock()
	<-gate
	time.Sleep(place)
}

// pause stops the process at its next step, as SIGSTOP does; one that was told
// to end is left to that, or how long it takes would say nothing.
func (m *member) pause(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reborn {
		return
	}
	select {
	case <-m.gate:
		m.gate, m.waiting = make(chan struct{}), 0
		m.fleet.after(d, m.resume)
	default: // it is stopped already
	}
}

func (m *member) resume() {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.gate:
	default:
		close(m.gate)
	}
}

// die ends the process as SIGKILL does: nothing that it sends from now on
// arrives anywhere. Another one starts after down.
func (m *member) die(down time.Duration) {
	m.toRedis.Refuse(true)
	m.toWeChat.Refuse(true)
	m.replace(down)
}

// replace stops the process and starts another one after down.
func (m *member) replace(down time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reborn {
		return
	}
	m.reborn = true
	m.fleet.busy.Go(func() {
		m.resume()
		start, c := time.Now(), m.fleet.config
		m.kill()
		if took := time.Since(start); took > c.WeChat.Timeout+2*c.Redis.Timeout+time.Second {
			m.fleet.judge.accuse("%s took %v to stop", m.name, took)
		}
		time.Sleep(down)
		m.toRedis.Heal()
		m.toWeChat.Heal()
		m.fleet.launch(m.replica)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.reborn = false
	})
}

// begun is the attempt that a member has under way: when it was about to begin,
// and on which day by the clock of Redis.
type begun struct {
	attempt string
	at      time.Time
	day     int64
}

// begins notes an attempt, the first time that it is about to begin.
func (m *member) begins(attempt string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.own.attempt != attempt {
		m.own = begun{attempt, time.Now(), store.Day(time.Now().Add(m.fleet.server.skewed()))}
	}
}

func (m *member) begun() begun {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.own
}
