package daemon

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

var canonical = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})$`)

// planted is the number in a field of the state as a daemon would have written it.
func (w *world) planted(field string) int64 {
	text := w.redis.HGet(siblingsOf(testKey).state, field)
	if !canonical.MatchString(text) {
		return 0
	}
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// excuse is what a daemon may wait for beside what it promises, for a state that
// another daemon could have written: each wait by itself, as if one came after
// the other.
func (w *world) excuse() time.Duration {
	now, saved := time.Now().UnixMilli(), w.planted("saved_at")
	back := int64(0)
	if saved > now+1000 {
		back = saved - now
	}
	until := func(field string, longest time.Duration, beyond time.Duration) time.Duration {
		at := w.planted(field)
		if at > saved+longest.Milliseconds() {
			return 0
		}
		return time.Duration(max(0, at-back-now+beyond.Milliseconds())) * time.Millisecond
	}
	total := until("next_attempt_at", 3*store.LongestBackoff, 0) + until("unknown_until", store.LongestLease, 0) +
		until("begun_at", 0, w.config.Refresh.BackoffMin) + until("outside_at", 0, overlap) +
		until("forced_at", 0, 30*time.Second)
	if w.redis.HGet(siblingsOf(testKey).state, "appid") != testAppID {
		total += until("begun_at", 0, overlap)
	}
	if w.planted("day") == store.Day(time.Now()) && w.planted("calls") >= int64(w.config.Credentials[0].DailyLimit) {
		total += time.Until(store.NextDay(time.Now()))
	}
	if ttl := w.redis.TTL(siblingsOf(testKey).lease); ttl <= store.LongestLease+time.Second {
		total += ttl
	}
	// A token that WeChat may have issued is believed until WeChat is asked.
	if w.planted("expires_at") > now && w.redis.HGet(siblingsOf(testKey).state, "token") != "" {
		total += until("verify_at", store.LongestVerify, 0) + until("no_answer_until", 2*time.Hour, 0) +
			2*w.config.Refresh.VerifyEvery + overlap
		if w.planted("schema") > store.Schema {
			return 24 * time.Hour
		}
	}
	return total
}

// FuzzStateContent: from any content of the four keys a good token is back, as
// soon as whoever could have written it may be waited for.
func FuzzStateContent(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(scatter(seed), "text", "\x1b[2J\u202e")
	}
	f.Add([]byte{}, "", "")
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08"), "98_"+strings.Repeat("t", 120), "5")
	f.Fuzz(func(t *testing.T, choices []byte, text, other string) {
		if len(text)+len(other) > 1<<20 {
			t.Skip("more than anybody writes by mistake")
		}
		livesOn(t, chooser{choices: choices, own: []string{text, other}})
	})
}

// livesOn starts a daemon on, or has it meet, what is chosen.
func livesOn(t *testing.T, c chooser) {
	t.Helper()
	inWorld(t, []string{"stable", "classic"}[c.of(2)], func(w *world) {
		running := c.of(2) == 0
		if running || c.of(2) == 0 {
			w.start()
			w.wait(time.Minute)
		}
		if !running {
			w.kill()
		}
		w.scramble(&c)
		before := w.dump()
		defer func() {
			if t.Failed() {
				t.Log(before)
			}
		}()
		excuse := w.excuse()
		if excuse > 3*time.Hour {
			return
		}
		if !running {
			w.start()
		}
		w.endures(w.promise()+excuse, 3)
	})
}

// dump is all that lies in Redis.
func (w *world) dump() string {
	return fmt.Sprintf("%s: it is %d, and Redis holds %.20000s", w.config.Credentials[0].API, time.Now().UnixMilli(),
		w.redis.Dump())
}

// chooser takes decisions from a list of bytes, and the first choice when that
// has ended.
type chooser struct {
	choices []byte
	own     []string // texts of the fuzzer
}

func (c *chooser) of(n int) int {
	if len(c.choices) == 0 {
		return 0
	}
	choice := int(c.choices[0]) % n
	c.choices = c.choices[1:]
	return choice
}

func (c *chooser) text(from ...string) string {
	from = append(from, c.own...)
	return from[c.of(len(from))]
}

// scatter is a list of choices, each seed another one.
func scatter(seed uint64) []byte {
	out := make([]byte, 120)
	x := seed*0x9e3779b97f4a7c15 + 1
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = byte(x >> 32)
	}
	return out
}

// scramble writes into the four keys whatever is chosen.
func (w *world) scramble(c *chooser) {
	s, now := siblingsOf(testKey), time.Now()
	var times []string
	for _, d := range []time.Duration{-time.Hour, -time.Second, 0, time.Second, 30 * time.Second, 10 * time.Minute,
		2 * time.Hour, 10 * time.Hour} {
		times = append(times, strconv.FormatInt(now.Add(d).UnixMilli(), 10))
	}
	token := "98_" + strings.Repeat("t", 120)
	if c.of(4) == 0 {
		w.redis.HSet(s.state, "appid", testAppID, "issuer", "10.0.0.1")
	}
	for _, field := range stateNumbers {
		switch c.of(3) {
		case 1:
			w.redis.HSet(s.state, field, c.text(append(times, "1", "2", "7200000", "253402300799999")...))
		case 2:
			w.redis.HSet(s.state, field, c.text(nobodys...))
		}
	}
	for _, field := range stateTexts {
		if c.of(3) == 1 {
			w.redis.HSet(s.state, field, c.text(append(oddTexts(), token, otherAppID,
				store.State{Token: "x"}.Token.Fingerprint())...))
		}
	}
	ttls := []time.Duration{0, time.Second, time.Minute, time.Hour, 100 * time.Hour}
	for _, key := range []string{testKey, s.lease, s.rejected} {
		switch c.of(4) {
		case 1:
			w.put(key, c.text("", token, `{"access_token":"`+token+`"}`, "aa:1:1:30000", "aa:7:0:3600000", "aa:9:1:9e15",
				strings.Repeat("x", 100<<10), "\x1b[2J\u202e"), ttls[c.of(len(ttls))])
		case 2:
			w.lists(key)
		case 3:
			w.redis.Del(key)
		}
	}
	if c.of(16) == 1 {
		w.lists(s.state)
	}
}
