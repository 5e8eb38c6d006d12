package daemon

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"wxtokend/daemon/config"
)

// sound checks that the parts of a registry say the same.
func (g *registry) sound(t *testing.T) {
	t.Helper()
	listed := map[*entry]bool{}
	for _, e := range g.entries {
		if listed[e] || g.byKey[e.key()] != e {
			t.Fatalf("%s is listed twice, or another one has its key", e.key())
		}
		listed[e] = true
	}
	if len(g.byKey) != len(g.entries) || len(g.agenda) != len(g.entries) {
		t.Fatalf("%d entries, %d keys, %d on the agenda", len(g.entries), len(g.byKey), len(g.agenda))
	}
	for i, e := range g.agenda {
		if !listed[e] || i > 0 && e.lookAt.Before(g.agenda[(i-1)/2].lookAt) {
			t.Fatalf("%s is no entry, or stands at the wrong place of the agenda", e.key())
		}
	}
	for _, e := range g.asked {
		if !listed[e] || !e.asked {
			t.Fatalf("%s is asked for, and is no entry or does not know it", e.key())
		}
	}
}

// left lists who departs now.
func (g *registry) left() (all []*entry) {
	g.depart(func(e *entry) { all = append(all, e) })
	return all
}

func (g *registry) mustApply(t *testing.T, wanted []config.Credential) Changes {
	t.Helper()
	done := g.set(wanted)
	g.sound(t)
	return done
}

// TestApplyDisturbsNobody: of a thousand one is changed, one goes and one comes.
// All others keep their keepers, and the times of their looks.
func TestApplyDisturbsNobody(t *testing.T) {
	g, start := enrolled(1000), time.Now()
	wanted := keys(0, 1001)
	wanted[7].Ahead = time.Minute
	gone, changed := wanted[3].Key, wanted[7].Key
	wanted = slices.Delete(wanted, 3, 4)
	before, last := map[string]*entry{}, map[*entry]time.Time{}
	for _, e := range g.all() {
		before[e.key()] = e
	}
	for i := range 100 {
		now := start.Add(time.Duration(i) * g.pace.tick)
		if i == 35 {
			planned := map[*entry]time.Time{}
			for _, e := range g.all() {
				planned[e] = e.lookAt
			}
			if done := g.mustApply(t, wanted); done != (Changes{1, 1, 1}) {
				t.Errorf("apply says %+v", done)
			}
			if left := g.left(); len(left) != 2 || left[0].key() != changed || left[1].key() != gone {
				t.Errorf("%d left", len(left))
			}
			for _, e := range g.all() {
				if at, known := planned[e]; known && e.lookAt != at {
					t.Errorf("the look at %s moved by %v", e.key(), e.lookAt.Sub(at))
				}
			}
		}
		g.sound(t)
		taken, _ := g.take(now, batch)
		for _, e := range taken {
			if before, seen := last[e]; seen && now.Sub(before) > g.pace.round+g.pace.tick {
				t.Errorf("tick %d: looked at %s after %v", i, e.key(), now.Sub(before))
			}
			last[e] = now
		}
	}
	for i, e := range g.all() {
		if e.key() != wanted[i].Key || !e.config.Equal(wanted[i]) {
			t.Fatalf("place %d has %s, want %s", i, e.key(), wanted[i].Key)
		}
		if same := before[e.key()] == e; same != (e.key() != changed && e.key() != "key1000") {
			t.Errorf("%s has its old keeper: %v", e.key(), same)
		}
	}
	if g.find(gone) != nil {
		t.Errorf("%s is still there", gone)
	}
}

// TestApplyAgain: whoever leaves is followed by what was wanted last.
func TestApplyAgain(t *testing.T) {
	with := func(ahead time.Duration) []config.Credential {
		return []config.Credential{{Key: "key0", Ahead: ahead}}
	}
	g := enrolled(1)
	first := g.find("key0")
	for i, step := range []struct {
		wanted []config.Credential
		want   Changes
		next   time.Duration // of who follows, -1 for nobody
	}{
		{with(1), Changes{Changed: 1}, 1},
		{with(1), Changes{}, 1},
		{with(2), Changes{Changed: 1}, 2},
		{nil, Changes{Removed: 1}, -1},
		{nil, Changes{}, -1},
		{with(0), Changes{Changed: 1}, 0},
	} {
		if done := g.mustApply(t, step.wanted); done != step.want {
			t.Errorf("step %d: %+v, want %+v", i, done, step.want)
		}
		if g.find("key0") != first || (first.next == nil) != (step.next < 0) || first.next != nil &&
			first.next.config.Ahead != step.next {
			t.Errorf("step %d: %+v follows", i, first.next)
		}
	}
	if left := g.left(); len(left) != 1 || g.find("key0") == first || g.find("key0") == nil {
		t.Errorf("%d left", len(left))
	}
	g.sound(t)
}

// TestApplyPace: the pace is that of those that there are now.
func TestApplyPace(t *testing.T) {
	g := enrolled(1)
	for _, n := range []int{20_000, 300, 2} {
		g.mustApply(t, keys(0, n))
		if g.rhythm() != paceOf(n, heartPoll) {
			t.Errorf("%d credentials: pace %v", n, g.rhythm())
		}
	}
}

// TestApplyAtRandom: whatever comes and goes, everybody is looked at once a round.
func TestApplyAtRandom(t *testing.T) {
	dice, now := rand.New(rand.NewPCG(1, 2)), time.Now()
	g, seen := enrolled(200), map[string]time.Time{}
	for range 3000 {
		if dice.IntN(20) == 0 {
			wanted := keys(0, 150+dice.IntN(100))
			dice.Shuffle(len(wanted), func(i, j int) { wanted[i], wanted[j] = wanted[j], wanted[i] })
			for i := range wanted {
				wanted[i].Ahead = time.Duration(dice.IntN(20) / 19)
			}
			g.mustApply(t, wanted[:len(wanted)-dice.IntN(20)])
			// Every other time nobody has left before the next change.
			if dice.IntN(2) == 0 {
				for _, e := range g.left() {
					delete(seen, e.key())
				}
			}
		}
		if all := g.all(); dice.IntN(10) == 0 {
			g.lookSoon(all[dice.IntN(len(all))])
		}
		g.sound(t)
		now = now.Add(g.pace.tick)
		taken, _ := g.take(now, batch)
		for _, e := range taken {
			seen[e.key()] = now
		}
		for _, e := range g.all() {
			if last, known := seen[e.key()]; !known {
				seen[e.key()] = now
			} else if now.Sub(last) > g.pace.round+g.pace.tick {
				t.Fatalf("%s was not looked at for %v", e.key(), now.Sub(last))
			}
		}
	}
}

// TestLookSoonAtWhoLeft: somebody still holds what has gone.
func TestLookSoonAtWhoLeft(t *testing.T) {
	for _, before := range []bool{true, false} {
		g := enrolled(2)
		gone := g.find("key1")
		if before {
			g.lookSoon(gone)
		}
		g.mustApply(t, keys(0, 1))
		g.left()
		g.lookSoon(gone)
		g.sound(t)
		if taken, _ := g.take(time.Now(), batch); len(taken) != 1 || taken[0] == gone {
			t.Errorf("asked before %v: %d are looked at", before, len(taken))
		}
	}
}
