//go:build sdk

package sdk

import (
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
	account string
	db      int
	rdb     *redis.Client
	wire    *wire
	tokens  *wire
	client  *client
	daemon  *wxtokend
	all     []*credential
	// drew is how many draws the wire has seen.
	drew int
	// slowest is how long the daemon took at most until readers found what they should.
	slowest time.Duration
}

// told tells a part of the story with a new client, which is given that secret,
// an empty Redis and a wire of its own.
func (s story) told(t *testing.T, secret string, part func(*story)) {
	s.T, s.wire, s.tokens = t, newWire(t, shared.simulator), newWire(t, shared.simulator)
	s.do("FLUSHDB")
	s.all = s.credentials(s.account)
	s.launch(secret)
	part(&s)
}

// launch starts the client.
func (s *story) launch(secret string) {
	proxy := s.wire.base
	s.client = startClient(s.T, s.command, []string{
		"MODE=" + s.name, "APPID=" + s.account, "AGENTID=" + s.agent, "SECRET=" + secret, "REDIS_URL=" + redisURL(s.db),
		"WECHAT_URL=" + s.wire.base, "TOKEN_URL=" + s.tokens.base, "HTTPS_PROXY=" + proxy, "https_proxy=" + proxy,
		"SSL_CERT_FILE=" + s.wire.authority, "REQUESTS_CA_BUNDLE=" + s.wire.authority,
		"NODE_EXTRA_CA_CERTS=" + s.wire.authority, "NODE_PATH=" + installed("node", "node_modules"),
	})
}

// keep starts the daemon, and waits until it has written everything.
func (s *story) keep() {
	s.Helper()
	s.daemon = startDaemon(s.T, s.db, s.all)
	for _, c := range s.all {
		s.settled(c)
	}
}

// alone: in an empty Redis the SDK draws for itself, the wire sees it, and it
// writes a key that the layout names. That is what every count of zero is worth.
func (s *story) alone() {
	for _, c := range s.all {
		a := s.client.do(c.command())
		log := s.since()
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

// together: what the daemon writes is read, also after it was rotated, deleted
// or overwritten; and WeChat has seen no draws but those of the daemon, and those
// that the SDK made while it was kept from finding anything.
func (s *story) together() {
	before := s.drawn()
	s.keep()
	for _, c := range s.all {
		s.used(c, "written")
		s.rotate(c)
		s.used(c, "rotated")
		s.remove(c)
		s.settled(c)
		s.used(c, "deleted")
		s.overwritten(c)
		s.used(c, "overwritten")
	}
	if token := s.all[0]; token.api != "" {
		leaked := token.value
		s.daemon.force(token)
		eventually(s, "a forced token", func() bool { return s.look(token) != leaked })
		s.settled(token)
		s.used(token, "forced")
	}
	s.onlyKnownDraws(before)
	s.Logf("at a poll of %v readers waited %v at most", poll, s.slowest.Round(time.Millisecond))
}

// overwritten: while the daemon cannot act the SDK misses the credential, draws
// one for itself and writes it. The daemon puts its own back, and says so.
func (s *story) overwritten(c *credential) {
	s.Helper()
	met := s.daemon.counted(foreignMetric)
	s.daemon.pause()
	s.remove(c)
	a := s.client.do(c.command())
	log := s.since()
	if (a.Error != "") != s.hook || slices.ContainsFunc(log, draws) == s.hook {
		s.Errorf("%s: without a key: %q, %v", c.kind, a.Error, log)
	}
	s.daemon.resume()
	other := slices.ContainsFunc(log, func(r request) bool { return !draws(r) && r.Token != c.value })
	s.settled(c)
	if other {
		eventually(s, "the SDK's own token is counted", func() bool { return s.daemon.counted(foreignMetric) > met })
	}
}

const foreignMetric = "wxtokend_target_foreign_tokens_total"

// onlyKnownDraws: the platform has counted as many draws as the daemon and the wire.
func (s *story) onlyKnownDraws(before int) {
	s.Helper()
	s.since()
	eventually(s, "each draw is the daemon's or was seen on the wire", func() bool {
		return s.drawn()-before == s.daemon.counted("wxtokend_mint_requests_total")+s.drew
	})
}

// refused: the token in Redis is dead, and WeChat says so before the daemon
// knows. Some SDKs draw another then, all others hand the error on; and the
// daemon's next is read.
func (s *story) refused() {
	s.keep()
	token := s.all[0]
	s.daemon.pause()
	s.revoke(token)
	a := s.client.do("call")
	log := s.since()
	if len(log) == 0 || log[0].Code == 0 || slices.ContainsFunc(log, draws) != s.redraws || (a.Error == "") != s.redraws {
		s.Errorf("with a dead token: %q, %v; want a draw: %v", a.Error, log, s.redraws)
	}
	s.daemon.resume()
	s.reported(token)
	s.used(token, "drawn anew")
}

// elsewhere: the token is fetched from another URL, the call goes to WeChat.
func (s *story) elsewhere() {
	a := s.client.do("call")
	drawn, called := s.tokens.since(), s.since()
	if a.Error != "" || len(drawn) != 1 || !draws(drawn[0]) || len(called) != 1 || draws(called[0]) ||
		called[0].Code != 0 {
		s.Errorf("%s: %v at the other URL, %v at WeChat; want one draw, and one call", a.Error, drawn, called)
	}
}

// powerless: who took the AppSecret out of the app has an SDK that reads, and
// that fails where it would draw.
func (s *story) powerless() {
	s.keep()
	token := s.all[0]
	s.used(token, "written")
	s.daemon.pause()
	s.remove(token)
	if a := s.client.do("call"); a.Error == "" {
		s.Errorf("a call without a token: %v", s.since())
	}
	s.daemon.resume()
	s.settled(token)
	s.since()
	s.used(token, "put back")
}

// used has the client use the credential, and wants it to be the daemon's.
func (s *story) used(c *credential, when string) {
	s.Helper()
	a := s.client.do(c.command())
	log := s.since()
	switch {
	case a.Error != "":
		s.Errorf("%s, %s: %s; requests %v", c.kind, when, a.Error, log)
	case c.isTicket() && (a.Ticket != c.value || len(log) != 0):
		s.Errorf("%s, %s: %s, and %v; want %s, and no request", c.kind, when, a.Ticket, log, c.value)
	case !c.isTicket() && (len(log) != 1 || draws(log[0]) || log[0].Token != c.value || log[0].Code != 0):
		s.Errorf("%s, %s: %v; want one call, with %s", c.kind, when, log, c.value)
	}
}

// since takes what the wire wrote down, and counts the draws.
func (s *story) since() []request {
	log := s.wire.since()
	for _, r := range log {
		if draws(r) {
			s.drew++
		}
	}
	return log
}

// draws tells whether a request asks for a credential.
func draws(r request) bool {
	return strings.Contains(r.Path, "token") || strings.Contains(r.Path, "ticket")
}
