package daemon

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
)

// shop may read the tokens of the given keys, which are among those of all.
func shop(all []config.Credential, keys ...string) func(c *config.Config) {
	return func(c *config.Config) {
		c.Credentials = all
		c.HTTP.Consumers = []config.Consumer{{Name: "shop", SecretSHA256: sumOf(consumerSecret), Keys: keys}}
	}
}

// lendsWith is the status with which the token of a key is lent or refused.
func (w *world) lendsWith(key string) int {
	w.Helper()
	response, _ := w.ask(http.MethodGet, "/token/"+key, "")
	return response.StatusCode
}

// TestReloadedConsumers: who is written down may read at the next look, and who
// is not any more may not. The address that the process has is what counts.
func TestReloadedConsumers(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		first, second := all[0].Key, all[1].Key
		d.write("two", nil, func(c *config.Config) {
			shop(all, first, second)(c)
			// It would listen there after a restart.
			c.HTTP.Listen = "127.0.0.1:80"
		})
		w.wait(3 * watchEvery)
		if w.lendsWith(first) != 404 || len(w.daemon.Overview().Notes) != 1 || len(keysOf(w)) != 1 {
			t.Errorf("served readable for all: %d, notes %q", w.lendsWith(first), w.daemon.Overview().Notes)
		}
		w.kill()
		w.config.HTTP.Listen = "127.0.0.1:80"
		d.config = w.config
		w.start()
		w.wait(time.Minute)
		if w.lendsWith(first) != 404 {
			t.Errorf("without consumers: %d", w.lendsWith(first))
		}
		for _, step := range []struct {
			name          string
			keys          []string
			first, second int
		}{
			{"both", []string{first, second}, 200, 200}, {"the second", []string{second}, 403, 200},
			{"the first", []string{first}, 200, 403},
		} {
			d.write(step.name, nil, shop(all, step.keys...))
			w.wait(3*watchEvery + recovery)
			if w.lendsWith(first) != step.first || w.lendsWith(second) != step.second || w.daemon.Overview().Notes != nil {
				t.Errorf("%s: %d, %d, notes %q", step.name, w.lendsWith(first), w.lendsWith(second), w.daemon.Overview().Notes)
			}
		}
		if n := w.logged("the token API has the consumers of the new configuration"); n != 3 {
			t.Errorf("said %d times\n%s", n, w.story())
		}
		const counted = `wxtokend_token_api_requests_total{consumer="shop",result="ok"} 4`
		if page := w.page1("/metrics"); !strings.Contains(page, counted) {
			t.Error("not counted")
		}
		d.write("none", nil, func(c *config.Config) { c.HTTP.Consumers = nil })
		w.wait(3 * watchEvery)
		if w.lendsWith(first) != 404 || strings.Contains(w.page1("/metrics"), "token_api") {
			t.Errorf("switched off: %d", w.lendsWith(first))
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
