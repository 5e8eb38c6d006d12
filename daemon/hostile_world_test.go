package daemon

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// siblings are the keys beside what readers read.
type siblings struct{ state, lease, rejected string }

func siblingsOf(key string) siblings {
	return siblings{"{" + key + "}:state", "{" + key + "}:lease", "{" + key + "}:rejected"}
}

// put writes a string that ends after ttl, never if that is 0.
func (w *world) put(key, text string, ttl time.Duration) {
	w.Helper()
	w.redis.Del(key)
	w.must(w.redis.Set(key, text))
	if ttl > 0 {
		w.redis.SetTTL(key, ttl)
	}
}

func (w *world) lists(keys ...string) {
	w.Helper()
	for _, key := range keys {
		w.redis.Del(key)
		_, err := w.redis.Push(key, "x")
		w.must(err)
	}
}

// promise is how long it takes from any content of Redis until readers have a good
// token, where WeChat gives one.
func (w *world) promise() time.Duration {
	return w.config.Refresh.Lease + w.config.Refresh.Poll + w.config.WeChat.Timeout
}

// goodWithin is how long it takes until readers get a good token.
func (w *world) goodWithin(what string, most time.Duration) time.Duration {
	w.Helper()
	start := time.Now()
	for !w.accepted() {
		w.wait(100 * time.Millisecond)
		if took := time.Since(start); took > most {
			w.Fatalf("%q: no good token after %v, readers get %.40q\n%s", what, took, w.read(), w.tail())
		}
	}
	return time.Since(start)
}

// tail is the last of the log.
func (w *world) tail() string { return w.logs.String()[max(0, len(w.logs.String())-4000):] }

// endures: readers have a good token within most and keep it, unless another
// daemon may be waited for, for at most so many
// calls, at no other pace than the poll's, and people are told in bounded and
// harmless words.
func (w *world) endures(most time.Duration, calls int) {
	w.Helper()
	made, start := w.calls(), time.Now()
	w.wait(w.config.Refresh.Poll / 2)
	commands := w.redis.CommandCount()
	w.shown()
	w.goodWithin("", most)
	w.shown()
	for range 20 {
		w.wait(15 * time.Second)
		if !w.accepted() && most <= w.promise() {
			w.Fatalf("the good token was lost again\n%s", w.tail())
		}
		w.goodWithin("lost again", most)
	}
	w.shown()
	if more := w.calls() - made; more > calls {
		w.Errorf("%d calls, want at most %d\n%s", more, calls, w.tail())
	}
	// A look is one, and an action and a question are some more.
	if n, polls := w.redis.CommandCount()-commands, int(time.Since(start)/w.config.Refresh.Poll); n > 40*polls+200 {
		w.Errorf("%d commands in %d polls", n, polls)
	}
	if most <= w.promise() && w.daemon.Ready() != nil {
		w.Errorf("not ready: %v", w.daemon.Ready())
	}
}

// shown: whatever lies in Redis, each page answers, and shows it in bounded and
// harmless words.
func (w *world) shown() {
	w.Helper()
	for _, page := range []string{"/", "/status", "/readyz", "/readyz/" + testKey, "/healthz", "/metrics"} {
		code, body := w.get(page)
		if code != http.StatusOK && (code != http.StatusServiceUnavailable || !strings.HasPrefix(page, "/readyz")) {
			w.Errorf("%s is %d: %.200q", page, code, body)
		}
		if len(body) > 128<<10 || !utf8.ValidString(body) || strings.ContainsFunc(body, hidden) {
			w.Errorf("%s shows what it should not, %d bytes", page, len(body))
		}
		var answer any
		if page == "/status" && json.Unmarshal([]byte(body), &answer) == nil && hides(answer) {
			w.Errorf("/status hides something: %.2000s", body)
		}
	}
	for line := range strings.Lines(w.logs.String()) {
		if len(line) > 8<<10 || strings.ContainsFunc(line, hidden) {
			w.Errorf("the log shows what it should not: %.2000q", line)
		}
	}
}

// hidden says that a character could rewrite a screen or turn a word around.
func hidden(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}

// hides says that a text somewhere in a value of JSON has such a character.
func hides(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.ContainsFunc(v, hidden)
	case []any:
		return slices.ContainsFunc(v, hides)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hides)
	}
	return false
}

// account is what may name somebody's account.
var account = regexp.MustCompile(`^[!-~]{1,128}$`)
