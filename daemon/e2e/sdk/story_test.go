//go:build sdk

package sdk

import (
	"context"
	"fmt"
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
			rdb := redis.NewClient(&redis.Options{Addr: shared.redis, DB: i, Protocol: 2, DisableIdentity: true})
			defer rdb.Close()
			s := story{mode: m, account: m.accountAt(i), db: i, rdb: rdb}
			if m.moved {
				t.Run("moved", func(t *testing.T) { s.told(t, appSecret, (*story).elsewhere) })
				return
			}
			// Whoever brings the token himself needs no secret.
			secret := map[bool]string{true: "none", false: appSecret}[m.hook]
			t.Run("alone", func(t *testing.T) { s.told(t, secret, (*story).alone) })
			t.Run("with wxtokend", func(t *testing.T) { s.told(t, secret, (*story).together) })
			t.Run("refused", func(t *testing.T) { s.told(t, secret, (*story).refused) })
			if !m.hook && !m.target.NeedsSecret(m.kinds[0]) {
				t.Run("without the secret", func(t *testing.T) { s.told(t, "none", (*story).powerless) })
			}
		})
	}
}

// story is one mode at work.
type story struct {
	*testing.T
	mode
	account     string
	db          int
	rdb         *redis.Client
	wire        *wire
	tokens      *wire
	client      *client
	credentials []*credential
}

// told tells a part of the story with a new client, which is given that secret,
// an empty Redis and a wire of its own.
func (s story) told(t *testing.T, secret string, part func(*story)) {
	s.T, s.wire, s.tokens = t, newWire(t, shared.simulator), newWire(t, shared.simulator)
	s.do("FLUSHDB")
	for _, kind := range s.kinds {
		c := &credential{kind: kind, target: s.target}
		if s.hook {
			c.target.Key = ownKey(kind)
		}
		s.credentials = append(s.credentials, c)
	}
	proxy := s.wire.base
	s.client = startClient(t, s.command, []string{
		"MODE=" + s.name, "APPID=" + s.account, "AGENTID=" + s.agent, "SECRET=" + secret,
		fmt.Sprintf("REDIS_URL=redis://%s/%d", shared.redis, s.db),
		"WECHAT_URL=" + s.wire.base, "TOKEN_URL=" + s.tokens.base, "HTTPS_PROXY=" + proxy, "https_proxy=" + proxy,
		"SSL_CERT_FILE=" + s.wire.authority, "REQUESTS_CA_BUNDLE=" + s.wire.authority,
		"NODE_EXTRA_CA_CERTS=" + s.wire.authority, "NODE_PATH=" + installed("node", "node_modules"),
	})
	part(&s)
}

// alone: in an empty Redis the SDK draws for itself, the wire sees it, and it
// writes a key that the layout names. That is what every count of zero is worth.
func (s *story) alone() {
	for _, c := range s.credentials {
		a := s.client.do(c.command())
		log := s.wire.since()
		if s.hook {
			if a.Error == "" || len(log) != 0 {
				s.Errorf("%s: without a key the SDK did %v (%s)", c.kind, log, a.Error)
			}
			continue
		}
		if a.Error != "" || !slices.ContainsFunc(log, draws) {
			s.Errorf("%s: the SDK alone: %s, %v; want a draw", c.kind, a.Error, log)
		}
		// A layout has keys for each way in which an SDK may be configured.
		wrote := func(e layout.Entry) bool { return s.do("EXISTS", e.Key.Reveal()).(int64) == 1 }
		if !slices.ContainsFunc(s.entries(c), wrote) {
			s.Errorf("%s: the SDK wrote %v, and none of %v", c.kind, s.do("KEYS", "*"), s.entries(c))
		}
	}
}

// together: what the daemon wrote is read, also after it was rotated, deleted
// or overwritten.
func (s *story) together() {
	for _, c := range s.credentials {
		s.rotate(c)
	}
	for _, c := range s.credentials {
		s.used(c, "written")
		s.rotate(c)
		s.used(c, "rotated")
		s.remove(c)
		s.assert(c)
		s.used(c, "deleted and put back")
		s.remove(c)
		a := s.client.do(c.command())
		if log := s.wire.since(); (a.Error != "") != s.hook || slices.ContainsFunc(log, draws) == s.hook {
			s.Errorf("%s: without a key: %q, %v", c.kind, a.Error, log)
		}
		s.assert(c)
		s.used(c, "overwritten by the SDK and put back")
	}
}

// refused: the token in Redis is dead, and WeChat says so. Some SDKs draw
// another then, all others hand the error on; and the daemon's next is read.
func (s *story) refused() {
	token := s.credentials[0]
	s.rotate(token)
	s.revoke(token.kind)
	a := s.client.do("call")
	log := s.wire.since()
	if len(log) == 0 || log[0].Code == 0 || slices.ContainsFunc(log, draws) != s.redraws || (a.Error == "") != s.redraws {
		s.Errorf("with a dead token: %q, %v; want a draw: %v", a.Error, log, s.redraws)
	}
	s.rotate(token)
	s.used(token, "drawn anew")
}

// elsewhere: the token is fetched from another URL, the call goes to WeChat.
func (s *story) elsewhere() {
	a := s.client.do("call")
	drawn, called := s.tokens.since(), s.wire.since()
	if a.Error != "" || len(drawn) != 1 || !draws(drawn[0]) || len(called) != 1 || draws(called[0]) || called[0].Code != 0 {
		s.Errorf("%s: %v at the other URL, %v at WeChat; want one draw, and one call", a.Error, drawn, called)
	}
}

// powerless: who took the AppSecret out of the app has an SDK that reads, and
// that fails where it would draw.
func (s *story) powerless() {
	token := s.credentials[0]
	s.rotate(token)
	s.used(token, "written")
	s.remove(token)
	if a := s.client.do("call"); a.Error == "" {
		s.Errorf("a call without a token: %v", s.wire.since())
	}
	s.assert(token)
	s.wire.since()
	s.used(token, "put back")
}

// used has the client use the credential, and wants it to be the daemon's.
func (s *story) used(c *credential, when string) {
	s.Helper()
	a := s.client.do(c.command())
	log := s.wire.since()
	switch {
	case a.Error != "":
		s.Errorf("%s, %s: %s; requests %v", c.kind, when, a.Error, log)
	case c.isTicket() && (a.Ticket != c.value || len(log) != 0):
		s.Errorf("%s, %s: %s, and %v; want %s, and no request", c.kind, when, a.Ticket, log, c.value)
	case !c.isTicket() && (len(log) != 1 || draws(log[0]) || log[0].Token != c.value || log[0].Code != 0):
		s.Errorf("%s, %s: %v; want one call, with %s", c.kind, when, log, c.value)
	}
}

// draws tells whether a request asks for a credential.
func draws(r request) bool {
	return strings.Contains(r.Path, "token") || strings.Contains(r.Path, "ticket")
}

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
