package wechatsim

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"wxtokend/daemon/secret"
)

// Issue is one token that was issued.
type Issue struct {
	At      time.Time `json:"at"`
	AppID   string    `json:"appid"`
	Channel Channel   `json:"channel"`
	// Reason is normal, renewed, forced, or what Draw was given.
	Reason string `json:"reason"`
	// From is the caller's host:port, "" if nobody called.
	From string `json:"from,omitempty"`
	// Token encodes as its fingerprint.
	Token     secret.Token `json:"token"`
	ExpiresAt time.Time    `json:"expires_at"`
}

// issuesLimit is how many issues are remembered: a simulator may run for weeks.
const issuesLimit = 10_000

type issueLog struct{ entries []Issue }

func (l *issueLog) add(i Issue) {
	if len(l.entries) == 2*issuesLimit {
		l.entries = slices.Clone(l.newest())
	}
	l.entries = append(l.entries, i)
}

func (l *issueLog) newest() []Issue { return l.entries[max(0, len(l.entries)-issuesLimit):] }

// Accepts says whether the endpoints that take ?access_token= would take this
// token for this app now, with the same judgement; and whether a ticket works. An
// agent of WeCom is the app CORPID/AGENTID, a ticket of a corp is CORPID's.
func (s *Server) Accepts(appid, token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grants[token]
	return g != nil && g.app.id == appid && g.alive(time.Now())
}

// Current is the newest token of a channel and its expiry, which may have
// passed; zero values if none was ever issued.
func (s *Server) Current(appid string, ch Channel) (secret.Token, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[appid]
	if a == nil || a.channels[ch] == nil || a.channels[ch].current() == nil {
		return "", time.Time{}
	}
	g := a.channels[ch].current()
	return secret.Token(g.token), g.until
}

// Issued returns the newest 10,000 issues, oldest first.
func (s *Server) Issued() []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Issue{}, s.log.newest()...)
}

// Calls counts by path what arrived for an app, refused and spoilt calls included.
func (s *Server) Calls(appid string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.apps[appid]; a != nil {
		return maps.Clone(a.calls)
	}
	return nil
}

// Draw issues a token as if somebody else had called: a forgotten service, a
// colleague with a console. It costs no quota. The reason goes to the log.
func (s *Server) Draw(appid string, ch Channel, reason string) (secret.Token, error) {
	var token secret.Token
	err := s.change(appid, func(a *app, now time.Time) error {
		if err := a.has(ch); err != nil {
			return err
		}
		g, err := s.rotate(a, ch, reason, "", now, s.length(ch))
		if err == nil {
			token = secret.Token(g.token)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("draw token: %w", err)
	}
	return token, nil
}

// Revoke ends the current token or ticket of a channel now, as WeCom says that it
// may do at any time. The next draw gives another.
func (s *Server) Revoke(appid string, ch Channel) error {
	err := s.change(appid, func(a *app, now time.Time) error {
		err := a.has(ch)
		if err == nil && a.channels[ch].current() != nil {
			a.channels[ch].current().until = now
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}

// has says whether an app has a channel.
func (a *app) has(ch Channel) error {
	if a.channels[ch] != nil {
		return nil
	}
	all := slices.Sorted(maps.Keys(a.channels))
	return &FieldError{"channel", fmt.Sprintf("%s has no channel %q", a.id, ch), fmt.Sprintf("give one of %v", all)}
}

// ForceRefresh is an administrator's forced refresh of the stable channel,
// outside of WeChat's limits for it.
func (s *Server) ForceRefresh(appid string) (secret.Token, error) {
	return s.Draw(appid, Stable, "forced")
}

// SetSecret resets the AppSecret. Live tokens stay alive.
func (s *Server) SetSecret(appid string, to secret.Secret) error {
	if to == "" {
		return &FieldError{"secret", "empty", "give the new AppSecret"}
	}
	return s.change(appid, func(a *app, _ time.Time) error { a.secret = to; return nil })
}

// SetWhitelist replaces the whitelist at once; none means everybody.
func (s *Server) SetWhitelist(appid string, to ...netip.Prefix) error {
	return s.change(appid, func(a *app, _ time.Time) error { a.whitelist = to; return nil })
}

// SetState changes the state of the account at once.
func (s *Server) SetState(appid string, to State) error {
	if err := to.validate(); err != nil {
		return err
	}
	return s.change(appid, func(a *app, _ time.Time) error {
		if err := a.steady(); err != nil {
			return err
		}
		a.state, a.changeAt = to, time.Time{}
		return nil
	})
}

// Freeze freezes the AppSecret; as at WeChat it acts after Periods.Thaw.
func (s *Server) Freeze(appid string) error {
	return s.change(appid, func(a *app, now time.Time) error { return s.schedule(a, SecretFrozen, now) })
}

// Unfreeze undoes Freeze, after Periods.Thaw too.
func (s *Server) Unfreeze(appid string) error {
	return s.change(appid, func(a *app, now time.Time) error { return s.schedule(a, OK, now) })
}

func (s *Server) schedule(a *app, to State, now time.Time) error {
	if err := a.steady(); err != nil {
		return err
	}
	a.settle(now)
	a.nextState, a.changeAt = to, now.Add(s.periods.Thaw)
	return nil
}

// Quota is what an app may call of an endpoint today, and what it has used.
func (s *Server) Quota(appid, path string) (q Quota, err error) {
	err = s.change(appid, func(a *app, now time.Time) error {
		m, err := a.meter(path)
		if err == nil {
			m.roll(s.periods, now)
			q = m.Quota
		}
		return err
	})
	return q, err
}

// SetQuota replaces limits and counters; the counters last until their day and minute end.
func (s *Server) SetQuota(appid, path string, q Quota) error {
	return s.change(appid, func(a *app, now time.Time) error {
		m, err := a.meter(path)
		if err == nil {
			m.roll(s.periods, now)
			m.Quota = q
		}
		return err
	})
}

func (a *app) meter(path string) (*meter, error) {
	if m := a.meters[path]; m != nil {
		return m, nil
	}
	return nil, &FieldError{"quota", fmt.Sprintf("%q has no quota", path), "give a path such as " + PathToken}
}

// change runs f on an app with mu held.
func (s *Server) change(appid string, f func(a *app, now time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[appid]
	if a == nil {
		return &FieldError{"appid", fmt.Sprintf("no app %q", appid), "GET /sim/apps lists them"}
	}
	return f(a, time.Now())
}
