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
	w.config.HTTP.Consumers = []config.Consumer{{Name: "shop", SecretSHA256: sumOf(consumerSecret), Keys: []string{testKey}}}
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
			return response.StatusCode, text, time.Since(began)
		}
		if code, text, took := poll(); code != http.StatusNotModified || text != "" || took.Round(time.Second) != maxLongPoll {
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
		if code != http.StatusServiceUnavailable || !strings.Contains(text, "stops") || took.Round(time.Second) != 5*time.Second {
			w.Errorf("at its end: %d %q after %v", code, text, took)
		}
	})
}

// TestReloadedConsumers: who is written down may read at the next look, and who
// is not any more may not. The address that the process has is what counts.
func TestReloadedConsumers(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		code := func(key string) int {
			w.Helper()
			response, _ := w.ask(http.MethodGet, "/token/"+key, "")
			return response.StatusCode
		}
		shop := func(keys ...string) func(c *config.Config) {
			return func(c *config.Config) {
				c.Credentials = all
				c.HTTP.Consumers = []config.Consumer{{Name: "shop", SecretSHA256: sumOf(consumerSecret), Keys: keys}}
			}
		}
		first, second := all[0].Key, all[1].Key
		d.write("two", nil, func(c *config.Config) {
			shop(first, second)(c)
			// It would listen there after a restart.
			c.HTTP.Listen = "127.0.0.1:80"
		})
		w.wait(3 * watchEvery)
		if code(first) != 404 || len(w.daemon.Overview().Notes) != 1 || len(keysOf(w)) != 1 {
			t.Errorf("served readable for all: %d, notes %q", code(first), w.daemon.Overview().Notes)
		}
		w.kill()
		w.config.HTTP.Listen = "127.0.0.1:80"
		d.config = w.config
		w.start()
		w.wait(time.Minute)
		if code(first) != 404 {
			t.Errorf("without consumers: %d", code(first))
		}
		for _, step := range []struct {
			name          string
			keys          []string
			first, second int
		}{
			{"both", []string{first, second}, 200, 200}, {"the second", []string{second}, 403, 200},
			{"the first", []string{first}, 200, 403},
		} {
			d.write(step.name, nil, shop(step.keys...))
			w.wait(3*watchEvery + recovery)
			if code(first) != step.first || code(second) != step.second || w.daemon.Overview().Notes != nil {
				t.Errorf("%s: %d, %d, notes %q", step.name, code(first), code(second), w.daemon.Overview().Notes)
			}
		}
		if n := w.logged("the token API has the consumers of the new configuration"); n != 3 {
			t.Errorf("said %d times\n%s", n, w.story())
		}
		if page := w.page1("/metrics"); !strings.Contains(page, `wxtokend_token_api_requests_total{consumer="shop",result="ok"} 4`) {
			t.Error("not counted")
		}
		d.write("none", nil, func(c *config.Config) { c.HTTP.Consumers = nil })
		w.wait(3 * watchEvery)
		if code(first) != 404 || strings.Contains(w.page1("/metrics"), "token_api") {
			t.Errorf("switched off: %d", code(first))
		}
		w.leaks("the log", w.logs.String())
	})
}

// TestAnotherAccountUnderTheKey: until its own token is there, nobody gets one.
func TestAnotherAccountUnderTheKey(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		w.kill()
		w.lending()
		w.config.HTTP.Consumers[0].Keys = []string{all[0].Key}
		d.config = w.config
		w.start()
		w.wait(time.Minute)
		other := all[1]
		other.Key = all[0].Key
		d.write("another", nil, func(c *config.Config) { c.Credentials = []config.Credential{other} })
		asked, lent := 0, 0
		for range 600 {
			w.wait(time.Second)
			response, text := w.ask(http.MethodGet, "/token/"+other.Key, "")
			asked++
			if response.StatusCode != 200 {
				continue
			}
			lent++
			var got struct {
				AccessToken string `json:"access_token"`
			}
			w.must(json.Unmarshal([]byte(text), &got))
			configured := w.daemon.registry.find(other.Key).config.AppID
			if !w.wechat.Accepts(configured, got.AccessToken) {
				t.Fatalf("a token of another account than %s", configured)
			}
		}
		if configured := w.daemon.registry.find(other.Key).config.AppID; configured != other.AppID || lent < asked/2 {
			t.Errorf("%s is configured, %d of %d were served\n%s", configured, lent, asked, w.story())
		}
	})
}

// maxLongPoll is for how long the API waits.
const maxLongPoll = 25 * time.Second
