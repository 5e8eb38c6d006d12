package store_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

func TestObserveNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		from := w.now()
		o := w.observe()
		w.during("now", o.Now, from)
		check(w, "present", o.Value.Present, false)
		check(w, "token", o.Value.Token, "")
		check(w, "state", o.State, store.State{})
		check(w, "other", o.Other, "")
		check(w, "lease", o.Lease, "")
		check(w, "lease left", o.LeaseTTL, 0)
		check(w, "rejected", o.Rejected, "")
	})
}

func TestObserveEverything(t *testing.T) {
	everywhere(t, func(w *world) {
		at := time.Date(2026, 11, 23, 9, 30, 0, 123e6, time.UTC)
		w.do("set", w.c.Keys.Value, token(2).Reveal(), "px", 60000)
		w.do("set", w.c.Keys.Lease, "beef:12:0:30000", "px", 20000)
		w.do("set", w.c.Keys.Rejected, token(3).Reveal())
		w.plant("schema", 7, "appid", w.c.AppID, "issuer", w.c.Issuer, "api", "stable",
			"token", token(1).Reveal(), "expires_in", 7199500, "life", 7200000, "expires_at", at, "minted_at", at.Add(1),
			"generation", 12, "settled", 11, "attempt", "cafe", "begun_at", at.Add(2*time.Millisecond), "failures", 3,
			"next_attempt_at", at.Add(3*time.Millisecond), "wait", 4000, "unknown_until", at.Add(5*time.Millisecond),
			"last_error", `{"class":"rate","code":45011,"message":"too fast","at":"2026-11-23T09:30:00Z"}`, "secret", "5ec2e7",
			"day", 20780, "calls", 42, "rival_at", at.Add(6*time.Millisecond), "verify_at", at.Add(7*time.Millisecond),
			"watch_until", at.Add(8*time.Millisecond), "refused", "deadbeef", "later", "ignored",
			"verified_at", at.Add(9*time.Millisecond), "suspect_at", at.Add(10*time.Millisecond), "reported", 1, "rivals", 4,
			"force", 2, "forced_at", at.Add(11*time.Millisecond), "asked_at", at.Add(12*time.Millisecond))
		o := w.observe()
		want := store.State{
			Schema: 7, AppID: w.c.AppID, Issuer: w.c.Issuer, API: "stable",
			Token: token(1), ExpiresIn: 7199500 * time.Millisecond, Life: 2 * time.Hour, ExpiresAt: at, MintedAt: at,
			Generation: 12, Settled: 11, Attempt: "cafe", BegunAt: at.Add(2 * time.Millisecond), Failures: 3,
			NextAttemptAt: at.Add(3 * time.Millisecond), Wait: 4 * time.Second, UnknownUntil: at.Add(5 * time.Millisecond),
			LastError: &store.Failure{Class: "rate", Code: 45011, Message: "too fast", At: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)},
			Secret:    "5ec2e7", Day: 20780, Calls: 42, RivalAt: at.Add(6 * time.Millisecond),
			VerifyAt: at.Add(7 * time.Millisecond), WatchUntil: at.Add(8 * time.Millisecond), Refused: "deadbeef",
			VerifiedAt: at.Add(9 * time.Millisecond), SuspectAt: at.Add(10 * time.Millisecond), Reported: true, Rivals: 4,
			Force: 2, ForcedAt: at.Add(11 * time.Millisecond), AskedAt: at.Add(12 * time.Millisecond),
		}
		if !reflect.DeepEqual(o.State, want) {
			w.Errorf("state\n%+v, want\n%+v", o.State, want)
		}
		check(w, "token", o.Value.Token, token(2))
		check(w, "rejected", o.Rejected, token(3))
		check(w, "lease", o.Lease, "beef")
		for _, left := range []struct {
			what      string
			got, most time.Duration
		}{{"value", o.Value.TTL, time.Minute}, {"lease", o.LeaseTTL, 20 * time.Second}} {
			if left.got > left.most || left.got < left.most-10*time.Second {
				w.Errorf("%s has %v left of %v", left.what, left.got, left.most)
			}
		}
	})
}

func TestObserveGarbageInTheState(t *testing.T) {
	everywhere(t, func(w *world) {
		w.plant("appid", w.c.AppID, "issuer", w.c.Issuer, "expires_at", "soon", "calls", "1e3", "generation", "-",
			"last_error", "{", "wait", "99999999999999999999")
		s := w.observe().State
		check(w, "expires at", s.ExpiresAt.IsZero(), true)
		check(w, "calls", s.Calls, 0)
		check(w, "generation", s.Generation, 0)
		check(w, "last error", s.LastError, nil)
	})
}

func TestObserveKeyThatNeverExpires(t *testing.T) {
	everywhere(t, func(w *world) {
		w.do("set", w.c.Keys.Value, token(1).Reveal())
		if ttl := w.observe().Value.TTL; ttl >= 0 {
			w.Errorf("time to live = %v, want a negative one", ttl)
		}
	})
}

// Anybody who may write to Redis may write there; a gigabyte must not come back.
func TestObserveBoundsWhatReadersReport(t *testing.T) {
	everywhere(t, func(w *world) {
		w.do("set", w.c.Keys.Rejected, strings.Repeat("x", 100_000))
		check(w, "length", len(w.observe().Rejected.Reveal()), 1024)
	})
}

func TestObserveWritesNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		before := w.content()
		w.observe()
		w.stays(before)
	})
}

func TestObserveManyInOneRoundTrip(t *testing.T) {
	breakable(t, func(w *world) {
		all := w.fifty()
		writes := 0
		w.faults.DropRequests(1, func([]byte) bool { writes++; return false })
		w.seesFifty(all)
		check(w, "writes to the network", writes, 1)
	})
}

// A server that lost its scripts gets the source once, not with each credential.
func TestObserveSendsItsSourceOnce(t *testing.T) {
	breakable(t, func(w *world) {
		all := w.fifty()
		w.do("script", "flush")
		sources := 0
		w.faults.DropRequests(1, func(request []byte) bool {
			sources += bytes.Count(request, []byte("Everything the due decision needs"))
			return false
		})
		w.seesFifty(all)
		check(w, "sources sent", sources, 1)
		w.seesFifty(all)
		check(w, "sources sent in all", sources, 1)
	})
}

// fifty credentials, each with a token of its own.
func (w *world) fifty() (all []store.Credential) {
	w.Helper()
	for i := range 50 {
		keys, err := store.NewKeys(fmt.Sprintf("key%d", i))
		if err != nil {
			w.Fatal(err)
		}
		c := w.c
		c.Keys, c.AppID = keys, fmt.Sprintf("wx%016d", i)
		w.asRival(c, func() { w.mint("a1", token(i)) })
		all = append(all, c)
	}
	return all
}

func (w *world) seesFifty(all []store.Credential) {
	w.Helper()
	results := w.store.Observe(w.Context(), all)
	check(w, "results", len(results), 50)
	for i, r := range results {
		if r.Err != nil || r.Observation.State.Token != token(i) || r.Observation.Value.Token != token(i) {
			w.Errorf("result %d = %+v", i, r)
		}
	}
}

func TestObserveNobody(t *testing.T) {
	everywhere(t, func(w *world) {
		check(w, "results", len(w.store.Observe(w.Context(), nil)), 0)
	})
}

// A restarted Redis, or the other node of a failover, knows no scripts.
func TestScriptsAreSentAgain(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		forget := func() { w.do("script", "flush") }
		forget()
		check(w, "observe", w.observe().State.Token, token(1))
		o := w.observe()
		forget()
		answer := w.beginOn(o, attempt("a2"))
		check(w, "begin", answer.Status, store.Begun)
		forget()
		status, _ := w.commit(store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
		check(w, "commit", status, store.Committed)
		forget()
		check(w, "abort", w.abort(store.Abort{Attempt: "a2"}), store.Lost)
		forget()
		check(w, "re-assert", w.reassert(w.observe()), store.Restored)
		forget()
		check(w, "restore", w.restore(w.observe(), w.remembered(token(3))), store.Restored)
	})
}

// A token too short to look like one is still recognised where the state says
// that it is ours.
func TestObserveShortRawToken(t *testing.T) {
	everywhere(t, func(w *world) {
		w.c.Format = store.Raw
		w.mint("a1", "t1")
		check(w, "token", w.observe().Value.Token, "t1")
	})
}
