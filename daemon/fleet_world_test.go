package daemon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechatsim"
)

// fleet is a number of daemons with one key between a WeChat and a Redis that
// the test breaks. Whatever is random in it comes from the seed of its plan,
// and latencies give each event an instant of its own, so that a seed tells
// the same story again.
type fleet struct {
	*world
	plan    plan
	begin   time.Time
	members []*member
	server  *redisServer
	judge   *judge
	busy    sync.WaitGroup // faults that still have to end

	secretFile string

	mu      sync.Mutex
	dice    *rand.Rand // of the schedule
	traps   []trap
	lived   time.Duration
	struck  atomic.Int64 // faults that happened
	costly  atomic.Int64 // those of them that may cost a mint
	granted atomic.Int64 // answers of WeChat with a token
	harmed  sync.Map     // by name of the faults that happened, when the last such one ended
	rotated int          // AppSecrets so far

	storyMu sync.Mutex
	told    []string
}

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

// inFleet runs body beside a fleet whose daemons were just started.
func inFleet(t *testing.T, p plan, body func(f *fleet)) *fleet {
	t.Helper()
	var out *fleet
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(testSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	inWorldAt(t, fleetsWeChat(p.seed), p.api, p.life, func(w *world) {
		if p.limit > 0 {
			time.Sleep(time.Until(store.NextDay(time.Now())) - time.Hour) // a used-up day soon ends
		}
		f := &fleet{world: w, plan: p, begin: time.Now(), dice: rand.New(rand.NewPCG(p.seed, 0)), secretFile: secretFile}
		out = f
		f.config.Refresh.Poll = p.poll
		if p.verify > 0 {
			f.config.Refresh.VerifyEvery = p.verify
		}
		f.config.Credentials[0] = f.credential(p.api)
		f.withHouse(&f.config)
		f.judge = newJudge(f)
		f.server = newRedisServer(f)
		for i := range p.members {
			f.members = append(f.members, f.newMember(i))
		}
		for _, m := range f.members {
			f.launch(m.replica)
			time.Sleep(time.Microsecond) // at one instant the scheduler would throw the dice
		}
		reading, stop := context.WithCancel(w.Context())
		go f.readAndKeep(reading)
		body(f)
		stop()
		f.end()
	})
	return out
}

// fleetsWeChat is where fleets draw their tokens.
func fleetsWeChat(seed uint64) wechatsim.Options {
	return wechatsim.Options{
		Seed: seed, Apps: []wechatsim.App{{AppID: testAppID, Secret: testSecret}},
		Corps: []wechatsim.Corp{{CorpID: testCorp, Agents: []wechatsim.Agent{{AgentID: "1000002", Secret: corpSecret}}}},
	}
}

// credential is what all replicas of an endpoint have.
func (f *fleet) credential(api string) config.Credential {
	c := config.DefaultCredential(api, f.config.Refresh)
	c.AppID, c.SecretFile = testAppID, f.secretFile
	if f.plan.limit > 0 {
		c.DailyLimit = f.plan.limit
	}
	return c
}

// end heals the world, waits for what is under way and stops the fleet.
func (f *fleet) end() {
	f.lived = time.Since(f.begin)
	f.disarm()
	f.busy.Wait()
	for _, m := range f.members {
		m.resume()
		m.toRedis.Heal()
		m.toWeChat.Heal()
		m.kill()
	}
	time.Sleep(2 * time.Minute) // requests that are held, and readers that hold a token
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

// longestLease is the longest of all replicas'.
func (f *fleet) longestLease() time.Duration {
	lease := f.config.Refresh.Lease
	if f.plan.varied {
		lease += 10 * time.Second
	}
	return lease
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

// after runs do later; the fleet does not end before.
func (f *fleet) after(d time.Duration, do func()) {
	f.busy.Go(func() {
		time.Sleep(d)
		do()
	})
}

// did is when the last fault of this name ended, zero if none happened.
func (f *fleet) did(name string) time.Time {
	ended, _ := f.harmed.Load(name)
	at, _ := ended.(time.Time)
	return at
}

// tell writes down what happened, for the case that somebody asks how it came
// to this.
func (f *fleet) tell(format string, args ...any) {
	line := fmt.Sprintf("%s  %s", f.clock(), fmt.Sprintf(format, args...))
	f.storyMu.Lock()
	defer f.storyMu.Unlock()
	f.told = append(f.told, line)
}

func (f *fleet) clock() string {
	at := time.Since(f.begin)
	return fmt.Sprintf("%d:%02d:%06.3f", int(at.Hours()), int(at.Minutes())%60, (at % time.Minute).Seconds())
}

// ending is the last part of the story.
func (f *fleet) ending() string {
	f.storyMu.Lock()
	defer f.storyMu.Unlock()
	return strings.Join(f.told[max(0, len(f.told)-60):], "\n")
}

func (f *fleet) path() string {
	switch f.plan.api {
	case "classic":
		return wechatsim.PathToken
	case "stable":
		return wechatsim.PathStableToken
	}
	return ""
}

// readAndKeep keeps a token for up to a minute, as many readers do, and counts how
// often WeChat refuses it then.
func (f *fleet) readAndKeep(ctx context.Context) {
	dice := rand.New(rand.NewPCG(f.plan.seed, 1))
	for ctx.Err() == nil {
		time.Sleep(time.Duration(5+dice.IntN(20)) * time.Second)
		f.judge.remember(time.Duration(dice.Int64N(int64(time.Minute))))
	}
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
