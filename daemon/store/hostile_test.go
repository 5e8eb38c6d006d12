package store_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// numbers are the fields of the state that hold one. Each says how Go sees it.
var numbers = map[string]func(s store.State) int64{
	"schema":          func(s store.State) int64 { return int64(s.Schema) },
	"expires_in":      func(s store.State) int64 { return s.ExpiresIn.Milliseconds() },
	"life":            func(s store.State) int64 { return s.Life.Milliseconds() },
	"expires_at":      func(s store.State) int64 { return unix(s.ExpiresAt) },
	"minted_at":       func(s store.State) int64 { return unix(s.MintedAt) },
	"asked_at":        func(s store.State) int64 { return unix(s.AskedAt) },
	"generation":      func(s store.State) int64 { return s.Generation },
	"settled":         func(s store.State) int64 { return s.Settled },
	"failures":        func(s store.State) int64 { return int64(s.Failures) },
	"day":             func(s store.State) int64 { return s.Day },
	"calls":           func(s store.State) int64 { return int64(s.Calls) },
	"outside_draws":   func(s store.State) int64 { return int64(s.OutsideDraws) },
	"force":           func(s store.State) int64 { return int64(s.Force) },
	"begun_at":        func(s store.State) int64 { return unix(s.BegunAt) },
	"verified_at":     func(s store.State) int64 { return unix(s.VerifiedAt) },
	"suspect_at":      func(s store.State) int64 { return unix(s.SuspectAt) },
	"outside_at":      func(s store.State) int64 { return unix(s.OutsideAt) },
	"forced_at":       func(s store.State) int64 { return unix(s.ForcedAt) },
	"next_attempt_at": func(s store.State) int64 { return unix(s.NextAttemptAt) },
	"unknown_until":   func(s store.State) int64 { return unix(s.UnknownUntil) },
	"verify_at":       func(s store.State) int64 { return unix(s.VerifyAt) },
	"watch_until":     func(s store.State) int64 { return unix(s.WatchUntil) },
	"questions_at":    func(s store.State) int64 { return unix(s.QuestionsAt) },
	"no_force_until":  func(s store.State) int64 { return unix(s.NoForceUntil) },
	"no_answer_until": func(s store.State) int64 { return unix(s.NoAnswerUntil) },
	"requests_at":     func(s store.State) int64 { return unix(s.RequestsAt) },
	"secrets_at":      func(s store.State) int64 { return unix(s.SecretsAt) },
	"quota_day":       func(s store.State) int64 { return s.QuotaDay },
	"quota_limit":     func(s store.State) int64 { return int64(s.QuotaLimit) },
	"quota_used":      func(s store.State) int64 { return int64(s.QuotaUsed) },
	"outside_today":   func(s store.State) int64 { return int64(s.OutsideToday) },
	"quota_ask_at":    func(s store.State) int64 { return unix(s.QuotaAskAt) },
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// notNumbers are what somebody may write where a number belongs, and no daemon
// does: what one of two languages takes for a number and the other does not, and
// what is too large for both.
func notNumbers() []string {
	return []string{
		"+5", "-5", "-0", "-1000", " 5", "5 ", "05", "5.0", "5.", ".5", "1e3", "1E3", "0x10", "0b1", "1_000", "5\n", "5\x00",
		"nan", "NaN", "-nan", "nan(1)", "inf", "Inf", "+Inf", "-inf", "infinity", "x", "", " ", "٥", "5,000",
		"9e15", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"18446744073709551616", "253402300800000", strings.Repeat("9", 400), strings.Repeat("0", 100_000) + "5",
	}
}

// What no daemon writes as a number is none, in both languages: nobody decides on
// one number in Go and compares another one in Redis.
func TestNotANumberIsNone(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		good := w.content()
		for field, of := range numbers {
			for _, text := range notNumbers() {
				w.plant(field, text)
				if got := of(w.observe().State); got != 0 {
					w.Errorf("%s %.20q counts as %d", field, text, got)
				}
			}
			was, written := good[w.c.Keys.State+"."+field]
			if !written {
				w.do("hdel", w.c.Keys.State, field)
				continue
			}
			w.plant(field, was)
			if got := of(w.observe().State); strconv.FormatInt(got, 10) != was {
				w.Errorf("%s %s counts as %d", field, was, got)
			}
		}
	})
}

// saved_at is what scripts compare by: whatever stands there, a begin is not
// refused for ever.
func TestAnyVersionCanBeBegunOn(t *testing.T) {
	everywhere(t, func(w *world) {
		for i, text := range append(notNumbers(), "0", "1", fmt.Sprint(math.MaxInt32), "253402300799999") {
			w.do("flushdb")
			w.mint("a1", token(1))
			w.plant("saved_at", text, "begun_at", 0)
			id := fmt.Sprintf("b%x", i)
			if answer := w.begin(attempt(id)); answer.Status != store.Begun {
				w.Errorf("saved_at %.20q: %s", text, answer.Status)
			}
			if o := w.observe(); o.Lease != id {
				w.Errorf("saved_at %.20q: the lease is %q", text, o.Lease)
			}
		}
	})
}

// No daemon waits for longer than the longest legal wait: what lies further
// ahead was written by somebody else.
func TestWaitsBeyondTheLongestAreNone(t *testing.T) {
	longest := map[string]time.Duration{
		"begun_at": 0, "verified_at": 0, "suspect_at": 0, "outside_at": 0, "forced_at": 0,
		"next_attempt_at": 3 * store.LongestBackoff,
		"unknown_until":   store.LongestLease, "verify_at": store.LongestVerify, "watch_until": 2 * time.Hour,
		"questions_at": time.Hour,
		"requests_at":  time.Hour, "secrets_at": time.Hour, "no_answer_until": 2 * time.Hour,
		"no_force_until": 25 * time.Hour, "quota_ask_at": store.LongestVerify,
	}
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		saved := w.observe().State.BegunAt.Add(time.Second)
		for field, most := range longest {
			w.plant("saved_at", saved, field, saved.Add(most))
			if got := numbers[field](w.observe().State); got != saved.Add(most).UnixMilli() {
				w.Errorf("%s %v ahead counts as %d", field, most, got)
			}
			w.plant(field, saved.Add(most+time.Millisecond))
			if got := numbers[field](w.observe().State); got != 0 {
				w.Errorf("%s more than %v ahead counts as %d", field, most, got)
			}
			w.plant(field, 0)
		}
	})
}

// A lease is what a daemon writes, for as long as one can ask for.
func TestLeaseThatNobodyTook(t *testing.T) {
	for text, ttl := range map[string]time.Duration{
		"aa:1:1:30000":             5 * time.Hour,
		"aa:1:1:18000000":          5 * time.Hour,
		"aa:1:1:3600001":           time.Hour,
		"aa:1:1:9e15":              time.Minute,
		"aa:1:1:nan":               time.Minute,
		"aa:1:1:030000":            2 * time.Second,
		"aa:1:1:-30000":            2 * time.Second,
		"aa:1:2:30000":             time.Second,
		"AA:1:1:":                  time.Second,
		"":                         time.Second,
		"x\x00y":                   time.Second,
		strings.Repeat("a", 1<<16): time.Second,
		"aa:1:1:30001":             0, // never ends
	} {
		t.Run(fmt.Sprintf("%.20q", text), func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.do("set", w.c.Keys.Lease, text)
				if ttl > 0 {
					w.do("pexpire", w.c.Keys.Lease, ttl.Milliseconds())
				}
				check(w, "lease", w.observe().Lease, "")
				w.mint("a1", token(1))
				check(w, "token", w.observe().Value.Token, token(1))
			})
		})
	}
}

// A begin that nobody made settles no mark in advance: what no daemon can have
// written is no reason to miss a mint that was lost.
func TestSettledBeyondItsBegins(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.plant("settled", 999)
		check(w, "outstanding", w.observe().State.Outstanding(), false)
		w.mustBegin(attempt("a2"))
		check(w, "outstanding after a begin", w.observe().State.Outstanding(), true)
	})
}

// Thousands of fields of somebody else are neither read nor in the way.
func TestForeignFields(t *testing.T) {
	everywhere(t, func(w *world) {
		many := []any{"hset", w.c.Keys.State}
		for i := range 5000 {
			many = append(many, fmt.Sprintf("field %d\x1b\u202e", i), strings.Repeat("x", 100))
		}
		w.do(many...)
		w.mint("a1", token(1))
		check(w, "token", w.observe().State.Token, token(1))
		w.do(many...)
		check(w, "token", w.observe().State.Token, token(1))
		w.plant("begun_at", 0)
		w.mint("a2", token(2))
		check(w, "token", w.observe().State.Token, token(2))
	})
}
