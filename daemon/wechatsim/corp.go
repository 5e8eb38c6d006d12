package wechatsim

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// Corp is one enterprise at the simulated WeCom. To the methods of Server it is
// an app with the id CORPID, to which belong the tickets of the corp and what is
// counted for all its agents; each agent is an app with the id CORPID/AGENTID.
type Corp struct {
	CorpID string
	Agents []Agent
}

// Agent is one app of a corp.
type Agent struct {
	// AgentID is a number, such as 1000002.
	AgentID string
	// Secret is no other agent's.
	Secret secret.Secret
	// Trusted is who may call with a token of the agent; empty means everybody. To gettoken everybody may come.
	Trusted []netip.Prefix
}

// The kinds of what belongs to WeCom.
const (
	KindCorp  Kind = "corp"
	KindAgent Kind = "agent"
)

// corporate says that an app is a part of WeCom.
func (a *app) corporate() bool { return a.kind == KindCorp || a.kind == KindAgent }

// steady refuses to change the state of what has none.
func (a *app) steady() error {
	if a.corporate() {
		return &FieldError{"state", "WeCom has no states of an account", "change an app of WeChat, or inject a fault"}
	}
	return nil
}

func (c Corp) validate() error {
	if c.CorpID == "" || strings.Contains(c.CorpID, "/") {
		return &FieldError{"corpid", "empty, or with a slash", "give a corpid such as ww0123456789abcdef"}
	}
	secrets := map[secret.Secret]bool{}
	for _, a := range c.Agents {
		switch {
		case a.AgentID == "" || strings.Trim(a.AgentID, "0123456789") != "":
			return &FieldError{"agentid", fmt.Sprintf("%q is not a number", a.AgentID), "give an agentid such as 1000002"}
		case a.Secret == "":
			return &FieldError{"secret", "empty", "give any secret; clients must send the same"}
		case secrets[a.Secret]:
			return &FieldError{"secret", "two agents of a corp have the same", "give each agent its own"}
		}
		secrets[a.Secret] = true
	}
	return nil
}

// apps are the corp and its agents.
func (c Corp) apps() []*app {
	corp := &app{
		id: c.CorpID, kind: KindCorp, state: OK, calls: map[string]int{}, meters: meters(KindCorp),
		channels: map[Channel]*channel{CorpTicket: {name: CorpTicket}},
	}
	all := []*app{corp}
	for _, a := range c.Agents {
		agent := &app{
			id: c.CorpID + "/" + a.AgentID, kind: KindAgent, state: OK, calls: map[string]int{}, meters: meters(KindAgent),
			secret: a.Secret, whitelist: a.Trusted, corp: corp,
			channels: map[Channel]*channel{WeCom: {name: WeCom}, AgentTicket: {name: AgentTicket}},
		}
		corp.agents = append(corp.agents, agent)
		all = append(all, agent)
	}
	return all
}

// agent finds whose secret a call of gettoken carries, nil for nobody's.
func (a *app) agent(of secret.Secret) *app {
	for _, agent := range a.agents {
		if agent.secret == of {
			return agent
		}
	}
	return nil
}

// wrongPerHour is how many calls of gettoken with a wrong secret a corp may make.
const wrongPerHour = 2000

// corpToken shows an agent the same token until it is as old as a life, then
// draws. Any address may ask.
func (s *Server) corpToken(c call, f Fault, now time.Time) reply {
	corp := s.apps[c.AppID]
	switch {
	case c.AppID == "":
		return s.failCorp(41002, "", c.caller)
	case corp == nil || corp.kind != KindCorp:
		return s.failCorp(40013, "", c.caller)
	case c.Secret == "":
		return s.failCorp(41004, "", c.caller)
	}
	m := corp.meters[PathCorpToken]
	if m.barredAt(now) {
		return s.failCorp(45009, "", c.caller)
	}
	a := corp.agent(secret.Secret(c.Secret))
	if a == nil {
		if !corp.wrong.take(s.periods.hour(now), wrongPerHour) {
			m.barred = now.Add(60 * s.periods.Minute)
			return s.failCorp(45009, "", c.caller)
		}
		return s.failCorp(40001, "", c.caller)
	}
	if !m.takeCorp(s.periods, now) {
		return s.failCorp(45009, "", c.caller)
	}
	g, ok := s.fresh(a, WeCom, c.from, f, now)
	if !ok {
		return s.failCorp(-1, "", c.caller)
	}
	rep := succeeded()
	rep.Token, rep.ExpiresIn = g.token, s.periods.expiresIn(g.until.Sub(now))
	return rep
}

// corpCall answers the endpoints of WeCom that take ?access_token=.
func (s *Server) corpCall(a *app, c call, f Fault, now time.Time) reply {
	if !a.admits(c.caller) {
		return s.failCorp(60020, "", c.caller)
	}
	for _, who := range []*app{a, a.corp} {
		if m := who.meters[c.path]; m != nil && !m.takeCorp(s.periods, now) {
			return s.failCorp(45009, "", c.caller)
		}
	}
	rep := succeeded()
	of, ch := a, AgentTicket
	switch c.path {
	case PathCorpTicket:
		of, ch = a.corp, CorpTicket
	case PathAgentTicket:
		if c.Type != "agent_config" {
			return s.failCorp(40058, "", c.caller)
		}
	default:
		rep.IPs = []string{"182.254.11.176", "182.254.78.66"}
		return rep
	}
	g, ok := s.fresh(of, ch, c.from, f, now)
	if !ok {
		return s.failCorp(-1, "", c.caller)
	}
	rep.Ticket, rep.ExpiresIn = g.token, s.periods.expiresIn(s.periods.Life)
	return rep
}
