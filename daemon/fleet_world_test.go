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

	"wxtokend/daemon/config"
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

// longestLease is the longest of all replicas'.
func (f *fleet) longestLease() time.Duration {
	lease := f.config.Refresh.Lease
	if f.plan.varied {
		lease += 10 * time.Second
	}
	return lease
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
