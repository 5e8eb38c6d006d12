package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/testnet"
)

// inTime runs test in a bubble, where sleeping costs nothing and the Redis
// follows the bubble's clock to the nanosecond.
func inTime(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(miniWorld(t)) })
}

func TestKeyEndsWithTheToken(t *testing.T) {
	inTime(t, func(w *world) {
		answer := w.mustBegin()
		// The mint.
		time.Sleep(4 * time.Second)
		w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: 2 * time.Hour, T0: answer.T0, Order: answer.Order})
		left := 2*time.Hour - 4*time.Second
		check(w, "time to live", w.observe().Value.TTL, left-short)
		time.Sleep(left - short - time.Millisecond)
		check(w, "before it ends", w.observe().Value.Token, token(1))
		time.Sleep(time.Millisecond)
		check(w, "present at its end", w.observe().Value.Present, false)
		time.Sleep(short)
		o := w.observe()
		check(w, "live", o.State.Live(o.Now), false)
	})
}

// short is by how much a key ends before its token.
const short = time.Millisecond

// Redis counts the key's time from the microsecond on, and a script's clock has milliseconds alone.
func TestNoKeyOutlivesItsToken(t *testing.T) {
	writes := map[string]func(w *world, m store.Memory){
		"restore":   func(w *world, m store.Memory) { w.restore(w.observe(), m) },
		"re-assert": func(w *world, m store.Memory) { w.do("del", w.c.Keys.Value); w.reassert(w.observe()) },
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(w *world) {
				m := w.remembered(token(1))
				w.restore(w.observe(), m)
				time.Sleep(999 * time.Microsecond)
				write(w, m)
				time.Sleep(time.Until(m.ExpiresAt))
				check(w, "present at the expiry", w.observe().Value.Present, false)
			})
		})
	}
	t.Run("commit", func(t *testing.T) {
		inTime(t, func(w *world) {
			answer := w.mustBegin()
			time.Sleep(999 * time.Microsecond)
			w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
			time.Sleep(time.Until(answer.T0.Add(time.Hour)))
			check(w, "present at the expiry", w.observe().Value.Present, false)
		})
	})
}

func TestRestoredKeyEndsWithTheToken(t *testing.T) {
	inTime(t, func(w *world) {
		m := w.remembered(token(1))
		w.restore(w.observe(), m)
		check(w, "restored", w.observe().Value.TTL, m.ExpiresAt.Sub(w.now())-short)
		time.Sleep(time.Minute)
		w.do("persist", w.c.Keys.Value)
		w.reassert(w.observe())
		check(w, "re-asserted", w.observe().Value.TTL, m.ExpiresAt.Sub(w.now())-short)
	})
}

func TestLeaseEnds(t *testing.T) {
	inTime(t, func(w *world) {
		answer := w.mustBegin()
		time.Sleep(w.c.Lease - time.Millisecond)
		check(w, "a millisecond before", w.begin(attempt("a2")).Status, store.Leased)
		time.Sleep(time.Millisecond)
		check(w, "lease at its end", w.observe().Lease, "")
		status, _ := w.commit(store.Commit{Attempt: "a1", Token: token(1), ExpiresIn: time.Hour, T0: answer.T0,
			Order: answer.Order})
		check(w, "commit at its end", status, store.Lost)
		check(w, "begin at its end", w.begin(attempt("a2")).Status, store.Begun)
	})
}

func TestTwoBeginsInOneMillisecond(t *testing.T) {
	inTime(t, func(w *world) { // no time passes in here
		first := w.mint("a1", token(1))
		second := w.mint("a2", token(2))
		check(w, "order", second.Order.Sub(first.Order), time.Millisecond)
	})
}

// heal lets the library's own dials end, which outlive the operation.
func (w *world) heal() {
	w.faults.Heal()
	synctest.Wait()
}

// A Redis that accepts and never answers costs the timeout of the store, to the
// millisecond; one that cannot be connected to three quarters of it.
func TestSilenceCostsTheTimeout(t *testing.T) {
	const timeout, connecting = 2 * time.Second, 1500 * time.Millisecond
	expect := func(t *testing.T, took time.Duration, o store.Options) {
		t.Helper()
		start := time.Now()
		err := observeWith(t, o)
		if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want a timeout", err)
		}
		check(t, "definite", store.Definite(err), false)
		check(t, "took", time.Since(start), took)
	}
	t.Run("never answers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := testnet.NewListener("10.0.0.1:6379")
			defer l.Close()
			expect(t, timeout, store.Options{URL: "redis://10.0.0.1:6379", Timeout: timeout, Dial: l.Dial})
		})
	})
	t.Run("network cut", func(t *testing.T) {
		inTime(t, func(w *world) {
			w.faults.Hang(true)
			expect(w.T, connecting, store.Options{URL: secret.Secret("redis://10.0.0.1:6379"), Timeout: timeout,
				Dial: w.options.Dial})
			w.faults.Hang(false)
		})
	})
	t.Run("the caller has less time", func(t *testing.T) {
		inTime(t, func(w *world) {
			w.observe()
			w.faults.Hang(true)
			ctx, cancel := context.WithTimeout(w.Context(), 300*time.Millisecond)
			defer cancel()
			start := time.Now()
			err := w.store.Observe(ctx, w.c).Err
			check(w, fmt.Sprint(err, " after"), time.Since(start), 300*time.Millisecond)
			w.heal()
		})
	})
	t.Run("the connection has more time than the operation", func(t *testing.T) {
		inTime(t, func(w *world) {
			o := w.observe()
			w.faults.Hang(true)
			w.store = store.New(w.client, time.Second, layout.Decode) // the connection: 5 s
			start := time.Now()
			err := w.store.Observe(w.Context(), w.c).Err
			check(w, fmt.Sprint("observe: ", err, " after"), time.Since(start), time.Second)
			start = time.Now()
			_, err = w.store.Begin(w.Context(), w.c, o, newBegin(o))
			check(w, fmt.Sprint("begin: ", err, " after"), time.Since(start), time.Second)
			w.heal()
		})
	})
	t.Run("network cut under a live connection", func(t *testing.T) {
		inTime(t, func(w *world) {
			w.options.Timeout = timeout
			w.connect()
			o := w.observe()
			w.faults.Hang(true)
			for _, operation := range []struct {
				name string
				do   func() error
				took time.Duration
			}{
				{"observe", func() error { return w.store.Observe(w.Context(), w.c).Err }, timeout},
				{"begin", func() error { _, err := w.store.Begin(w.Context(), w.c, o, newBegin(o)); return err }, connecting},
			} {
				start := time.Now()
				if err := operation.do(); err == nil || store.Definite(err) {
					w.Errorf("%s: error = %v, want a timeout", operation.name, err)
				}
				check(w, operation.name+" took", time.Since(start), operation.took)
			}
		})
	})
}
