//go:build sdk

package sdk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

// credential is one token or ticket of an account, which the daemon keeps and
// writes for the SDK. This file stands in for the daemon.
type credential struct {
	kind   string
	target layout.Target
	// value is the current one, and expires is its end.
	value   string
	expires time.Time
}

// command is what a client is asked for it.
func (c *credential) command() string {
	if c.isTicket() {
		return c.kind
	}
	return "call"
}

// ownKey is the key of a credential in the configuration.
func ownKey(kind string) string {
	if kind == jsapi {
		return "WXTicket"
	}
	return "WXAccessToken"
}

func (c *credential) isTicket() bool { return strings.HasSuffix(c.kind, "_ticket") }

// rotate draws the credential anew, twice, so that the one before is dead, and
// writes it.
func (s *story) rotate(c *credential) {
	s.Helper()
	for range 2 {
		c.value, c.expires = s.draw(c.kind), time.Now().Add(2*time.Hour)
	}
	s.assert(c)
}

// draw has the simulator issue one, without a call that the wire could see.
func (s *story) draw(kind string) string {
	s.Helper()
	var drawn struct {
		Token string `json:"access_token"`
	}
	s.steer("draw", kind, `,"reason":"wxtokend"`, &drawn)
	if drawn.Token == "" {
		s.Fatalf("no %s was drawn", kind)
	}
	return drawn.Token
}

// revoke ends the current one before its time.
func (s *story) revoke(kind string) {
	s.Helper()
	s.steer("revoke", kind, "", &struct{}{})
}

// steer tells the simulator to do something with a credential.
func (s *story) steer(what, kind, more string, into any) {
	s.Helper()
	app, channel := s.account, kind
	switch kind {
	case "official_account":
		channel = "classic"
	case "wecom", "wecom_agent_ticket":
		app += "/" + agentID
	}
	body := fmt.Sprintf(`{"appid":%q,"channel":%q%s}`, app, channel, more)
	response, err := http.Post(shared.simulator+"/sim/"+what, "application/json", strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != http.StatusOK {
		s.Fatalf("%s of %s: %s, %v", what, body, response.Status, err)
	}
}

// entries are the keys that the daemon writes for the credential.
func (s *story) entries(c *credential) (entries []layout.Entry) {
	s.Helper()
	mirrors, err := c.target.Mirrors(layout.Subject{
		Credential: c.kind, Kind: c.kind, Account: s.account, AgentID: s.agent, Secret: appSecret,
	})
	if err != nil {
		s.Fatal(err)
	}
	for _, m := range mirrors {
		entries = append(entries, m.Entry(secret.Token(c.value), 2*time.Hour, c.expires, time.Now()))
	}
	return entries
}

// assert writes what an SDK deleted or overwrote, or what a rotation made new.
func (s *story) assert(c *credential) {
	s.Helper()
	for _, e := range s.entries(c) {
		key := e.Key.Reveal()
		value, fields := e.Reveal()
		s.do("DEL", key)
		if e.Form == layout.Hash {
			s.do(append([]any{"HSET", key}, anys(fields)...)...)
		} else {
			s.do("SET", key, value)
		}
		s.do("PEXPIRE", key, e.TTL.Milliseconds())
	}
}

// remove is what an operator or an SDK does that does not know better.
func (s *story) remove(c *credential) {
	s.Helper()
	for _, e := range s.entries(c) {
		s.do("DEL", e.Key.Reveal())
	}
}

func anys(texts []string) (all []any) {
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}
