package tokenapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/secret"
)

func TestByKey(t *testing.T) {
	inWorld(t, func(w *world) {
		print := value("A").Fingerprint()
		got := w.get("/token/A", shop)
		w.expect("a token", got, 200, fmt.Sprintf(`{"access_token":"%s","expires_in":7200,"fingerprint":"%s"}`,
			value("A").Reveal(), print))
		for name, want := range map[string]string{"ETag": `"` + print + `"`, "Cache-Control": "private, max-age=7170",
			"Content-Type": "application/json", "Vary": "Authorization", "X-Content-Type-Options": "nosniff"} {
			if got.Header().Get(name) != want {
				t.Errorf("%s: %q, want %q", name, got.Header().Get(name), want)
			}
		}
		time.Sleep(90*time.Minute + 100*time.Millisecond)
		w.expect("a ticket, later", w.get("/token/A-js", shop), 200, fmt.Sprintf(
			`{"ticket":"%s","expires_in":1799,"fingerprint":"%s"}`, value("A-js").Reveal(), value("A-js").Fingerprint()))
		w.expect("enough life", w.get("/token/A?min=29m", shop), 200,
			fmt.Sprintf(`{"access_token":"%s","expires_in":1799,"fingerprint":"%s"}`, value("A").Reveal(), print))
		w.refused("too little life", w.get("/token/A?min=30m", shop), 503, -1)
		for _, path := range []string{"/token/A?min=30", "/token/A?min=-1s", "/token/A?after=x", "/token/A?after=1234567g",
			"/token/A?min=3h;after=x", "/token/A?min=3h%", "/token/A?after=00000000&min=%zz"} {
			w.refused(path, w.get(path, shop), 400, 40035)
		}
		for _, tags := range []string{`"` + print + `"`, `"x", W/"` + print + `"`, "*"} {
			got := w.get("/token/A", shop, "If-None-Match", tags)
			w.expect(tags, got, 304, "")
			if got.Header().Get("ETag") != `"`+print+`"` || got.Header().Get("Cache-Control") != "private, max-age=1769" {
				t.Errorf("%v", got.Header())
			}
		}
		if got := w.get("/token/A", shop, "If-None-Match", `"00000000"`); got.Code != 200 {
			t.Errorf("another tag: %d", got.Code)
		}
		time.Sleep(29*time.Minute + 50*time.Second)
		if got := w.get("/token/A", shop); got.Header().Get("Cache-Control") != "private, max-age=0" {
			t.Errorf("at its end: %v", got.Header())
		}
		time.Sleep(10 * time.Second)
		w.refused("expired", w.get("/token/A", shop), 503, -1)
		w.daemon.drop("A")
		w.refused("none", w.get("/token/A", shop), 503, -1)
		w.refused("none, in the eyes of a cache", w.get("/token/A", shop, "If-None-Match", "*"), 503, -1)
	})
}

// TestMethods: a right path with a wrong method is no path that does not exist.
func TestMethods(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, c := range []struct {
			method, path, allow string
			code                int
		}{
			{http.MethodPost, "/token/A", http.MethodGet, 43001}, {http.MethodOptions, "/token/A", http.MethodGet, 43001},
			{http.MethodGet, "/jssdk/A-js", http.MethodPost, 43002}, {http.MethodPut, "/jssdk/A-js", http.MethodPost, 43002},
		} {
			got := w.ask(c.method, c.path, "", shop)
			w.refused(c.method+" "+c.path, got, 405, c.code)
			if got.Header().Get("Allow") != c.allow {
				t.Errorf("%s %s: %v", c.method, c.path, got.Header())
			}
		}
		if got := w.ask(http.MethodHead, "/token/A", "", shop); got.Code != 200 || got.Header().Get("ETag") == "" {
			t.Errorf("HEAD: %d %v", got.Code, got.Header())
		}
		if w.counted[" bad_request"] != 4 || w.counted["shop ok"] != 1 {
			t.Errorf("counted %v", w.counted)
		}
	})
}

// TestNobodyElse: who has no right gets one answer, be it about a key of others or about none.
func TestNobodyElse(t *testing.T) {
	inWorld(t, func(w *world) {
		paths := []string{"/token/A", "/token/W", "/token/B", "/token/none"}
		for _, path := range paths {
			w.refused("no secret: "+path, w.get(path, ""), 401, 40125)
			w.refused("a wrong one: "+path, w.get(path, nobody), 401, 40125)
			w.refused("in the query: "+path, w.get(path+"?secret="+shop, ""), 401, 40125)
			w.refused("another scheme: "+path, w.get(path, "", "Authorization", "Basic "+shop), 401, 40125)
		}
		if w.get("/token/A", nobody).Body.String() != w.get("/token/none", "").Body.String() {
			t.Error("a wrong secret learns which keys there are")
		}
		for _, path := range paths[1:] {
			got := w.get(path, shop)
			w.refused("foreign: "+path, got, 403, 40013)
			if got.Body.String() != w.get("/token/none", shop).Body.String() {
				t.Error("a consumer learns which keys there are")
			}
		}
		if w.counted[" unauthorized"] != 18 || w.counted["shop forbidden"] != 6 || len(w.counted) != 2 {
			t.Errorf("counted %v", w.counted)
		}
		// A key whose credential is about to become another account's.
		w.daemon.tokens["A"] = w.daemon.tokens["B"]
		w.refused("of another account", w.get("/token/A", shop), 503, -1)
	})
}

func TestSwitchedOff(t *testing.T) {
	inWorld(t, func(w *world) {
		w.api.Use(nil)
		for _, path := range []string{"/token/A", "/cgi-bin/token", "/WeChatService.ashx", "/"} {
			w.expect(path, w.get(path, shop), http.StatusTeapot, "")
		}
		w.api.Use(consumersOf()[1:])
		w.refused("a consumer that has gone", w.get("/token/A", shop), 401, 40125)
		w.expect("another path", w.get("/status", ""), http.StatusTeapot, "")
	})
}

// TestLongPoll: it ends with a new token, with the time, the client, the consumers and the daemon.
func TestLongPoll(t *testing.T) {
	inWorld(t, func(w *world) {
		path := "/token/A?after=" + value("A").Fingerprint()
		become := func(value secret.Token) { w.daemon.set("A", func(t *Token) { t.Value = value }) }
		renew := func() { become(value("new")) }
		for _, c := range []struct {
			what   string
			after  time.Duration
			do     func()
			status int
			took   time.Duration
		}{
			{"nothing", time.Hour, func() {}, 304, 25 * time.Second},
			{"a new token", 7 * time.Second, renew, 200, 7 * time.Second},
			{"it is another one already", time.Hour, func() {}, 200, 0},
			{"other consumers", 3 * time.Second, func() { w.api.Use(consumersOf()) }, 503, 3 * time.Second},
			{"the end", 5 * time.Second, w.api.Stop, 503, 5 * time.Second},
			{"after the end", time.Hour, func() {}, 503, 0},
		} {
			began, timer := time.Now(), time.AfterFunc(c.after, c.do)
			got := w.get(path, shop)
			timer.Stop()
			if took := time.Since(began); got.Code != c.status || (took-c.took).Abs() > lookEvery {
				t.Errorf("%s: %d after %v, want %d after %v", c.what, got.Code, took, c.status, c.took)
			}
			if c.what == "it is another one already" {
				become(value("A"))
			}
		}
	})
}

// TestLongPollWaitsForLife: a reader may have no token at all yet, or need more life.
func TestLongPollWaitsForLife(t *testing.T) {
	inWorld(t, func(w *world) {
		token := w.daemon.tokens["A"]
		w.daemon.drop("A")
		w.refused("none comes", w.get("/token/A?after=00000000", shop), 503, -1)
		living := func(life time.Duration) func() {
			return func() {
				w.daemon.set("A", func(t *Token) { *t = token; t.Until = time.Now().Add(life) })
			}
		}
		time.AfterFunc(10*time.Second, living(time.Minute))
		time.AfterFunc(20*time.Second, living(time.Hour))
		began := time.Now()
		if got := w.get("/token/A?min=10m&after=00000000", shop); got.Code != 200 || time.Since(began) < 20*time.Second {
			t.Errorf("%d after %v", got.Code, time.Since(began))
		}
	})
}

// TestLongPollIsBounded: 64 wait, and whoever asks without waiting is answered.
func TestLongPollIsBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		answers := make(chan *httptest.ResponseRecorder)
		for range maxWaiting + 10 {
			go func() { answers <- w.get("/token/W?after="+value("W").Fingerprint(), corp) }()
		}
		began, many, codes := time.Now(), 0, map[int]int{}
		for range maxWaiting + 10 {
			got := <-answers
			codes[got.Code]++
			if time.Since(began) < time.Second {
				many++
				if !strings.Contains(got.Body.String(), "too many") {
					t.Error(got.Body)
				}
				if w.get("/token/W", corp).Code != 200 {
					t.Error("others are not answered")
				}
			}
		}
		if many != 10 || codes[304] != maxWaiting || codes[503] != 10 {
			t.Errorf("%d at once, %v", many, codes)
		}
		if got := w.get("/token/W?after="+value("W").Fingerprint(), corp); got.Code != 304 {
			t.Errorf("afterwards: %d", got.Code)
		}
	})
}
