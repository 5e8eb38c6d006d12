package daemon

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/secret"
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
