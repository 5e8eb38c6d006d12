package keeper

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
)

// world is a keeper with a Redis and a platform, both of which can fail.
type world struct {
	*bench
	mini     *miniredis.Miniredis
	client   redis.UniversalClient
	platform *scripted
	before   func() // runs before the next script
}

// scripts lets a test act between a look and the script that follows it.
type scripts struct{ w *world }

func (scripts) DialHook(next redis.DialHook) redis.DialHook { return next }
func (scripts) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (h scripts) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if do := h.w.before; do != nil {
			h.w.before = nil
			do()
		}
		return next(ctx, cmd)
	}
}

// inWorld runs test in a bubble, with an empty Redis.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	onBench(t, func(b *bench) {
		w := &world{bench: b, mini: miniredis.NewMiniRedis(), platform: &scripted{}}
		w.mini.ClockTTL(true)
		b.Cleanup(w.mini.Close)
		client, err := store.Connect(store.Options{
			URL: "redis://127.0.0.1:6379", Timeout: time.Second,
			Dial: func(context.Context, string, string) (net.Conn, error) { return w.mini.Dial() },
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Cleanup(func() { _ = client.Close() })
		client.AddHook(scripts{w})
		w.client, w.store, w.kind = client, store.New(client, time.Second, layout.Decode), w.platform
		w.herald = NewHerald(w.store, w.Keeper.log)
		w.policy.Issuer = "api.weixin.qq.com"
		w.policy.Encode = layout.Target{Format: layout.JSON, UTCOffset: "+0800"}.Encode
		test(w)
	})
}

func (w *world) observe() store.Observation {
	w.Helper()
	r := w.store.Observe(w.Context(), w.policy.Slot)
	if r.Err != nil {
		w.Fatal(r.Err)
	}
	return r.Observation
}

// observed takes in what Redis holds, and says what that calls for.
func (w *world) observed(want ...Errand) {
	w.Helper()
	w.errands, w.actions = nil, nil
	w.Take(w.store.Observe(w.Context(), w.Slot()), w.spawn)
	if !slices.Equal(w.errands, want) {
		w.Errorf("errands %v, want %v", w.errands, want)
	}
}

// run carries out what the last look called for.
func (w *world) run() {
	for _, action := range w.actions {
		action(w.Context())
	}
}

// mint is an undisturbed refresh.
func (w *world) mint() {
	w.Helper()
	w.observed(ToDraw)
	w.run()
	check(w, "token", w.observe().Value.Token, "98_new")
}

// TestMintedIsRemembered: what readers get can be put back at once.
func TestMintedIsRemembered(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mint()
		check(w, "calls", w.platform.calls, 1)
		check(w, "looks asked for", w.soon, 1)
		w.mini.FlushAll()
		w.observed(ToWrite)
		w.run()
		check(w, "token", w.observe().Value.Token, "98_new")
		check(w, "calls", w.platform.calls, 1)
	})
}

// TestLateBeginDrawsNothing: somebody else began after the look.
func TestLateBeginDrawsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.observed(ToDraw)
		o := w.observe()
		if _, err := w.store.Begin(w.Context(), w.policy.Slot, o,
			store.Begin{Attempt: "b1", Wait: time.Second, Day: store.Day(o.Now)}); err != nil {
			t.Fatal(err)
		}
		w.run()
		check(w, "calls", w.platform.calls, 0)
		check(w, "in flight", w.own != nil, false)
	})
}

// TestRefusedBeginIsOver: Redis itself said that nothing was written.
func TestRefusedBeginIsOver(t *testing.T) {
	inWorld(t, func(w *world) {
		w.observed(ToDraw)
		w.mini.SetError("OOM command not allowed")
		w.run()
		check(w, "calls", w.platform.calls, 0)
		check(w, "in flight", w.own != nil, false)
	})
}

// TestTokenIsKeptUntilItIsStored: it exists nowhere else.
func TestTokenIsKeptUntilItIsStored(t *testing.T) {
	inWorld(t, func(w *world) {
		w.observed(ToDraw)
		w.platform.during = func() { w.mini.SetError("LOADING") }
		w.run()
		w.mini.SetError("")
		check(w, "token", w.observe().Value.Token, "")
		w.observed(ToWrite)
		w.run()
		check(w, "token", w.observe().Value.Token, "98_new")
		check(w, "calls", w.platform.calls, 1)
	})
}

// TestCallEndsWithItsLease, with the time in hand that the commit takes.
func TestCallEndsWithItsLease(t *testing.T) {
	inWorld(t, func(w *world) {
		w.policy.Lease = 5 * time.Second
		w.mint()
		check(w, "time for the call", w.platform.left, 3*time.Second)
	})
}

// TestVerify: one replica asks, and no answer is no verdict.
func TestVerify(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mint()
		time.Sleep(w.policy.VerifyEvery)
		w.platform.err = &credential.Error{Class: credential.ClassTransport}
		w.observed(ToAsk)
		late := w.seen.look
		w.run()
		check(w, "questions", w.platform.checks, 1)
		check(w, "suspected", w.observe().State.SuspectAt.IsZero(), true)
		w.verify(w.Context(), late)
		check(w, "questions, of another replica as well", w.platform.checks, 1)
	})
}

// TestOwnLostMintAccusesNobody: the warning names what may have replaced the token.
func TestOwnLostMintAccusesNobody(t *testing.T) {
	for _, lost := range []bool{false, true} {
		inWorld(t, func(w *world) {
			w.mint()
			w.platform.err = &credential.Error{Op: "verify token", Class: credential.ClassUnknown, Code: 40001}
			for range 2 {
				v := look{Observation: w.observe()}
				if lost {
					v.State.Generation++
				}
				w.verify(w.Context(), v)
				time.Sleep(w.policy.Poll)
			}
			check(w, "a mint of our own", w.said("a mint of our own whose answer was lost"), map[bool]int{true: 1}[lost])
			check(w, "somebody else", w.said("somebody else drew one"), map[bool]int{false: 1}[lost])
		})
	}
}

// TestWishForAForcedRefresh takes two, and says when it was not taken.
func TestWishForAForcedRefresh(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mint()
		status, _, err := w.Wish(w.Context(), Wish{Force: true})
		check(w, "status", status, store.Accepted)
		check(w, "error", err, nil)
		check(w, "forced refreshes", w.observe().State.Force, 2)
		w.before = func() { w.mini.HSet(w.policy.Keys.State, "schema", "99") }
		status, says, _ := w.Wish(w.Context(), Wish{Force: true})
		check(w, "status", status, store.Changed)
		check(w, "answer", says, notOurs)
	})
}

// TestLoggedWait: the next attempt waits for an unknown outcome, unless readers
// have no token.
func TestLoggedWait(t *testing.T) {
	for _, urgent := range []bool{false, true} {
		inWorld(t, func(w *world) {
			w.policy.Replaces = true
			w.platform.err = &credential.Error{Class: credential.ClassTransport, Issued: credential.MaybeIssued}
			if !urgent {
				w.platform.err = nil
				w.mint()
				w.platform.err = &credential.Error{Class: credential.ClassTransport, Issued: credential.MaybeIssued}
				time.Sleep(2*time.Hour - w.policy.Ahead)
			}
			w.observed(ToDraw)
			began := time.Now()
			w.run()
			wait := w.policy.Lease
			if urgent {
				wait = w.policy.BackoffMin
			}
			check(w, "said", w.said("next_attempt="+began.Add(wait).UTC().Format("2006-01-02T15:04:05.000Z07:00")), 1)
		})
	}
}
