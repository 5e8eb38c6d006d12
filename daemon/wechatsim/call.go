package wechatsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"time"

	"wxtokend/daemon/secret"
)

// bodyLimit is more than any request that the simulator understands.
const bodyLimit = 64 << 10

// call is one request, read to its end before any lock is taken.
type call struct {
	path, method string
	// token is ?access_token=.
	token  string
	caller netip.Addr
	// from is the caller's host:port.
	from string
	params
	// problem is the errcode of a body that could not be read as JSON, 0 if it could.
	problem int
}

// params are the parameters of all endpoints, in the query or in a JSON body.
type params struct {
	GrantType string `json:"grant_type"`
	AppID     string `json:"appid"`
	Secret    string `json:"secret"`
	// AppSecret is the name that clear_quota/v2 has for Secret.
	AppSecret string `json:"appsecret"`
	Force     bool   `json:"force_refresh"`
	CGIPath   string `json:"cgi_path"`
	templateMessage
	// Type is a ticket's, in the query alone.
	Type string `json:"-"`
}

// readCall fails only if the body does not arrive.
func readCall(r *http.Request) (call, error) {
	q := r.URL.Query()
	c := call{path: r.URL.Path, method: r.Method, token: q.Get("access_token"), from: r.RemoteAddr}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.caller = peer.Addr().Unmap()
	}
	switch c.path {
	case PathToken, PathClearV2:
		c.params = params{
			GrantType: q.Get("grant_type"), AppID: q.Get("appid"), Secret: q.Get("secret"), AppSecret: q.Get("appsecret"),
		}
	case PathCorpToken:
		c.params = params{AppID: q.Get("corpid"), Secret: q.Get("corpsecret")}
	case PathTicket, PathAgentTicket:
		c.params = params{Type: q.Get("type")}
	}
	if c.path == PathToken || r.Method != http.MethodPost {
		return c, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	if err != nil {
		return c, err
	}
	var wrongType *json.UnmarshalTypeError
	switch err := json.Unmarshal(body, &c.params); {
	case len(bytes.TrimSpace(body)) == 0:
		c.problem = 44002
	case errors.As(err, &wrongType), len(body) > bodyLimit:
		c.problem = 47001
	case err != nil:
		c.problem = notJSON
	}
	return c, nil
}

// notJSON stands for 41002 or 47001, by Options.StrictJSON.
const notJSON = -2

// owner finds the app that a call speaks for, nil if none is known. Called with mu held.
func (s *Server) owner(c call) *app {
	if g := s.grants[c.token]; g != nil {
		return g.app
	}
	a := s.apps[c.AppID]
	if c.path == PathCorpToken && a != nil {
		if agent := a.agent(secret.Secret(c.Secret)); agent != nil {
			return agent
		}
	}
	return a
}

// corporate says that a call goes to WeCom. Some paths belong to both: there the
// token decides.
func (s *Server) corporate(c call) bool {
	switch c.path {
	case PathCorpToken, PathCorpTicket, PathAgentTicket:
		return true
	case PathDomainIP, PathCallbackIP:
		g := s.grants[c.token]
		return g != nil && g.app.corporate()
	}
	return false
}

// failAt is a failure of the platform that a call went to.
func (s *Server) failAt(c call, code int, text string) reply {
	if s.corporate(c) {
		return s.failCorp(code, text, c.caller)
	}
	return s.fail(code, text)
}

// process answers a call as WeChat would. This is the instant at which it
// takes effect: whatever happens to the answer, the token is issued.
func (s *Server) process(c call, f Fault) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if f.Kind == FaultErrcode && f.Code == 40164 && f.Message == "" {
		return s.failIP(c.caller)
	} else if f.Kind == FaultErrcode {
		return s.failAt(c, f.Code, f.Message)
	}
	if want := method(c.path); want == "" {
		return s.fail(40066, "")
	} else if c.method != want {
		return s.failAt(c, map[string]int{http.MethodGet: 43001, http.MethodPost: 43002}[want], "")
	}
	switch c.path {
	case PathToken:
		return s.classicToken(c, f, now)
	case PathStableToken:
		return s.stableToken(c, f, now)
	case PathClearV2:
		return s.clearBySecret(c, now)
	case PathCorpToken:
		return s.corpToken(c, f, now)
	}
	return s.callWithToken(c, f, now)
}

// method is the one that an endpoint takes, "" of an unknown endpoint.
func method(path string) string {
	switch path {
	case PathToken, PathDomainIP, PathCallbackIP, PathTicket, PathCorpToken, PathCorpTicket, PathAgentTicket:
		return http.MethodGet
	case PathStableToken, PathQuotaGet, PathClear, PathClearV2, PathTemplateSend:
		return http.MethodPost
	}
	return ""
}

// callWithToken answers the endpoints that take ?access_token=.
func (s *Server) callWithToken(c call, f Fault, now time.Time) reply {
	if s.corporate(c) {
		g, code := s.judgeCorp(c.token, now)
		if code != 0 {
			return s.failCorp(code, "", c.caller)
		}
		return s.corpCall(g.app, c, f, now)
	}
	g, code := s.judge(c.token, now)
	if code != 0 {
		return s.fail(code, "")
	}
	a := g.app
	if a.whitelistTokens && !a.admits(c.caller) {
		return s.failIP(c.caller)
	}
	if m := a.meters[c.path]; m != nil {
		if code := m.take(s.periods, now); code != 0 {
			return s.fail(code, "")
		}
	}
	switch c.path {
	case PathQuotaGet:
		return s.quotaReport(a, c, now)
	case PathClear:
		return s.clear(a, c, now)
	case PathTemplateSend:
		return s.sendTemplate(c)
	case PathTicket:
		return s.ticket(a, c, f, now)
	}
	return reply{IPs: []string{"101.226.103.0/25"}}
}

func (s *Server) quotaReport(a *app, c call, now time.Time) reply {
	if c.problem != 0 {
		return s.failBody(c)
	}
	m := a.meters[c.CGIPath]
	if m == nil {
		return s.fail(76021, "")
	}
	m.roll(s.periods, now)
	rep := succeeded()
	rep.Quota = &quotaReply{DailyLimit: m.Limit, Used: m.Used, Remain: max(0, m.Limit-m.Used)}
	rep.RateLimit = &rateReply{}
	rep.ComponentRateLimit = &rateReply{}
	if m.MinuteLimit > 0 {
		*rep.RateLimit = rateReply{CallCount: m.MinuteLimit, RefreshSecond: int(s.periods.Minute / time.Second)}
	}
	return rep
}

// clear resets the counters of all endpoints, except the forced refreshes.
func (s *Server) clear(a *app, c call, now time.Time) reply {
	switch {
	case c.problem != 0:
		return s.failBody(c)
	case c.AppID == "":
		return s.fail(41002, "")
	case c.AppID != a.id:
		return s.fail(40013, "")
	case !a.clears.take(s.periods.month(now), clearsPerMonth):
		return s.fail(48006, "")
	}
	for _, m := range a.meters {
		m.Used, m.MinuteUsed = 0, 0
	}
	return succeeded()
}

// clearBySecret exists for the case that no token can be had any more because
// the quota is gone. Parameters come in the URL or in the body.
func (s *Server) clearBySecret(c call, now time.Time) reply {
	if c.problem == 44002 && c.AppID != "" {
		// All is in the URL.
		c.problem = 0
	}
	if c.problem != 0 {
		return s.failBody(c)
	}
	c.Secret = c.AppSecret
	a, refusal := s.bySecret(c, now)
	if a == nil {
		return refusal
	}
	return s.clear(a, c, now)
}
