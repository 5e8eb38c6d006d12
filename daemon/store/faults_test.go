package store_test

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/store"
	"wxtokend/daemon/testnet"
)

// operation is one side effect of the store, to be failed before and after it
// was applied.
type operation struct {
	name, script string
	// prepare builds the world before the operation and returns it, ready to be
	// asked any number of times. Its answer is text, to be compared.
	prepare func(w *world) func() (string, error)
	first   string // its answer
	again   string // the answer when it had been applied before
	// changes are the fields that asking again changes.
	changes []string
}

func operations() []operation {
	return []operation{
		{"begin", "begin", prepareBegin, "begun", "begun", nil},
		{"commit", "commit", prepareCommit, "committed", "already", nil},
		{"abort, certain", "abort", prepareAbort(false), "aborted", "lost", nil},
		// The mark is one too many and does no harm: the next commit covers it.
		{"abort, unknown", "abort", prepareAbort(true), "aborted", "lost", []string{"generation", "watch_until", "saved_at"}},
		{"restore", "restore", prepareRestore, "restored", "changed", nil},
		{"re-assert", "reassert", prepareReassert, "restored", "changed", nil},
	}
}

func prepareBegin(w *world) func() (string, error) {
	w.mint("a1", token(1))
	o := w.observe()
	var t0 time.Time
	return func() (string, error) {
		answer, err := w.store.Begin(w.Context(), w.c, o, newBegin(o, attempt("a2")))
		if !t0.IsZero() && err == nil {
			check(w, "T0", answer.T0, t0)
		}
		if err == nil {
			t0 = answer.T0
			check(w, "failures", answer.Failures, 1)
		}
		return string(answer.Status), err
	}
}

func prepareCommit(w *world) func() (string, error) {
	w.mint("a1", token(1))
	answer := w.mustBegin(attempt("a2"))
	return func() (string, error) {
		status, _, err := w.store.Commit(w.Context(), w.c,
			store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour, T0: answer.T0, Order: answer.Order})
		return string(status), err
	}
}

func prepareAbort(unknown bool) func(w *world) func() (string, error) {
	return func(w *world) func() (string, error) {
		w.mint("a1", token(1))
		w.mustBegin(attempt("a2"))
		return func() (string, error) {
			status, err := w.store.Abort(w.Context(), w.c,
				store.Abort{Attempt: "a2", Unknown: unknown, GiveBack: true, Wait: time.Minute})
			return string(status), err
		}
	}
}

func prepareRestore(w *world) func() (string, error) {
	o, m := w.observe(), w.remembered(token(1))
	return func() (string, error) {
		_, status, err := w.store.Restore(w.Context(), w.c, o, m)
		return string(status), err
	}
}

func prepareReassert(w *world) func() (string, error) {
	w.mint("a1", token(1))
	w.do("del", w.c.Keys.Value)
	o := w.observe()
	return func() (string, error) {
		_, status, err := w.store.Reassert(w.Context(), w.c, o)
		return string(status), err
	}
}

// requestOf matches the request that runs a script by its name.
func requestOf(script string) testnet.Match {
	sum := sha1.Sum([]byte(store.Source(script)))
	return testnet.Containing(hex.EncodeToString(sum[:]))
}

// fails runs the operation into a broken connection.
func (w *world) fails(do func() (string, error)) {
	w.Helper()
	answer, err := do()
	if err == nil {
		w.Fatalf("answer %q over a broken connection", answer)
	}
	if store.Definite(err) {
		w.Errorf("%v counts as definite, but nobody knows whether it was applied", err)
	}
	check(w, "faults left", w.faults.Pending(), 0)
}

// forgetWatch lets a watch that is set again within the same millisecond be
// seen as a change.
func (w *world) forgetWatch(op operation) map[string]string {
	w.Helper()
	if op.changes != nil {
		w.do("hdel", w.c.Keys.State, "watch_until")
	}
	return w.content()
}

func (w *world) answers(do func() (string, error), want string) {
	w.Helper()
	answer, err := do()
	if err != nil {
		w.Fatal(err)
	}
	check(w, "answer", answer, want)
}

func eachOperation(t *testing.T, test func(w *world, op operation, do func() (string, error))) {
	t.Helper()
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			breakable(t, func(w *world) {
				w.do("script", "load", store.Source(op.script))
				test(w, op, op.prepare(w))
			})
		})
	}
}

func TestFailedAndNotApplied(t *testing.T) {
	eachOperation(t, func(w *world, op operation, do func() (string, error)) {
		before := w.content()
		w.faults.DropRequests(1, requestOf(op.script))
		w.fails(do)
		w.stays(before)
		w.answers(do, op.first)
		if fmt.Sprint(before) == fmt.Sprint(w.content()) {
			w.Error("the operation changed nothing")
		}
	})
}

func TestFailedButApplied(t *testing.T) {
	eachOperation(t, func(w *world, op operation, do func() (string, error)) {
		before := w.content()
		w.faults.DropReplies(1, requestOf(op.script))
		w.fails(do)
		applied := w.forgetWatch(op)
		if fmt.Sprint(before) == fmt.Sprint(applied) {
			w.Error("the operation was not applied")
		}
		w.answers(do, op.again)
		w.differs(applied, op.changes...)
	})
}

// Two lost replies in a row are no different from one.
func TestFailedButAppliedTwice(t *testing.T) {
	eachOperation(t, func(w *world, op operation, do func() (string, error)) {
		w.faults.DropReplies(2, requestOf(op.script))
		if _, err := do(); err == nil {
			w.Fatal("answer over a broken connection")
		}
		w.fails(do)
		applied := w.forgetWatch(op)
		w.answers(do, op.again)
		w.differs(applied, op.changes...)
	})
}

// The library must send nothing twice on its own: it would hide the first
// answer, which was about the write.
func TestNothingIsSentTwice(t *testing.T) {
	breakable(t, func(w *world) {
		w.observe()
		sent := 0
		counting := func(write []byte) bool {
			if requestOf("observe")(write) {
				sent++
			}
			return requestOf("observe")(write)
		}
		w.faults.DropReplies(1, counting)
		r := w.store.Observe(w.Context(), w.c)
		if r.Err == nil || store.Definite(r.Err) {
			w.Errorf("error = %v, want one of the network", r.Err)
		}
		w.faults.Heal()
		check(w, "times sent", sent, 1)
		w.observe()
	})
}

func TestRefusedConnectionIsNotDefinite(t *testing.T) {
	breakable(t, func(w *world) {
		o := w.observe()
		w.faults.Refuse(true)
		_, err := w.store.Begin(w.Context(), w.c, o, newBegin(o))
		if err == nil || store.Definite(err) {
			w.Errorf("error = %v", err)
		}
		w.faults.Refuse(false)
		w.mustBegin()
	})
}

func TestDefinite(t *testing.T) {
	breakable(t, func(w *world) {
		check(w, "no error", store.Definite(nil), false)
		err := w.client.Do(w.Context(), "nonsense").Err()
		check(w, fmt.Sprint(err), store.Definite(fmt.Errorf("begin: %w", err)), true)
	})
}
