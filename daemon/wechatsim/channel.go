package wechatsim

import (
	"encoding/base64"
	"io"
	"regexp"
	"strconv"
	"time"

	"wxtokend/daemon/secret"
)

// grant is one token that was issued.
type grant struct {
	app     *app
	channel *channel
	token   string
	// until is the instant from which on it is refused.
	until time.Time
	issue Issue
}

// alive says that it is accepted.
func (g *grant) alive(now time.Time) bool { return now.Before(g.until) }

// channel is the chain of tokens that replace each other, newest first.
type channel struct {
	name   Channel
	grants []*grant
}

func (c *channel) current() *grant {
	if len(c.grants) == 0 {
		return nil
	}
	return c.grants[0]
}

// push makes g the newest token. The one before it keeps at most the overlap;
// older ones die now, unless keep lets them live out theirs.
func (c *channel) push(g *grant, now time.Time, overlap time.Duration, keep bool) (dropped []*grant) {
	if cur := c.current(); cur != nil && now.Add(overlap).Before(cur.until) {
		cur.until = now.Add(overlap)
	}
	kept := []*grant{g}
	for i, old := range c.grants {
		if i == 0 || keep && old.alive(now) {
			kept = append(kept, old)
		} else {
			dropped = append(dropped, old)
		}
	}
	c.grants = kept
	return dropped
}

// rotate issues a new token on a channel. Called with mu held.
func (s *Server) rotate(a *app, ch Channel, reason, from string, now time.Time, length int) (*grant, error) {
	head, life, overlap, keep := "98_", s.periods.Life, s.periods.Overlap, s.keepSuperseded
	switch {
	case ch.ticket():
		// It goes on working for half as long as it is given out.
		head, life = "T", life+life/2
		overlap, keep = life, true
	case ch == WeCom:
		// The one before it keeps what it was promised.
		head, overlap, keep = "W", life, true
	}
	token, err := newToken(s.entropy, head, length)
	if err != nil {
		return nil, err
	}
	c := a.channels[ch]
	g := &grant{app: a, channel: c, token: token, until: now.Add(life)}
	for _, dead := range c.push(g, now, overlap, keep) {
		delete(s.grants, dead.token)
	}
	g.issue = Issue{
		At: now, AppID: a.id, Channel: ch, Reason: reason, From: from, Token: secret.Token(token), ExpiresAt: g.until,
	}
	s.grants[token] = g
	s.log.add(g.issue)
	return g, nil
}

// judge is the one place that decides whether a token is accepted by an endpoint
// of WeChat: the errcode for the caller, 0 for yes. Called with mu held. A token
// that was dropped, or never issued, looks the same to WeChat: not the latest.
func (s *Server) judge(token string, now time.Time) (*grant, int) {
	if token == "" {
		return nil, 41001
	}
	if len(token) > 512 || !tokenShape.MatchString(token) {
		return nil, 40014
	}
	g, known := s.grants[token]
	switch {
	case !known:
		return nil, 40001
	case g.alive(now):
		return g, 0
	case g == g.channel.current():
		return g, 42001
	}
	return g, 40001
}

// judgeCorp is judge for WeCom.
func (s *Server) judgeCorp(token string, now time.Time) (*grant, int) {
	g, known := s.grants[token]
	switch {
	case token == "":
		return nil, 41001
	case !known || g.channel.name != WeCom:
		return nil, 40014
	case !g.alive(now):
		return g, 42001
	}
	return g, 0
}

// tokenShape is the shape of every token of WeChat seen since 2018: a number that
// grows over the years, an underscore, characters of base64url. Tickets and
// WeCom's tokens begin with a letter here, so that nobody takes one for another.
var tokenShape = regexp.MustCompile(`^[0-9]{1,3}_[A-Za-z0-9_-]{80,}$`)

func newToken(entropy io.Reader, head string, length int) (string, error) {
	raw := make([]byte, length)
	if _, err := io.ReadFull(entropy, raw); err != nil {
		return "", err
	}
	return (head + base64.RawURLEncoding.EncodeToString(raw))[:length], nil
}

// expiresIn is the JSON number for a remaining life, never more than the truth.
func (p Periods) expiresIn(remaining time.Duration) []byte {
	ms := remaining.Milliseconds()
	if !p.Fractions {
		return strconv.AppendInt(nil, ms/1000, 10)
	}
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', -1, 64)
}
