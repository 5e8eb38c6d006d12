package store_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	miniserver "github.com/alicebob/miniredis/v2/server"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
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
		check(w, "other", o.Other, store.Other{})
		check(w, "lease", o.Lease, "")
		check(w, "rejected", o.Rejected, "")
	})
}

func TestObserveEverything(t *testing.T) {
	everywhere(t, func(w *world) {
		at := w.now().Add(-time.Hour)
		ms := func(n int) time.Time { return at.Add(time.Duration(n) * time.Millisecond) }
		w.do("set", w.c.Keys.Value, token(2).Reveal(), "px", 60000)
		w.do("set", w.c.Keys.Lease, "beef:12:0:30000", "px", 20000)
		w.do("set", w.c.Keys.Rejected, token(3).Reveal())
		w.plant("schema", 7, "appid", w.c.Account, "issuer", w.c.Issuer, "api", "stable", "saved_at", ms(100),
			"token", token(1).Reveal(), "expires_in", 7199500, "life", 7200000, "expires_at", ms(0), "minted_at", ms(1),
			"generation", 12, "settled", 11, "attempt", "cafe", "begun_at", ms(2), "failures", 3,
			"next_attempt_at", ms(3), "unknown_until", ms(5),
			"last_error", `{"class":"rate","code":45011,"message":"too fast","at":"2026-11-23T09:30:00Z"}`, "secret", "5ec2e7ff",
			"day", 20780, "calls", 42, "outside_at", ms(6), "outside_draws", 4, "verify_at", ms(7), "watch_until", ms(8),
			"refused", "deadbeef", "later", "ignored", "verified_at", ms(9), "suspect_at", ms(10), "force", 2,
			"forced_at", ms(11), "asked_at", ms(12), "no_force_until", ms(13), "questions_at", ms(14), "requests_at", ms(15),
			"secrets_at", ms(16), "no_answer_until", ms(17))
		o := w.observe()
		want := store.State{
			Schema: 7, AppID: w.c.Account, Issuer: w.c.Issuer, API: "stable",
			Token: token(1), ExpiresIn: 7199500 * time.Millisecond, Life: 2 * time.Hour, ExpiresAt: at, MintedAt: ms(1),
			Generation: 12, Settled: 11, Attempt: "cafe", BegunAt: ms(2), Failures: 3, NextAttemptAt: ms(3), UnknownUntil: ms(5),
			LastError: &store.Failure{Class: "rate", Code: 45011, Message: "too fast",
				At: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)},
			Secret: "5ec2e7ff", Day: 20780, Calls: 42, OutsideAt: ms(6), OutsideDraws: 4,
			VerifyAt: ms(7), WatchUntil: ms(8), Refused: "deadbeef", VerifiedAt: ms(9), SuspectAt: ms(10),
			Force: 2, ForcedAt: ms(11), AskedAt: ms(12), NoForceUntil: ms(13), QuestionsAt: ms(14), RequestsAt: ms(15),
			SecretsAt: ms(16), NoAnswerUntil: ms(17),
		}
		if !reflect.DeepEqual(o.State, want) {
			w.Errorf("state\n%+v, want\n%+v", o.State, want)
		}
		check(w, "token", o.Value.Token, token(2))
		check(w, "rejected", o.Rejected, token(3))
		check(w, "lease", o.Lease, "beef")
		if left := o.Value.TTL; left > time.Minute || left < 50*time.Second {
			w.Errorf("the value has %v left of a minute", left)
		}
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
			sources += bytes.Count(request, []byte("everything that a decision needs"))
			return false
		})
		w.seesFifty(all)
		check(w, "sources sent", sources, 1)
		w.seesFifty(all)
		check(w, "sources sent in all", sources, 1)
	})
}

// fifty credentials, each with a token of its own.
func (w *world) fifty() (all []store.Slot) {
	w.Helper()
	for i := range 50 {
		keys, err := store.NewKeys(fmt.Sprintf("key%d", i))
		if err != nil {
			w.Fatal(err)
		}
		c := w.c
		c.Keys, c.Account = keys, fmt.Sprintf("wx%016d", i)
		w.asCohabitant(c, func() { w.mint("a1", token(i)) })
		all = append(all, c)
	}
	return all
}

func (w *world) seesFifty(all []store.Slot) {
	w.Helper()
	looks := w.store.ObserveAll(w.Context(), all)
	check(w, "looks", len(looks), 50)
	for i, look := range looks {
		if r := look(); r.Err != nil || r.Observation.State.Token != token(i) || r.Observation.Value.Token != token(i) {
			w.Errorf("result %d = %+v", i, r)
		}
	}
}

func TestObserveNobody(t *testing.T) {
	everywhere(t, func(w *world) {
		check(w, "looks", len(w.store.ObserveAll(w.Context(), nil)), 0)
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
		status, _ := w.commit(store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour, T0: answer.T0,
			Order: answer.Order})
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
		w.c.Encode = layout.Target{Format: layout.Raw}.Encode
		w.mint("a1", "t1")
		check(w, "token", w.observe().Value.Token, "t1")
	})
}

// What is no answer of the script is an error, and no empty state: that would
// start a mint.
func TestObserveOfAnotherReply(t *testing.T) {
	server, err := miniserver.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	parts := 12
	if err := server.Register("EVALSHA", func(c *miniserver.Peer, _ string, _ []string) {
		c.WriteLen(parts)
		for range parts {
			c.WriteBulk("text")
		}
	}); err != nil {
		t.Fatal(err)
	}
	for _, parts = range []int{12, 11, 0} {
		err := observeWith(t, store.Options{URL: secret.Secret("redis://" + server.Addr().String()),
			Timeout: 5 * time.Second})
		if err == nil || !strings.Contains(err.Error(), "unexpected reply of the script") {
			t.Errorf("%d parts: %v", parts, err)
		}
	}
}
