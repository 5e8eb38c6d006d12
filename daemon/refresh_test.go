package daemon

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

const bearer = "a-bearer-token-for-tests"

// protect gives the daemon a bearer token to ask for.
func (w *world) protect() {
	w.Helper()
	w.config.HTTP.TokenFile = filepath.Join(w.TempDir(), "bearer")
	if err := os.WriteFile(w.config.HTTP.TokenFile, []byte(bearer+"\n"), 0o600); err != nil {
		w.Fatal(err)
	}
}

// post is one POST /refresh/KEY.
func (w *world) post(key, authorization, body string) (code int, answer string) {
	w.Helper()
	transport := &http.Transport{DialContext: w.page.Dial, DisableKeepAlives: true}
	ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://10.0.0.3/refresh/"+key, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	content, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(content))
}

func TestRefreshIsGuarded(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(time.Second)
		if code, answer := w.post(testKey, "Bearer ", ""); code != http.StatusForbidden {
			t.Errorf("switched off: %d %s", code, answer)
		}
		w.kill()
		w.protect()
		w.start()
		w.wait(time.Second)
		cases := []struct {
			name, key, authorization, body string
			code                           int
		}{
			{"no token", testKey, "", "", http.StatusUnauthorized},
			{"wrong token", testKey, "Bearer wrong", "", http.StatusUnauthorized},
			{"not as a bearer", testKey, bearer, "", http.StatusUnauthorized},
			{"unknown key", "Other", "Bearer " + bearer, "", http.StatusNotFound},
			{"not JSON", testKey, "Bearer " + bearer, "token=1", http.StatusBadRequest},
			{"unknown field", testKey, "Bearer " + bearer, `{"tokn":"x"}`, http.StatusBadRequest},
			{"another token", testKey, "Bearer " + bearer, `{"token":"98_other"}`, http.StatusOK},
			{"another fingerprint", testKey, "Bearer " + bearer, `{"fingerprint":"0a1b2c3d"}`, http.StatusOK},
			{"no fingerprint", testKey, "Bearer " + bearer, `{"fingerprint":"zz"}`, http.StatusBadRequest},
			{"more than a fingerprint", testKey, "Bearer " + bearer, `{"fingerprint":"0a1b2c3d4"}`, http.StatusBadRequest},
			{"force and a token", testKey, "Bearer " + bearer, `{"force":true,"token":"98_other"}`, http.StatusBadRequest},
			{"any case of the scheme", testKey, "bEARER  " + bearer, `{"token":"98_other"}`, http.StatusOK},
			{"another scheme", testKey, "Basic " + bearer, `{"token":"98_other"}`, http.StatusUnauthorized},
			{"force and a fingerprint", testKey, "Bearer " + bearer, `{"force":true,"fingerprint":"0a1b2c3d"}`,
				http.StatusBadRequest},
		}
		for _, c := range cases {
			if code, answer := w.post(c.key, c.authorization, c.body); code != c.code {
				t.Errorf("%s: %d %s, want %d", c.name, code, answer, c.code)
			}
		}
		if w.mints() != 1 {
			t.Errorf("%d mints, want 1", w.mints())
		}
	})
}

// TestParseWish: a body names one thing, or it is a mistake. A reader whose
// variable is empty must not draw a token.
func TestParseWish(t *testing.T) {
	fingerprint := secret.Token("98_x").Fingerprint()
	for body, want := range map[string]keeper.Wish{
		"":                                 {},
		`{"token":"98_x"}`:                 {Fingerprint: fingerprint},
		" {\"token\" : \"98_x\"}\r\n":      {Fingerprint: fingerprint},
		`{"fingerprint":"0A1b2c3d"}`:       {Fingerprint: "0a1b2c3d"},
		`{"fingerprint":"token:0a1b2c3d"}`: {Fingerprint: "0a1b2c3d"},
		`{"force":true}`:                   {Force: true},
	} {
		if wish, problem := parseWish([]byte(body)); wish != want || problem != "" {
			t.Errorf("%q: %+v, %s", body, wish, problem)
		}
	}
	for _, body := range []string{
		`{"token":""}`, `{"token":null}`, `{"token":7}`, `{"token":["98_x"]}`, `{"fingerprint":""}`, `{"fingerprint":null}`,
		`{"fingerprint":"token:"}`,
		`{"force":false}`, `{"force":null}`, `{"force":"true"}`, `{"force":1}`, `{"Force":true}`,
		`{"force":true,"token":null}`, `{"token":"","force":true}`,
		`{"token":"98_x","fingerprint":"0a1b2c3d"}`, `{"token":"98_x","token":""}`, `{}`, `{} garbage`,
		`{"token":"98_x"} garbage`, `{"token":"98_x"}{}`,
		`[]`, `null`, `true`, `0`, `""`, ` `, "\n", "\t\r\n", "\ufeff", "\x00", `{"token":"98_x"`, `token=98_x`, `98_x`,
	} {
		if wish, problem := parseWish([]byte(body)); problem == "" {
			t.Errorf("%q is taken for %+v", body, wish)
		}
	}
}

// TestEmptyVariables: what a shell script with an empty variable sends.
func TestEmptyVariables(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.protect()
		w.start()
		w.wait(time.Minute)
		before := w.mints()
		for _, body := range []string{`{"token":""}`, `{"token":null}`, `{}`, `{} garbage`, `[]`, `null`, "\n"} {
			w.said(400, body, "exactly one of", "must be empty")
		}
		w.said(400, `{"token":"`+strings.Repeat("x", 5000)+`"}`, "longer than 4 KiB")
		code, answer := w.post(testKey+"?token=", "Bearer "+bearer, "")
		if code != 400 || !strings.Contains(answer, "in the body") {
			t.Errorf("a report behind a question mark: %d %s", code, answer)
		}
		w.wait(10 * time.Second)
		if w.mints() != before {
			t.Errorf("%d mints", w.mints()-before)
		}
	})
}

// TestThousandReports: one verification, and one mint if the reports are right.
func TestThousandReports(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.protect()
		w.start()
		w.wait(time.Minute)
		dead := secret.Token(w.read())
		w.draw(2)
		before := w.mints()
		for i := range 1000 {
			body := `{"token":"` + dead.Reveal() + `"}`
			if i%2 == 1 {
				body = `{"fingerprint":"` + dead.Fingerprint() + `"}`
			}
			if code, answer := w.post(testKey, "Bearer "+bearer, body); code >= 400 && code != http.StatusTooManyRequests {
				t.Fatalf("%d %s", code, answer)
			}
		}
		w.wait(15 * time.Second)
		if !w.accepted() || w.mints() != before+1 {
			t.Errorf("accepted: %v, %d mints, want 1\n%s", w.accepted(), w.mints()-before, w.logs)
		}
	})
}

// TestRefreshNow ends the wait after a failure that a person has cured.
func TestRefreshNow(t *testing.T) {
	inWorldOf(t, "classic", shortLife, func(w *world) {
		w.protect()
		w.warm()
		if err := w.wechat.SetSecret(testAppID, "another"); err != nil {
			t.Fatal(err)
		}
		w.wait(20 * time.Second)
		if err := w.wechat.SetSecret(testAppID, testSecret); err != nil {
			t.Fatal(err)
		}
		before := w.mints()
		if code, answer := w.post(testKey, "Bearer "+bearer, ""); code != http.StatusAccepted {
			t.Fatalf("%d %s", code, answer)
		}
		w.wait(5 * time.Second)
		if w.mints() != before+1 || !w.accepted() {
			t.Errorf("%d mints, want 1\n%s", w.mints()-before, w.logs)
		}
	})
}

// said posts a wish and wants all of the words in the answer.
func (w *world) said(code int, body string, words ...string) {
	w.Helper()
	got, answer := w.post(testKey, "Bearer "+bearer, body)
	if got != code {
		w.Errorf("%s: %d, want %d: %s", body, got, code, answer)
	}
	for _, word := range words {
		if !strings.Contains(answer, word) {
			w.Errorf("%s: %s, want %q in it", body, answer, word)
		}
	}
}

// TestAnswersSayWhy: an answer names the key, the reason and what to do.
func TestAnswersSayWhy(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.protect()
		w.start()
		w.wait(time.Minute)
		print := secret.Token(w.read()).Fingerprint()
		w.said(200, `{"token":"98_other"}`, `"result":"stale"`, testKey+": nothing to verify: this is not the current token",
			"read the key again")
		w.said(202, `{"fingerprint":"token:`+strings.ToUpper(print)+`"}`, `"result":"accepted"`,
			"WeChat is asked about this token")
		w.wait(5 * time.Second)
		w.said(429, `{"fingerprint":"`+print+`"}`, `"result":"limited"`, "WeChat was asked about this token a moment ago",
			"read the key again")
		for range 11 {
			w.said(202, "", `"result":"accepted"`, testKey+": accepted: waits are over")
		}
		w.said(202, `{"force":true}`, "replaced twice, 30s apart")
		w.said(429, `{"force":true}`, `"result":"limited"`, "a dozen refreshes were asked for within an hour",
			"find out who asks")
		w.redis.HSet("{"+testKey+"}:state", "requests_at", "0", "no_force_until",
			fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()))
		w.said(429, `{"force":true}`, `"result":"limited"`, "WeChat forces no more refreshes today", "after 00:00 UTC+8")
		w.said(202, "", `"result":"accepted"`)
		w.redis.HSet("{"+testKey+"}:state", "schema", fmt.Sprint(store.Schema+1))
		w.said(409, "", `"result":"changed"`, "a newer version of wxtokend keeps this key", "a key of its own")
	})
}

// TestReportOfARefusedToken is no report of an older one.
func TestReportOfARefusedToken(t *testing.T) {
	inWorld(t, "classic", func(w *world) {
		w.protect()
		w.start()
		w.wait(time.Minute)
		w.redis.HSet("{"+testKey+"}:state", "refused", secret.Token(w.read()).Fingerprint())
		w.said(200, `{"token":"`+w.read()+`"}`, `"result":"stale"`, "this token is known to be refused or expired")
	})
}

// TestWishWithoutAMint: who takes a wish and cannot carry it out says so.
func TestWishWithoutAMint(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.protect()
		w.start()
		w.wait(time.Minute)
		w.kill()
		w.config.Credentials[0].Mint = false
		w.start()
		w.wait(time.Second)
		for _, body := range []string{"", `{"force":true}`, `{"token":"` + w.read() + `"}`} {
			w.said(202, body, `"result":"accepted"`, "this replica has mint: false, so another one has to do it")
		}
		w.wait(3 * time.Second)
		if notes := fmt.Sprint(w.status()["notes"]); !strings.Contains(notes,
			"this replica has mint: false: another one has to draw the token") {
			t.Errorf("/status notes %s", notes)
		}
	})
}

// TestLeakedToken rotates a leaked token until WeChat refuses it.
func TestLeakedToken(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			inWorld(t, api, func(w *world) {
				w.protect()
				w.start()
				w.wait(time.Minute)
				leakedToken := w.read()
				if code, answer := w.post(testKey, "Bearer "+bearer, `{"force":true}`); code != http.StatusAccepted {
					t.Fatalf("%d %s", code, answer)
				}
				for range 40 {
					w.wait(time.Second)
					if !w.accepted() {
						t.Fatalf("a reader's token is refused\n%s", w.logs)
					}
				}
				if w.wechat.Accepts(testAppID, leakedToken) {
					t.Errorf("WeChat still accepts the leaked token\n%s", w.logs)
				}
				if w.mints() != 3 {
					t.Errorf("%d mints, want 3", w.mints())
				}
			})
		})
	}
}
