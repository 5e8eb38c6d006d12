//go:build sdk

package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

// credential is one token or ticket, which the daemon keeps under a key of its
// own and writes where the SDK looks.
type credential struct {
	kind, api, key, from   string
	account, agent, secret string
	target                 layout.Target
	// value is what was under the key when it was last looked at.
	value string
}

// credentials are those of a mode; the first is the token of the others.
func (m mode) credentials(account string) (all []*credential) {
	for _, kind := range m.kinds {
		c := &credential{
			kind: kind, api: m.api, key: ownKey(kind), from: ownKey(m.kinds[0]),
			account: account, agent: m.agent, secret: appSecret, target: m.target,
		}
		if m.hook {
			c.target.Key = c.key
		}
		all = append(all, c)
	}
	return all
}

// ownKey is the key of a credential in the configuration.
func ownKey(kind string) string {
	switch kind {
	case jsapi:
		return "WXTicket"
	case "official_account":
		return "WXAccessToken"
	}
	return "of wxtokend: " + kind
}

// command is what a client is asked for it.
func (c *credential) command() string {
	if c.isTicket() {
		return c.kind
	}
	return "call"
}

func (c *credential) isTicket() bool { return strings.HasSuffix(c.kind, "_ticket") }

// entries are the keys that a layout names.
func (s *story) entries(c *credential) (entries []layout.Entry) {
	s.Helper()
	mirrors, err := c.target.Mirrors(layout.Subject{
		Credential: c.key, Kind: c.kind, Account: c.account, AgentID: c.agent, Secret: secret.Secret(c.secret),
	})
	if err != nil {
		s.Fatal(err)
	}
	for _, m := range mirrors {
		entries = append(entries, m.Entry(secret.Token(c.value), 2*time.Hour, time.Now().Add(2*time.Hour), time.Now()))
	}
	return entries
}

// remove is what an operator or an SDK does that does not know better.
func (s *story) remove(c *credential) {
	s.Helper()
	for _, e := range s.entries(c) {
		s.do("DEL", e.Key.Reveal())
	}
}

// look says what is under the credential's own key.
func (s *story) look(c *credential) string {
	text, _ := s.do("GET", c.key).(string)
	return layout.Decode(text).Reveal()
}

// settled waits until readers find the credential everywhere.
func (s *story) settled(c *credential) {
	s.Helper()
	took := eventually(s, c.kind+" is where its readers look", func() bool {
		c.value = s.look(c)
		return c.value != "" && !slices.ContainsFunc(s.entries(c), func(e layout.Entry) bool { return !s.holds(e, c.value) })
	})
	s.slowest = max(s.slowest, took)
}

// holds says that an entry is there, and has the token and an end, if it is to
// have the token: the end of a token that an SDK wrote itself may have none, and
// does no harm.
func (s *story) holds(e layout.Entry, token string) bool {
	key := e.Key.Reveal()
	value, fields := e.Reveal()
	left := s.do("PTTL", key).(int64)
	if at := slices.Index(fields, token); at > 0 {
		return left > 0 && s.do("HGET", key, fields[at-1]) == token
	}
	if !strings.Contains(value, token) {
		return left != absent
	}
	found, _ := s.do("GET", key).(string)
	return left > 0 && strings.Contains(found, token)
}

// absent is what Redis says of the life of a key that is not there.
const absent = -2

// rotate ends the credential at WeChat, and has the daemon told so.
func (s *story) rotate(c *credential) {
	s.Helper()
	s.revoke(c)
	s.reported(c)
}

// reported has a reader report the credential, and waits for the next one.
func (s *story) reported(c *credential) {
	s.Helper()
	before := c.value
	eventually(s, "another "+c.kind, func() bool {
		s.daemon.report(c, before)
		return s.look(c) != "" && s.look(c) != before
	})
	s.settled(c)
}

// revoke ends the current one before its time.
func (s *story) revoke(c *credential) {
	s.Helper()
	app, channel := c.account, c.kind
	switch c.kind {
	case "official_account":
		channel = c.api
	case "wecom", agentTicket:
		app += "/" + agentOf(c.agent)
	}
	body := fmt.Sprintf(`{"appid":%q,"channel":%q}`, app, channel)
	response, err := http.Post(shared.simulator+"/sim/revoke", "application/json", strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		s.Fatalf("revoke %s: %s", body, response.Status)
	}
}

// drawn counts the draws for the account that came to WeChat, whoever made them.
func (s *story) drawn() (n int) {
	s.Helper()
	response, err := http.Get(shared.simulator + "/sim/apps")
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	var apps []struct {
		AppID string
		Calls map[string]int
	}
	if err := json.NewDecoder(response.Body).Decode(&apps); err != nil {
		s.Fatal(err)
	}
	for _, app := range apps {
		for path, calls := range app.Calls {
			if strings.HasPrefix(app.AppID, s.account) && draws(request{Path: path}) {
				n += calls
			}
		}
	}
	return n
}

func (s *story) do(args ...any) any {
	s.Helper()
	answer, err := s.rdb.Do(s.Context(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.Fatalf("%v: %v", args[0], err)
	}
	return answer
}
