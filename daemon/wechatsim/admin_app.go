package wechatsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// appView is an app as GET /sim/apps shows it, without the secret.
type appView struct {
	AppID     string            `json:"appid"`
	Kind      Kind              `json:"kind"`
	State     State             `json:"state"`
	NextState State             `json:"next_state,omitempty"`
	ChangeAt  time.Time         `json:"change_at,omitzero"`
	Whitelist []netip.Prefix    `json:"whitelist"`
	Quota     map[string]Quota  `json:"quota"`
	Calls     map[string]int    `json:"calls"`
	Current   map[Channel]Issue `json:"current"`
}

func (s *Server) views() []appView {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := []appView{}
	for _, id := range slices.Sorted(maps.Keys(s.apps)) {
		views = append(views, s.view(s.apps[id], time.Now()))
	}
	return views
}

// view copies everything that changes. Called with mu held.
func (s *Server) view(a *app, now time.Time) appView {
	a.settle(now)
	v := appView{AppID: a.id, Kind: a.kind, State: a.state, Whitelist: append([]netip.Prefix{}, a.whitelist...),
		Quota: map[string]Quota{}, Calls: maps.Clone(a.calls), Current: map[Channel]Issue{}}
	if !a.changeAt.IsZero() {
		v.NextState, v.ChangeAt = a.nextState, a.changeAt
	}
	for path, m := range a.meters {
		m.roll(s.periods, now)
		v.Quota[path] = m.Quota
	}
	for name, ch := range a.channels {
		if g := ch.current(); g != nil {
			v.Current[name] = g.issue
		}
	}
	return v
}

// appChange is the body of POST /sim/apps/{appid}; what is absent stays.
type appChange struct {
	Secret    *secret.Secret             `json:"secret"`
	Whitelist *[]string                  `json:"whitelist"`
	State     *State                     `json:"state"`
	Freeze    *bool                      `json:"freeze"`
	Quota     map[string]json.RawMessage `json:"quota"`
}

// postApp checks the whole change before it applies any of it.
func (s *Server) postApp(w http.ResponseWriter, r *http.Request) {
	var c appChange
	if err := decode(w, r, &c); err != nil {
		refuse(w, err)
		return
	}
	prefixes, err := c.check()
	if err != nil {
		refuse(w, err)
		return
	}
	var v appView
	err = s.change(r.PathValue("appid"), func(a *app, now time.Time) error {
		if err := c.apply(s, a, prefixes, now); err != nil {
			return err
		}
		v = s.view(a, now)
		return nil
	})
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, v)
}

func (c appChange) check() (prefixes []netip.Prefix, err error) {
	if c.Secret != nil && *c.Secret == "" {
		return nil, &FieldError{"secret", "empty", "give the new AppSecret"}
	}
	if c.State != nil && c.Freeze != nil {
		return nil, &FieldError{"freeze", "given together with state", "give one of the two"}
	}
	if c.State != nil {
		if err := c.State.validate(); err != nil {
			return nil, err
		}
	}
	if c.Whitelist == nil {
		return nil, nil
	}
	for i, text := range *c.Whitelist {
		p, err := parsePrefix(text)
		if err != nil {
			return nil, &FieldError{
				fmt.Sprintf("whitelist[%d]", i), fmt.Sprintf("%q is not an address", text),
				"give 192.0.2.7, 192.0.2.0/24 or 192.0.2.*",
			}
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, nil
}

// apply is called with mu held; only an unknown quota, or a state where there is
// none, can still stop it, and that is found out first.
func (c appChange) apply(s *Server, a *app, prefixes []netip.Prefix, now time.Time) error {
	if c.State != nil || c.Freeze != nil {
		if err := a.steady(); err != nil {
			return err
		}
	}
	quotas := map[*meter]Quota{}
	for path, raw := range c.Quota {
		m, err := a.meter(path)
		if err != nil {
			return err
		}
		m.roll(s.periods, now)
		// Numbers that are not given stay.
		q := m.Quota
		if err := strict(strings.NewReader(string(raw)), &q); err != nil {
			return &FieldError{"quota." + path, err.Error(),
				"give limit, used, and those with minute_ and hour_, as whole numbers"}
		}
		quotas[m] = q
	}
	for m, q := range quotas {
		m.Quota = q
	}
	if c.Secret != nil {
		a.secret = *c.Secret
	}
	if c.Whitelist != nil {
		a.whitelist = prefixes
	}
	if c.State != nil {
		a.state, a.changeAt = *c.State, time.Time{}
	}
	if c.Freeze != nil {
		return s.schedule(a, map[bool]State{true: SecretFrozen, false: OK}[*c.Freeze], now)
	}
	return nil
}

// parsePrefix reads the three forms that WeChat's console takes.
func parsePrefix(text string) (netip.Prefix, error) {
	if head, star := strings.CutSuffix(text, ".*"); star {
		text = head + ".0/24"
	}
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Prefix(addr.BitLen())
}
