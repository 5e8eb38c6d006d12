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

// channel is the chain of tokens that replace each other, newest first.
type channel struct {
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
		if i == 0 || keep && now.Before(old.until) {
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
	token, err := newToken(s.entropy, length)
	if err != nil {
		return nil, err
	}
	c := a.channels[ch]
	g := &grant{app: a, channel: c, token: token, until: now.Add(s.periods.Life)}
	for _, dead := range c.push(g, now, s.periods.Overlap, s.keepSuperseded) {
		delete(s.grants, dead.token)
	}
	g.issue = Issue{
		At: now, AppID: a.id, Channel: ch, Reason: reason, From: from, Token: secret.Token(token), ExpiresAt: g.until,
	}
	s.grants[token] = g
	s.log.add(g.issue)
	return g, nil
}

// judge is the one place that decides whether a token is accepted: the errcode
// for the caller, 0 for yes. Called with mu held. A token that was dropped, or
// never issued, looks the same to WeChat: not the latest.
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
	case now.Before(g.until):
		return g, 0
	case g == g.channel.current():
		return g, 42001
	}
	return g, 40001
}

// tokenShape is the shape of every token seen since 2018: a number that grows
// over the years, an underscore, characters of base64url.
var tokenShape = regexp.MustCompile(`^[0-9]{1,3}_[A-Za-z0-9_-]{80,}$`)

func newToken(entropy io.Reader, length int) (string, error) {
	raw := make([]byte, length)
	if _, err := io.ReadFull(entropy, raw); err != nil {
		return "", err
	}
	return ("98_" + base64.RawURLEncoding.EncodeToString(raw))[:length], nil
}

// expiresIn is the JSON number for a remaining life, never more than the truth.
func (p Periods) expiresIn(remaining time.Duration) []byte {
	ms := remaining.Milliseconds()
	if !p.Fractions {
		return strconv.AppendInt(nil, ms/1000, 10)
	}
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', -1, 64)
}
