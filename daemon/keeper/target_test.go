package keeper

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

const (
	targetKey = "shop:wx:token"
	newest    = secret.Token("98_newest")
)

// withTarget is inWorld with a token, and a target in Redis that was written once.
func withTarget(t *testing.T, test func(w *world)) {
	t.Helper()
	inWorld(t, func(w *world) {
		w.aim(layout.Target{Key: targetKey, Format: layout.Raw}, 0)
		w.mint()
		w.observed(ToWrite)
		w.run()
		check(w, "the target", w.target(), "98_new")
		w.observed()
		test(w)
	})
}

// aim gives the keeper one target.
func (w *world) aim(t layout.Target, mode fs.FileMode) {
	w.Helper()
	mirrors, err := t.Mirrors(layout.Subject{Credential: "WXAccessToken", Kind: credential.OfficialAccount,
		Account: testAppID})
	if err != nil {
		w.Fatal(err)
	}
	w.targets = newTargets([]credential.Target{{Mirror: mirrors[0], Mode: mode}})
}

func (w *world) target() string {
	text, _ := w.mini.Get(targetKey)
	return text
}

// look is what the observer gives the keeper.
func (w *world) looked() store.Result {
	w.Helper()
	r := w.store.Observe(w.Context(), w.Slot())
	if r.Err != nil {
		w.Fatal(r.Err)
	}
	return r
}

// minted is a refresh of another replica.
func (w *world) minted(token secret.Token) {
	w.Helper()
	time.Sleep(time.Second)
	o := w.observe()
	b, err := w.store.Begin(w.Context(), w.policy.Slot, o, store.Begin{Attempt: "b1", Day: store.Day(o.Now)})
	if err != nil || b.Status != store.Begun {
		w.Fatal(b, err)
	}
	status, _, err := w.store.Commit(w.Context(), w.policy.Slot,
		store.Commit{Attempt: "b1", Token: token, ExpiresIn: 2 * time.Hour, T0: b.T0, Order: b.Order})
	if err != nil || status != store.Committed {
		w.Fatal(status, err)
	}
}

// TestTargetOfNobodysToken: readers of a target get no token that those of the
// key do not get: T1.
func TestTargetOfNobodysToken(t *testing.T) {
	for name, spoil := range map[string]func(w *world){
		"the key is gone":             func(w *world) { w.mini.Del(w.policy.Keys.Value) },
		"the key has somebody else's": func(w *world) { _ = w.mini.Set(w.policy.Keys.Value, strings.Repeat("x", 40)) },
		"the token is refused": func(w *world) {
			w.mini.HSet(w.policy.Keys.State, "refused", secret.Token("98_new").Fingerprint())
		},
		"a newer version keeps it": func(w *world) { w.mini.HSet(w.policy.Keys.State, "schema", "99") },
		"Redis has lost a newer token": func(w *world) {
			time.Sleep(2 * time.Second)
			now := w.observe().Now
			w.memory.fill(store.State{Token: newest, ExpiresAt: now.Add(time.Hour), MintedAt: now}, now, time.Now())
		},
		"this keeper leaves": func(w *world) {
			w.Take(w.looked(), w.spawn)
			w.Leave()
		},
	} {
		t.Run(name, func(t *testing.T) {
			withTarget(t, func(w *world) {
				w.mini.Del(targetKey)
				spoil(w)
				if !w.leaving {
					w.Take(w.looked(), w.spawn)
				}
				check(w, "to write", w.toMirror(), 0)
				w.mirror(w.Context(), ToWrite)
				check(w, "the target", w.target(), "")
			})
		})
	}
}

// TestNewerTokenStays: an older token never overwrites a newer one, wherever the
// process sleeps between the look and the write: M1, M2.
func TestNewerTokenStays(t *testing.T) {
	for name, sleep := range map[string]func(w *world, refresh func()){
		"before its turn comes": func(w *world, refresh func()) { refresh() },
		"after that":            func(w *world, refresh func()) { w.passing = func(s Step, _ string) { refresh() } },
	} {
		for place, put := range map[string]func(w *world){
			"and it is there":            func(w *world) { _ = w.mini.Set(targetKey, newest.Reveal()) },
			"and it came and went again": func(w *world) { time.Sleep(w.policy.Lease + time.Second) },
		} {
			t.Run(name+" "+place, func(t *testing.T) {
				withTarget(t, func(w *world) {
					w.mini.Del(targetKey)
					w.observed(ToWrite)
					sleep(w, func() {
						w.passing = func(Step, string) {}
						w.minted(newest)
						put(w)
					})
					before := w.target()
					w.run()
					if got := w.target(); got == "98_new" {
						t.Errorf("%q, then %q", before, got)
					}
					w.observed(w.errands...)
					w.run()
				})
			})
		}
	}
}

// TestNewestTokenIsWritten: a token that came after the look is written with the next one.
func TestNewestTokenIsWritten(t *testing.T) {
	withTarget(t, func(w *world) {
		w.mini.Del(targetKey)
		w.observed(ToWrite)
		w.minted(newest)
		w.run()
		w.observed(ToWrite)
		w.run()
		check(w, "the target", w.target(), newest.Reveal())
	})
}

// TestTargetThatFails is said once, is no matter of the key, and is over when it is.
func TestTargetThatFails(t *testing.T) {
	withTarget(t, func(w *world) {
		w.aim(layout.Target{Key: targetKey, Format: layout.Raw}, 0)
		second := *w.targets.keys[0]
		w.targets.keys = append(w.targets.keys, &second)
		refuse := func() {
			r := w.looked()
			for i := range r.Mirrors {
				r.Mirrors[i] = store.Glance{Err: noperm{}}
			}
			w.errands, w.actions = nil, nil
			w.Take(r, w.spawn)
		}
		for range 3 {
			refuse()
			check(w, "to do", len(w.errands), 0)
		}
		check(w, "said", w.said("could not look at the target"), 1)
		check(w, "the cure", w.said("~"+targetKey+" ~WXAccessToken "), 1)
		check(w, "failing", w.counted("wxtokend_targets_failing", ""), 2)
		check(w, "state", w.Brief().Ready, true)
		check(w, "notes", len(w.Status().Notes), 2)
		w.mini.Del(targetKey)
		w.observed(ToWrite)
		w.run()
		w.observed()
		check(w, "failing", w.counted("wxtokend_targets_failing", ""), 0)
		check(w, "notes", len(w.Status().Notes), 0)
		refuse()
		check(w, "said again", w.said("could not look at the target"), 2)
		// Who only watches leaves it to others, and repairs the key all the same.
		w.targets.each(func(t *target) { w.works(t) })
		w.policy.Mint = false
		refuse()
		check(w, "said", w.said("could not look at the target"), 2)
		check(w, "read only", w.readOnly, false)
		w.mini.Del(targetKey)
		w.observed()
	})
}

type noperm struct{}

func (noperm) Error() string {
	return "NOPERM No permissions to access a key"
}
func (noperm) RedisError() {}

// must fails on an error.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
