package store_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// saved is the number of the last save.
func (w *world) saved() time.Time {
	w.Helper()
	ms, err := strconv.ParseInt(w.content()[w.c.Keys.State+".saved_at"], 10, 64)
	if err != nil {
		w.Fatal(err)
	}
	return time.UnixMilli(ms).UTC()
}

// Somebody may write anything into the state. What no daemon can have written
// counts as absent, field by field, and all else stays as it was.
func TestWhatNoDaemonWroteCountsAsAbsent(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		good := w.observe().State
		noCalls := func(s *store.State) { s.Calls = 0 }
		for _, row := range []struct {
			field string
			value any
			want  func(s *store.State)
		}{
			{"calls", "seven", noCalls},
			{"calls", "-5", noCalls},
			{"calls", "007", noCalls},
			{"calls", "7.5", noCalls},
			{"calls", "7e2", noCalls},
			{"calls", " 7", noCalls},
			{"calls", "0x7", noCalls},
			{"calls", "1000000000000", noCalls},
			{"calls", "999999999999", func(s *store.State) { s.Calls = 999999999999 }},
			{"life", "2592000001", func(s *store.State) { s.Life = 0 }},
			{"expires_in", "2592000001", func(s *store.State) { s.ExpiresIn = 0 }},
			{"expires_at", "253402300800000", func(s *store.State) { s.ExpiresAt = time.Time{} }},
			{"expires_at", w.saved().Add(30*24*time.Hour + time.Minute), func(s *store.State) { s.ExpiresAt = time.Time{} }},
			{"force", "3", func(*store.State) {}},
			{"token", strings.Repeat("t", 513), func(s *store.State) { s.Token = "" }},
			{"token", "two words", func(s *store.State) { s.Token = "" }},
			{"token", "two\nlines", func(s *store.State) { s.Token = "" }},
			{"last_error", fmt.Sprintf(`{"class":"%s"}`, strings.Repeat("c", 4096)), func(*store.State) {}},
			{"refused", "123456789", func(*store.State) {}},
			{"begun_at", w.saved().Add(time.Millisecond), func(s *store.State) { s.BegunAt = time.Time{} }},
			{"next_attempt_at", w.saved().Add(3*time.Hour + time.Millisecond), func(*store.State) {}},
			// Twice the longest backoff_max, and its jitter.
			{"next_attempt_at", w.saved().Add(3 * time.Hour),
				func(s *store.State) { s.NextAttemptAt = w.saved().Add(3 * time.Hour) }},
		} {
			before := w.content()[w.c.Keys.State+"."+row.field]
			w.plant(row.field, row.value)
			want := good
			row.want(&want)
			if got := w.observe().State; got != want {
				t.Errorf("%s %v:\ngot  %+v\nwant %+v", row.field, row.value, got, want)
			}
			w.plant(row.field, before)
		}
	})
}

// A state that does not say whose it is is nobody's: nobody is protected by it,
// or a person could not even ask for a token.
func TestNobodysState(t *testing.T) {
	for _, row := range [][2]string{
		{"appid", ""}, {"issuer", ""}, {"appid", "two words"}, {"issuer", "two words"}, {"appid", strings.Repeat("a", 129)},
		{"issuer", strings.Repeat("i", 301)},
	} {
		everywhere(t, func(w *world) {
			w.mint("a1", token(1))
			w.plant(row[0], row[1])
			o := w.observe()
			check(w, "state", o.State, store.State{})
			check(w, "other", o.Other, store.Other{})
			status, err := w.store.Request(w.Context(), w.c, 0)
			check(w, "request", w.answered(status, err), store.Accepted)
		})
	}
}

// A clock that goes back for less than a second takes nobody's lease away.
func TestLeaseOutlivesASmallStepBack(t *testing.T) {
	everywhere(t, func(w *world) {
		w.do("set", w.c.Keys.Lease, "ee:7:1:30000", "px", 30900)
		check(w, "status", w.begin().Status, store.Leased)
	})
}

// What commit needs is tried before a call is spent: a token that nobody may
// store is lost, and so is the next one.
func TestBeginTriesWhatCommitNeeds(t *testing.T) {
	w := socketWorld(t)
	w.mint("a1", token(1))
	rules := aclRules(t)
	for i := range rules {
		if rules[i] == "+pexpire" {
			rules[i] = "allchannels" // a right that nothing here uses
		}
	}
	setUser(t, w.admin, rules...)
	o := w.observe()
	_, err := w.store.Begin(w.Context(), w.c, o, newBegin(o, attempt("a2")))
	if err == nil || !store.Definite(err) {
		t.Errorf("begin without the right to PEXPIRE: %v", err)
	}
	o = w.observe()
	check(t, "calls", o.State.Calls, 1)
	check(t, "lease", o.Lease, "")
}
