//go:build sdk

package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/layout"
)

// TestReaders has every SDK read what the daemon writes.
func TestReaders(t *testing.T) {
	for i, m := range modes() {
		t.Run(m.sdk+"/"+m.name, func(t *testing.T) {
			s := begin(t, i, m)
			t.Run("control", func(t *testing.T) { s.in(t).control() })
			t.Run("read", func(t *testing.T) { s.in(t).read() })
		})
	}
}

// story is one mode at work.
type story struct {
	*testing.T
	mode
	appid string
	db    int
	rdb   *redis.Client
	wire  *wire
	// token is what the daemon has, and expires its end.
	token   string
	expires time.Time
}

func begin(t *testing.T, i int, m mode) *story {
	rdb := redis.NewClient(&redis.Options{Addr: shared.redis, DB: i, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { _ = rdb.Close() })
	return &story{T: t, mode: m, appid: account(i), db: i, rdb: rdb}
}

// in is the same story with a wire of its own, told by another test.
func (s *story) in(t *testing.T) *story {
	told := *s
	told.T, told.wire = t, newWire(t, shared.simulator)
	return &told
}

func (s *story) client() *client {
	s.Helper()
	proxy := s.wire.base
	return startClient(s.T, s.command, []string{
		"MODE=" + s.name, "APPID=" + s.appid, "SECRET=" + appSecret,
		fmt.Sprintf("REDIS_URL=redis://%s/%d", shared.redis, s.db),
		"WECHAT_URL=" + s.wire.base, "HTTPS_PROXY=" + proxy, "https_proxy=" + proxy,
		"SSL_CERT_FILE=" + s.wire.authority, "REQUESTS_CA_BUNDLE=" + s.wire.authority,
		"NODE_EXTRA_CA_CERTS=" + s.wire.authority, "NODE_PATH=" + installed("node", "node_modules"),
	})
}

// control: in an empty Redis the SDK draws a token, and writes the keys that
// the layout names. That is what all other counts of zero are worth.
func (s *story) control() {
	s.flush()
	c := s.client()
	a := c.do("call")
	log := s.wire.since()
	if s.hook {
		if a.Error == "" || len(log) != 0 {
			s.Errorf("without a token the SDK did %v (%s)", log, a.Error)
		}
		return
	}
	if a.Error != "" || !slices.ContainsFunc(log, draws) || draws(log[len(log)-1]) {
		s.Fatalf("the SDK alone: %s, %v; want a draw and a call", a.Error, log)
	}
	// A layout has keys for the ways in which an SDK may be configured, or for versions of it.
	wrote := func(e layout.Entry) bool { return s.do("EXISTS", e.Key.Reveal()).(int64) == 1 }
	if !slices.ContainsFunc(s.entries(), wrote) {
		s.Errorf("the SDK wrote %v, and none of %v", s.do("KEYS", "*"), s.entries())
	}
}

// read: what the daemon wrote is read, rotated, put back.
func (s *story) read() {
	s.flush()
	s.rotate()
	c := s.client()
	s.called(c, "written")
	s.rotate()
	s.called(c, "rotated")
	s.remove()
	s.assert()
	s.called(c, "deleted and put back")
	s.remove()
	if a := c.do("call"); (a.Error != "") != s.hook {
		s.Errorf("a call without the key: %q", a.Error)
	}
	if log := s.wire.since(); slices.ContainsFunc(log, draws) == s.hook {
		s.Errorf("a call without the key: %v", log)
	}
	s.assert()
	s.called(c, "overwritten by the SDK and put back")
}

// called makes a call and wants it to be the only one, with the daemon's token.
func (s *story) called(c *client, when string) {
	s.Helper()
	a := c.do("call")
	log := s.wire.since()
	if a.Error != "" || len(log) != 1 || draws(log[0]) || log[0].Token != s.token || log[0].Code != 0 {
		s.Errorf("%s: error %q, requests %v; want one, with %s", when, a.Error, log, s.token)
	}
}

// draws tells whether a request asks for a credential.
func draws(r request) bool {
	return !slices.Contains([]string{"/cgi-bin/getcallbackip", "/cgi-bin/get_api_domain_ip", "/cgi-bin/message/template/send"}, r.Path)
}

// rotate draws two tokens, so that the one before is dead at once, and writes
// the second.
func (s *story) rotate() {
	s.Helper()
	for range 2 {
		var drawn struct {
			Token string `json:"access_token"`
		}
		body := fmt.Sprintf(`{"appid":%q,"channel":"classic","reason":"wxtokend"}`, s.appid)
		response, err := http.Post(shared.simulator+"/sim/draw", "application/json", strings.NewReader(body))
		if err != nil {
			s.Fatal(err)
		}
		err = json.NewDecoder(response.Body).Decode(&drawn)
		_ = response.Body.Close()
		if err != nil || drawn.Token == "" {
			s.Fatalf("draw: %v", err)
		}
		s.token, s.expires = drawn.Token, time.Now().Add(2*time.Hour)
	}
	s.assert()
}

func (s *story) flush() { s.do("FLUSHDB") }

func (s *story) do(args ...any) any {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := s.rdb.Do(ctx, args...).Result()
	if err != nil {
		s.Fatalf("%v: %v", args[0], err)
	}
	return answer
}
