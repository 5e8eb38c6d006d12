package tokenapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/metrics"
)

// fake is a daemon.
type fake struct {
	mu      sync.Mutex
	tokens  map[string]Token
	reports []string
	down    bool
}

func (f *fake) Find(key string) (Token, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, found := f.tokens[key]
	return t, found
}

// set changes what readers of a key get.
func (f *fake) set(key string, change func(*Token)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.tokens[key]
	change(&t)
	f.tokens[key] = t
}

func (f *fake) drop(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tokens, key)
}

func (f *fake) Report(_ context.Context, key, fingerprint string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, key+" "+fingerprint)
	if f.down {
		return errors.New("Redis does not answer")
	}
	return nil
}

// The secrets of the consumers.
const (
	shop   = "secret-of-the-shop-CANARY"
	corp   = "secret-of-the-corp-CANARY"
	nobody = "secret-of-nobody-CANARY"
)

// world is an API with two consumers, in virtual time.
type world struct {
	*testing.T
	daemon  *fake
	api     *API
	handler http.Handler
	logs    bytes.Buffer
	counted map[string]int
	// Where requests come from.
	from string
}

func value(key string) secret.Token {
	return secret.Token("98_" + strings.Repeat("token-of-"+key+"-", 10))
}

// consumersOf are those of the world: every kind there is.
func consumersOf() []Consumer {
	sum := func(text string) [32]byte { return sha256.Sum256([]byte(text)) }
	return []Consumer{
		{Name: "shop", Sum: sum(shop), Keys: []Credential{
			{"A", Identity{Kind: credential.OfficialAccount, Account: "wx1"}},
			{"A2", Identity{Kind: credential.OfficialAccount, Account: "wx1"}},
			{"A-js", Identity{Kind: credential.JSAPITicket, Account: "wx1", From: "A"}},
			{"A-card", Identity{Kind: credential.WXCardTicket, Account: "wx1", From: "A"}},
		}, Origins: []string{"https://shop.example.com", "http://localhost:8080"}},
		{Name: "corp", Sum: sum(corp), Origins: []string{"https://corp.example.com"}, Keys: []Credential{
			{"W", Identity{Kind: credential.WeCom, Account: "ww1"}},
			{"W-js", Identity{Kind: credential.WeComJSAPITicket, Account: "ww1", From: "W"}},
			{"W-agent", Identity{Kind: credential.WeComAgentTicket, Account: "ww1", From: "W"}},
		}},
	}
}

func inWorld(t *testing.T, body func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, daemon: &fake{tokens: map[string]Token{}}, counted: map[string]int{}, from: "192.0.2.1:1000"}
		w.api = New(Options{Tokens: w.daemon, Log: slog.New(slog.NewTextHandler(&w.logs, nil)),
			Count: func(consumer string, result metrics.APIResult) {
				w.daemon.mu.Lock()
				defer w.daemon.mu.Unlock()
				w.counted[consumer+" "+string(result)]++
			}})
		add := func(key string, whose Identity) {
			w.daemon.tokens[key] = Token{Identity: whose, Value: value(key), Until: time.Now().Add(2 * time.Hour)}
		}
		for _, c := range consumersOf() {
			for _, key := range c.Keys {
				add(key.Key, key.Identity)
			}
		}
		// Somebody else's, which no consumer may read.
		add("B", Identity{credential.OfficialAccount, "wx2", ""})
		add("B-js", Identity{credential.JSAPITicket, "wx2", "B"})
		w.api.Use(consumersOf())
		w.handler = w.api.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		}))
		body(w)
		for _, canary := range []string{shop, corp, nobody, "token-of-"} {
			if strings.Contains(w.logs.String(), canary) {
				t.Errorf("the log has %q:\n%s", canary, w.logs.String())
			}
		}
	})
}

// ask sends a request; with a secret it stands in the header.
func (w *world) ask(method, path, body, secret string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = w.from
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r.WithContext(w.Context()))
	return answer
}

func (w *world) get(path, secret string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	return w.ask(http.MethodGet, path, "", secret, header...)
}

// expect wants an answer with this status and exactly this body.
func (w *world) expect(what string, got *httptest.ResponseRecorder, status int, body string) {
	w.Helper()
	if got.Code != status || got.Body.String() != body {
		w.Errorf("%s:\n%d %s\nwant\n%d %s", what, got.Code, got.Body, status, body)
	}
}

// refused wants an answer with this status and errcode, and with nothing of a token.
func (w *world) refused(what string, got *httptest.ResponseRecorder, status, code int) {
	w.Helper()
	var e struct {
		Code    *int   `json:"errcode"`
		Message string `json:"errmsg"`
	}
	err := json.Unmarshal(got.Body.Bytes(), &e)
	if err != nil || got.Code != status || e.Code == nil || *e.Code != code || e.Message == "" {
		w.Errorf("%s: %d %s, want %d with errcode %d", what, got.Code, got.Body, status, code)
	}
	if strings.Contains(got.Body.String(), "token-of-") || strings.Contains(got.Body.String(), "CANARY") {
		w.Errorf("%s: it has a token or a secret: %s", what, got.Body)
	}
	if cache := got.Header().Get("Cache-Control"); cache != "no-store" {
		w.Errorf("%s: Cache-Control: %s", what, cache)
	}
}
