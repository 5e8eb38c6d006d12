package wechatsim

import (
	"time"
)

// grantType is the only one that both token endpoints know.
const grantType = "client_credential"

// bySecret checks who calls with an AppSecret. A nil app comes with the
// refusal. WeChat does not publish the order of these checks.
func (s *Server) bySecret(c call, now time.Time) (*app, reply) {
	if c.AppID == "" {
		return nil, s.fail(41002, "")
	}
	a := s.apps[c.AppID]
	switch {
	case a == nil || a.corporate():
		return nil, s.fail(40013, "")
	case c.Secret == "":
		return nil, s.fail(41004, "")
	case c.Secret != a.secret.Reveal():
		return nil, s.fail(40125, "")
	case !a.admits(c.caller):
		return nil, s.failIP(c.caller)
	}
	a.settle(now)
	switch a.state {
	case SecretFrozen:
		return nil, s.fail(40243, "")
	case Forbidden:
		return nil, s.fail(50004, "")
	case AccountFrozen:
		return nil, s.fail(50007, "")
	}
	return a, reply{}
}

// mayDraw is bySecret with the grant type before it and the quota behind it.
func (s *Server) mayDraw(c call, now time.Time) (*app, reply) {
	if c.GrantType != grantType {
		return nil, s.fail(40002, "")
	}
	a, refusal := s.bySecret(c, now)
	if a == nil {
		return nil, refusal
	}
	if code := a.meters[c.path].take(s.periods, now); code != 0 {
		return nil, s.fail(code, "")
	}
	return a, reply{}
}

// classicToken draws a new token with every call.
func (s *Server) classicToken(c call, f Fault, now time.Time) reply {
	a, refusal := s.mayDraw(c, now)
	if a == nil {
		return refusal
	}
	if cur := a.channels[Classic].current(); f.Kind == FaultDuplicate && cur != nil && now.Before(cur.until) {
		return s.show(cur, now)
	}
	return s.issue(a, Classic, "normal", c.from, f, now)
}

// stableToken shows the same token until its last five minutes, then draws.
func (s *Server) stableToken(c call, f Fault, now time.Time) reply {
	if c.problem != 0 {
		return s.failBody(c)
	}
	a, refusal := s.mayDraw(c, now)
	if a == nil {
		return refusal
	}
	cur := a.channels[Stable].current()
	// Too soon after the last one, WeChat "will not refresh": the rest of the
	// call is an ordinary one.
	if c.Force && (a.lastForced.IsZero() || now.Sub(a.lastForced) >= s.periods.ForceSpacing) {
		if !a.forced.take(s.periods.day(now), forcedPerDay) {
			return s.fail(45009, "")
		}
		a.lastForced = now
		return s.issue(a, Stable, "forced", c.from, f, now)
	}
	switch {
	case cur == nil:
		return s.issue(a, Stable, "normal", c.from, f, now)
	case cur.until.Sub(now) > s.periods.RenewWindow:
		return s.show(cur, now)
	}
	return s.issue(a, Stable, "renewed", c.from, f, now)
}

func (s *Server) issue(a *app, ch Channel, reason, from string, f Fault, now time.Time) reply {
	length := s.tokenLength
	if f.Kind == FaultLongToken {
		length = 512
	}
	g, err := s.rotate(a, ch, reason, from, now, length)
	// A WeChat without entropy would be busy, too.
	if err != nil {
		return s.fail(-1, "")
	}
	return s.show(g, now)
}

func (s *Server) show(g *grant, now time.Time) reply {
	return reply{Token: g.token, ExpiresIn: s.periods.expiresIn(g.until.Sub(now))}
}
