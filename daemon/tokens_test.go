package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechatsim"
)

const consumerSecret = "CANARYconsumer0123456789abcdef01"

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// lending switches the token API on, for one consumer of the one key.
func (w *world) lending() {
	w.config.HTTP.Listen = "127.0.0.1:80"
	shop := config.Consumer{Name: "shop", SecretSHA256: sumOf(consumerSecret), Keys: []string{testKey}}
	w.config.HTTP.Consumers = []config.Consumer{shop}
}

// ask sends a request with the consumer's secret, on a connection of its own.
func (w *world) ask(method, path, body string) (*http.Response, string) {
	w.Helper()
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return w.page.Dial(ctx, network, addr)
		},
	}}
	request, err := http.NewRequestWithContext(w.Context(), method, "http://10.0.0.3"+path, strings.NewReader(body))
	w.must(err)
	request.Header.Set("Authorization", "Bearer "+consumerSecret)
	response, err := client.Do(request)
	if err != nil {
		w.Fatalf("%s: %v", path, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	w.must(err)
	return response, string(text)
}

// lent is the token of GET /token/KEY and its life, "" if there is none.
func (w *world) lent() (token string, left time.Duration) {
	w.Helper()
	response, text := w.ask(http.MethodGet, "/token/"+testKey, "")
	var got struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		w.Fatalf("%d: %s", response.StatusCode, text)
	}
	return got.AccessToken, time.Duration(got.ExpiresIn) * time.Second
}

// TestTokenAPIServesWhatReadersGet asks all the time, over all that can happen to
// a token: what is lent is accepted by WeChat for as long as the answer says.
func TestTokenAPIServesWhatReadersGet(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			inWorld(t, api, func(w *world) {
				w.lending()
				w.start()
				w.wait(10 * time.Millisecond)
				type loan struct {
					token string
					until time.Time
				}
				var loans []loan
				for range 3 * 2 * 60 {
					w.wait(time.Minute)
					token, left := w.lent()
					if token == "" || token != w.read() {
						w.Fatalf("lent %v, readers have %v", secret.Token(token), secret.Token(w.read()))
					}
					loans = append(loans, loan{token, time.Now().Add(left)})
					for _, l := range loans {
						if time.Now().Before(l.until) && !w.wechat.Accepts(testAppID, l.token) {
							w.Fatalf("%v was lent until %v, and is refused\n%s", secret.Token(l.token), l.until, w.story())
						}
					}
				}
				if w.mints() < 3 {
					w.Errorf("only %d tokens", w.mints())
				}
			})
		})
	}
}

// TestTokenAPIWithoutAToken: what /readyz calls unready is not lent.
func TestTokenAPIWithoutAToken(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.lending()
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40164, Times: 1, Message: "invalid ip 192.0.2.7"})
		w.start()
		none := func(when string) {
			w.Helper()
			response, text := w.ask(http.MethodGet, "/token/"+testKey, "")
			if ready, _ := w.get("/readyz/" + testKey); ready != 503 || response.StatusCode != 503 ||
				!strings.HasPrefix(text, `{"errcode":-1,"errmsg":"system error`) || strings.Contains(text, "192.0.2") {
				w.Errorf("%s: ready %d, %d %s", when, ready, response.StatusCode, text)
			}
		}
		w.wait(time.Second)
		none("before there is one")
		w.wait(15 * time.Minute)
		if token, left := w.lent(); !w.wechat.Accepts(testAppID, token) || left < 90*time.Minute {
			w.Errorf("lent %v for %v", secret.Token(token), left)
		}
		w.toRedis.Hang(true)
		w.wait(20 * time.Second)
		if token, _ := w.lent(); !w.wechat.Accepts(testAppID, token) {
			w.Error("within a lease of the last look the token is good")
		}
		w.wait(20 * time.Second)
		none("without Redis")
		w.toRedis.Heal()
		w.wait(recovery)
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40001, Path: wechatsim.PathDomainIP, Times: 5})
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultStatus})
		w.wait(20 * time.Minute)
		none("refused")
		w.leaks("the log", w.logs.String())
		if strings.Contains(w.logs.String(), consumerSecret[:16]) {
			w.Error("the secret of the consumer is in the log")
		}
	})
}

// TestForcedRefreshIsAReport: an app that was refused asks for a new token, and
// WeChat is asked whether it is true.
func TestForcedRefreshIsAReport(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.lending()
		w.start()
		w.wait(10 * time.Minute)
		before := w.read()
		const call = `{"grant_type":"client_credential","appid":"` + testAppID + `","secret":"` + consumerSecret + `",` +
			`"force_refresh":true}`
		force := func() string {
			_, text := w.ask(http.MethodPost, "/cgi-bin/stable_token", call)
			return text
		}
		if text := force(); !strings.Contains(text, `"access_token":"`+before+`"`) {
			w.Fatalf("got %s", text)
		}
		w.wait(2 * time.Minute)
		if w.read() != before || w.mints() != 1 {
			w.Error("a good token was replaced")
		}
		w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40001, Path: wechatsim.PathDomainIP, Times: 2})
		force()
		w.wait(2 * time.Minute)
		if w.read() == before || !w.accepted() {
			w.Errorf("the refused token is still there\n%s", w.story())
		}
	})
}

// TestLongPoll learns of a new token as soon as it is there, and of the end of the daemon.
func TestLongPoll(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.lending()
		w.start()
		w.wait(time.Minute)
		path := func() string { return "/token/" + testKey + "?after=" + secret.Token(w.read()).Fingerprint() }
		poll := func() (code int, text string, took time.Duration) {
			began := time.Now()
			response, text := w.ask(http.MethodGet, path(), "")
			return response.StatusCode, text, time.Since(began).Round(time.Second)
		}
		if code, text, took := poll(); code != http.StatusNotModified || text != "" || took != maxLongPoll {
			w.Errorf("%d %q after %v", code, text, took)
		}
		time.AfterFunc(15*time.Second, func() {
			_, _, _ = w.daemon.registry.find(testKey).Wish(w.Context(), keeper.Wish{Force: true})
		})
		before := w.read()
		code, text, took := poll()
		if code != 200 || w.read() == before || !strings.Contains(text, w.read()) || took > 20*time.Second {
			w.Errorf("%d %q after %v", code, text, took)
		}
		// It is forced twice.
		w.wait(time.Minute)
		time.AfterFunc(5*time.Second, w.stop)
		code, text, took = poll()
		if code != http.StatusServiceUnavailable || !strings.Contains(text, "stops") || took != 5*time.Second {
			w.Errorf("at its end: %d %q after %v", code, text, took)
		}
	})
}

// maxLongPoll is for how long the API waits.
const maxLongPoll = 25 * time.Second
