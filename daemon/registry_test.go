package daemon

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/store"
)

// enrolled is a registry of n credentials that are looked at every two seconds.
func enrolled(n int) *registry {
	g := newRegistry(heartPoll)
	g.set(keys(0, n))
	return g
}

// keys are credentials from number first on, up to but not including last.
func keys(first, last int) (all []config.Credential) {
	for i := first; i < last; i++ {
		all = append(all, config.Credential{Key: fmt.Sprintf("key%d", i)})
	}
	return all
}

// set applies wanted with keepers that do nothing.
func (g *registry) set(wanted []config.Credential) Changes {
	made := map[string]*entry{}
	for _, c := range g.missing(wanted) {
		spec := credential.Spec{Slot: store.Slot{Keys: store.Keys{Value: c.Key}}}
		made[c.Key] = &entry{config: c, Keeper: keeper.New(keeper.Options{Spec: spec, Log: slog.New(slog.DiscardHandler)})}
	}
	return g.apply(wanted, made)
}

// TestPace: each is looked at once a poll at least, or five thousand a second
// if they are more than that allows.
func TestPace(t *testing.T) {
	for _, n := range []int{1, 2, batch, batch + 1, 500, 1000, 10_000, 20_000, 100_000} {
		g, start := enrolled(n), time.Now()
		round := max(heartPoll, time.Duration(n)*time.Second/5000)
		last, most := map[*entry]time.Time{}, 0
		for now := start; now.Sub(start) < 4*round; now = now.Add(g.pace.tick) {
			taken, _ := g.take(now, batch)
			most = max(most, len(taken))
			for _, e := range taken {
				if before, seen := last[e]; seen && now.Sub(before) > round || !seen && now.Sub(start) > round {
					t.Fatalf("%d credentials: looked at after %v, want %v at most", n, now.Sub(before), round)
				}
				last[e] = now
			}
		}
		if len(last) != n || most > batch {
			t.Errorf("%d credentials: %d were looked at, up to %d at a time", n, len(last), most)
		}
	}
}

// TestPaceIsKept: after the start looks are spread, and no more than needed.
func TestPaceIsKept(t *testing.T) {
	const n = 10_000
	g, now := enrolled(n), time.Now()
	looks, most := 0, 0
	for ticks := int(time.Minute / g.pace.tick); ticks > 0; ticks-- {
		taken, _ := g.take(now, batch)
		looks, most = looks+len(taken), max(most, len(taken))
		now = now.Add(g.pace.tick)
	}
	if rate := looks / 60; rate < n/2 || rate > n/2*11/10 {
		t.Errorf("%d looks a second, want %d", rate, n/2)
	}
}

// TestLookSoon: a look at one is no look at the others, and does not put off its next one.
func TestLookSoon(t *testing.T) {
	g, now := enrolled(3), time.Now()
	if taken, _ := g.take(now, batch); len(taken) != 3 {
		t.Fatalf("%d of 3 are looked at, at the start", len(taken))
	}
	one := g.find("key1")
	g.lookSoon(one)
	g.lookSoon(one)
	if taken, more := g.take(now.Add(time.Second), batch); len(taken) != 1 || taken[0] != one || more {
		t.Errorf("%d are looked at for one, more %v", len(taken), more)
	}
	if taken, _ := g.take(now.Add(time.Second), batch); len(taken) != 0 {
		t.Errorf("%d are looked at once more", len(taken))
	}
	g.lookSoon(one)
	if taken, _ := g.take(now.Add(heartPoll), batch); len(taken) != 3 {
		t.Errorf("%d of 3 are looked at after a poll", len(taken))
	}
}

// TestLookSoonMany: more than a batch are told to be so.
func TestLookSoonMany(t *testing.T) {
	g, now := enrolled(3*batch), time.Now()
	for _, e := range g.all() {
		g.lookSoon(e)
	}
	looked := map[*entry]bool{}
	for i, want := range []bool{true, true, false} {
		taken, more := g.take(now, batch)
		if len(taken) != batch || more != want {
			t.Errorf("batch %d has %d, more %v", i, len(taken), more)
		}
		for _, e := range taken {
			looked[e] = true
		}
	}
	if len(looked) != 3*batch {
		t.Errorf("%d of %d were looked at", len(looked), 3*batch)
	}
}

// TestSpread: where there are many they come due apart, never later than
// configured, and never before the stable endpoint renews.
func TestSpread(t *testing.T) {
	renewWindow := map[bool]time.Duration{true: 5 * time.Minute}
	cases := []struct {
		ahead       time.Duration
		stable      bool
		n           int
		least, most time.Duration // of the largest one
	}{
		{270 * time.Second, true, 10_000, 13 * time.Second, 13500 * time.Millisecond},
		{30 * time.Minute, false, 10_000, 89 * time.Second, 90 * time.Second},
		{298 * time.Second, true, 10_000, 900 * time.Millisecond, time.Second},
		{10 * time.Minute, true, 10_000, 0, 0},
		{270 * time.Second, true, batch, 0, 0},
	}
	for _, c := range cases {
		widest, seconds := time.Duration(0), map[time.Duration]int{}
		for i := range 10_000 {
			key := fmt.Sprintf("wx:%05d", i)
			d := spread(c.ahead, renewWindow[c.stable], key, c.n)
			if again := spread(c.ahead, renewWindow[c.stable], key, c.n); d < 0 || d != again {
				t.Fatalf("%v of %d: %s is spread by %v and by %v", c.ahead, c.n, key, d, again)
			}
			widest = max(widest, d)
			seconds[d.Truncate(time.Second)]++
		}
		if widest < c.least || widest > c.most {
			t.Errorf("%v of %d: spread by up to %v, want %v to %v", c.ahead, c.n, widest, c.least, c.most)
		}
		if fair := 10_000 / (int(widest.Seconds()) + 1); seconds[0] > 2*fair {
			t.Errorf("%v of %d: %d come due within one second", c.ahead, c.n, seconds[0])
		}
	}
}
