package daemon

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// nobodys are texts that no daemon writes where a number belongs. Each stands
// for a language that takes it for one.
var nobodys = []string{
	"+5", "-1000", "9e15", "1e3", "0x10", " 5", "05", "NaN", "nan", "inf", "1.5", "", "٥", "9223372036854775808",
	"253402300800000", strings.Repeat("9", 400), "\x1b[2J\u202e", strings.Repeat("x", 100<<10),
}

// stateNumbers are the fields of the state that hold a number, saved_at among them.
var stateNumbers = []string{
	"asked_at", "begun_at", "calls", "day", "expires_at", "expires_in", "failures", "force", "forced_at", "generation",
	"life",
	"minted_at", "next_attempt_at", "no_answer_until", "no_force_until", "outside_at", "outside_draws", "questions_at",
	"requests_at", "saved_at", "schema", "secrets_at", "settled", "suspect_at", "unknown_until", "verified_at",
	"verify_at",
	"watch_until", "wished_at", "quota_ask_at", "quota_base", "quota_day", "quota_limit", "quota_used", "outside_today",
}

var stateTexts = []string{"api", "appid", "attempt", "force_for", "issuer", "last_error", "refused", "secret", "token"}

// oddTexts are what somebody may write where a text belongs.
func oddTexts() []string {
	return []string{
		"", "\x00", "\xff\xfe", "\x1b[2J\u202eevil\u2066", "<script>alert(1)</script>", strings.Repeat("A", 100<<10), " ",
		"null",
		`{"class":"config","code":40125,"message":"\u202e\u001b[2J` + strings.Repeat("m", 3000) +
			`","at":"9999-12-31T23:59:59-23:59","times":9223372036854775807}`,
		`{"class":"` + strings.Repeat("c", 3000) + `","at":"0000-01-01T00:00:00+23:59","times":-9223372036854775808}`,
		`{"class":"ip","code":-9223372036854775808,"at":"2026-01-01T00:00:00Z"}`, `{"at":5}`, `[1]`,
	}
}

// TestFieldsOfNobody: one field of the state at a time holds what no daemon
// wrote, and the token has ended. Readers have a good one again within a poll and
// one call.
func TestFieldsOfNobody(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			inWorld(t, api, func(w *world) {
				w.start()
				w.wait(time.Minute)
				state := "{" + testKey + "}:state"
				spoil := func(field, text string) {
					// The token has ended, and nothing of the last field is waited for.
					w.redis.HSet(state, "expires_at", "1", "next_attempt_at", "0")
					w.redis.HSet(state, field, text)
					w.redis.Del(testKey)
					calls := w.calls()
					if took := w.goodWithin(field+" "+text[:min(20, len(text))], w.promise()); took > 2*w.config.Refresh.Poll {
						w.Errorf("%s %.20q: a good token after %v", field, text, took)
					}
					w.shown()
					w.wait(5 * time.Second)
					if more := w.calls() - calls; more > 3 {
						w.Errorf("%s %.20q: %d calls", field, text, more)
					}
				}
				for _, field := range stateNumbers {
					for _, text := range nobodys {
						spoil(field, text)
					}
				}
				for _, field := range stateTexts {
					for _, text := range oddTexts() {
						// What could name an account is another one's, which is waited for.
						if !(field == "appid" || field == "issuer") || !account.MatchString(text) {
							spoil(field, text)
						}
					}
				}
			})
		})
	}
}

// TestTextsOfNobodyAreShown: beside a good token, which stays, any text of the state
// and any report is shown in bounded and harmless words, or not at all.
func TestTextsOfNobodyAreShown(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(time.Minute)
		s := siblingsOf(testKey)
		for _, text := range append(oddTexts(), nobodys...) {
			for _, field := range []string{"last_error", "api", "attempt", "secret", "refused", "force_for"} {
				w.redis.HSet(s.state, field, text)
			}
			w.put(s.rejected, text, time.Minute)
			w.wait(3 * w.config.Refresh.Poll)
			w.shown()
			if !w.accepted() || w.daemon.Ready() != nil {
				w.Fatalf("%.20q: a good token: %v, not ready: %v", text, w.accepted(), w.daemon.Ready())
			}
		}
		if w.calls() != 1 {
			w.Errorf("%d calls", w.calls())
		}
	})
}

// TestContentOfNobody: what is worst in each of the four keys.
func TestContentOfNobody(t *testing.T) {
	withoutRace(t)
	cases := map[string]func(w *world, s siblings){
		"generation far below": func(w *world, s siblings) { w.redis.HSet(s.state, "generation", "-1000") },
		"generation 9e15":      func(w *world, s siblings) { w.redis.HSet(s.state, "generation", "9000000000000000") },
		"generation +5":        func(w *world, s siblings) { w.redis.HSet(s.state, "generation", "+5") },
		"generation at its most": func(w *world, s siblings) {
			w.redis.HSet(s.state, "generation", "999999999999", "settled", "999999999999")
		},
		"a lease with a far end": func(w *world, s siblings) { w.put(s.lease, "aa:1:1:30000", 100*time.Hour) },
		"a lease without an end": func(w *world, s siblings) { w.put(s.lease, "aa:1:1:30000", 0) },
		"a lease of a year":      func(w *world, s siblings) { w.put(s.lease, "aa:1:1:31536000000", 8760*time.Hour) },
		"a lease of garbage":     func(w *world, s siblings) { w.put(s.lease, strings.Repeat("\xff", 100<<10), 0) },
		"5,000 foreign fields": func(w *world, s siblings) {
			for i := range 5000 {
				w.redis.HSet(s.state, fmt.Sprintf("field %d\u202e", i), "x")
			}
		},
		"waits of ten years": func(w *world, s siblings) {
			for _, field := range stateNumbers {
				if strings.HasSuffix(field, "_at") || strings.HasSuffix(field, "_until") {
					w.redis.HSet(s.state, field, strconv.FormatInt(time.Now().AddDate(10, 0, 0).UnixMilli(), 10))
				}
			}
		},
		"waits of ten hours": func(w *world, s siblings) {
			for _, field := range []string{"next_attempt_at", "unknown_until", "begun_at", "outside_at", "forced_at"} {
				w.redis.HSet(s.state, field, strconv.FormatInt(time.Now().Add(10*time.Hour).UnixMilli(), 10))
			}
		},
		"all times at the end of the year 9999": func(w *world, s siblings) {
			for _, field := range stateNumbers {
				w.redis.HSet(s.state, field, "253402300799999")
			}
		},
		"forced for ever": func(w *world, s siblings) { w.redis.HSet(s.state, "force", "999999999") },
		"a token of a newer version, for ever": func(w *world, s siblings) {
			w.redis.HSet(s.state, "schema", "3", "token", "nonsense", "expires_at", "253402300799999")
			w.put(testKey, "nonsense", 0)
		},
		"a token with a control character": func(w *world, s siblings) {
			w.redis.HSet(s.state, "token", "a\x1b[2Jb", "expires_at", "253402300799999")
		},
		"a token of 100 KB": func(w *world, s siblings) {
			w.redis.HSet(s.state, "token", strings.Repeat("t", 100<<10), "expires_at", "253402300799999")
		},
		"an appid of 100 KB": func(w *world, s siblings) {
			w.redis.HSet(s.state, "appid",
				strings.Repeat("w", 100<<10))
		},
		"an appid that is hidden":  func(w *world, s siblings) { w.redis.HSet(s.state, "appid", "wx\u202e\x1b[2J") },
		"a report of 100 KB":       func(w *world, s siblings) { w.put(s.rejected, strings.Repeat("r", 100<<10), 0) },
		"all keys are lists":       func(w *world, s siblings) { w.lists(testKey, s.state, s.lease, s.rejected) },
		"the state is a string":    func(w *world, s siblings) { w.redis.Del(s.state); w.put(s.state, "x", 0) },
		"the lease is a list":      func(w *world, s siblings) { w.lists(s.lease) },
		"the value is 100 KB":      func(w *world, s siblings) { w.put(testKey, strings.Repeat("v", 100<<10), 0) },
		"the value is hidden":      func(w *world, s siblings) { w.put(testKey, "\x1b[2J\u202e", 0) },
		"nothing but foreign keys": func(w *world, s siblings) { w.redis.Del(s.state); w.redis.HSet(s.state, "a", "b") },
	}
	for _, api := range []string{"stable", "classic"} {
		for name, plant := range cases {
			for when, before := range map[string]bool{"before the start": true, "meanwhile": false} {
				t.Run(api+"/"+name+"/"+when, func(t *testing.T) {
					t.Parallel()
					inWorld(t, api, func(w *world) {
						w.start()
						w.wait(time.Minute)
						if before {
							w.kill()
						}
						// What readers had has ended.
						s := siblingsOf(testKey)
						w.redis.HSet(s.state, "expires_at", "1")
						w.redis.Del(testKey)
						plant(w, s)
						if before {
							w.start()
						}
						w.endures(w.promise(), 3)
					})
				})
			}
		}
	}
}
