package wechatsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// adminHandler is the HTTP face of the Go methods. It has no authentication:
// listen on loopback. Requests that a browser sends for a foreign page are
// refused, because everybody's browser reaches loopback.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sim/accepts", s.getAccepts)
	mux.HandleFunc("GET /sim/issued", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Issued()) })
	mux.HandleFunc("GET /sim/apps", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.views()) })
	mux.HandleFunc("POST /sim/apps/{appid}", s.postApp)
	mux.HandleFunc("POST /sim/draw", s.postDraw)
	mux.HandleFunc("POST /sim/faults", s.postFault)
	mux.HandleFunc("GET /sim/faults", s.getFaults)
	mux.HandleFunc("DELETE /sim/faults", s.deleteFaults)
	mux.HandleFunc("/sim/", func(w http.ResponseWriter, r *http.Request) {
		respond(w, http.StatusNotFound, failure(&FieldError{"path", r.Method + " " + r.URL.Path + " is not served",
			"use GET accepts, issued, apps, faults; POST apps/{appid}, draw, faults; DELETE faults"}))
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

func (s *Server) getAccepts(w http.ResponseWriter, r *http.Request) {
	appid, token := r.URL.Query().Get("appid"), r.URL.Query().Get("token")
	if appid == "" || token == "" {
		refuse(w, &FieldError{"query", "appid or token is missing", "ask ?appid=…&token=…"})
		return
	}
	answer(w, map[string]bool{"accepted": s.Accepts(appid, token)})
}

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
			return nil, &FieldError{fmt.Sprintf("whitelist[%d]", i), fmt.Sprintf("%q is not an address", text), "give 192.0.2.7, 192.0.2.0/24 or 192.0.2.*"}
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, nil
}

// apply is called with mu held; only an unknown quota can still stop it, and
// that is found out first.
func (c appChange) apply(s *Server, a *app, prefixes []netip.Prefix, now time.Time) error {
	quotas := map[*meter]Quota{}
	for path, raw := range c.Quota {
		m, err := a.meter(path)
		if err != nil {
			return err
		}
		m.roll(s.periods, now)
		q := m.Quota // numbers that are not given stay
		if err := strict(strings.NewReader(string(raw)), &q); err != nil {
			return &FieldError{"quota." + path, err.Error(), "give limit, used, minute_limit and minute_used as whole numbers"}
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
		s.schedule(a, map[bool]State{true: SecretFrozen, false: OK}[*c.Freeze], now)
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

func (s *Server) postDraw(w http.ResponseWriter, r *http.Request) {
	d := struct {
		AppID   string  `json:"appid"`
		Channel Channel `json:"channel"`
		Reason  string  `json:"reason"`
	}{Channel: Classic, Reason: "rogue"}
	if err := decode(w, r, &d); err != nil {
		refuse(w, err)
		return
	}
	token, err := s.Draw(d.AppID, d.Channel, d.Reason)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, map[string]string{"access_token": token.Reveal(), "fingerprint": token.Fingerprint()})
}

// wireFault is a Fault with its durations in words.
type wireFault struct {
	Fault
	Delay string `json:"delay,omitempty"`
	Skew  string `json:"skew,omitempty"`
}

// parse fills in the durations of the Fault.
func (f *wireFault) parse() (err error) {
	if f.Fault.Delay, err = parseDuration("delay", f.Delay); err != nil {
		return err
	}
	f.Fault.Skew, err = parseDuration("skew", f.Skew)
	return err
}

func parseDuration(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, &FieldError{field, fmt.Sprintf("%q is not a duration", text), "give a duration such as 3s"}
	}
	return d, nil
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func (s *Server) postFault(w http.ResponseWriter, r *http.Request) {
	var f wireFault
	err := decode(w, r, &f)
	if err == nil {
		err = f.parse()
	}
	var id int
	if err == nil {
		id, err = s.Inject(f.Fault)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, map[string]int{"id": id})
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) {
	list := []wireFault{}
	for _, f := range s.Faults() {
		list = append(list, wireFault{Fault: f, Delay: durationText(f.Delay), Skew: durationText(f.Skew)})
	}
	answer(w, list)
}

func (s *Server) deleteFaults(w http.ResponseWriter, r *http.Request) {
	var ids []int
	for _, text := range r.URL.Query()["id"] {
		id, err := strconv.Atoi(text)
		if err != nil {
			refuse(w, &FieldError{"id", fmt.Sprintf("%q is not a number", text), "give the id that POST /sim/faults returned"})
			return
		}
		ids = append(ids, id)
	}
	s.ClearFaults(ids...)
	answer(w, map[string]int{"active": len(s.Faults())})
}

// decode reads a request's body. The error never quotes it: it may hold a secret.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	if err := strict(http.MaxBytesReader(w, r.Body, bodyLimit), into); err != nil {
		return &FieldError{"body", err.Error(), "send one JSON object; docs/simulator.md lists the fields"}
	}
	return nil
}

// strict decodes one JSON value and nothing behind it, without unknown fields.
func strict(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func answer(w http.ResponseWriter, value any) { respond(w, http.StatusOK, value) }

func failure(e *FieldError) map[string]*FieldError { return map[string]*FieldError{"error": e} }

// refuse answers 404 for an app that does not exist, 400 otherwise.
func refuse(w http.ResponseWriter, err error) {
	field, ok := errors.AsType[*FieldError](err)
	if !ok {
		field = &FieldError{"request", err.Error(), "try again"}
	}
	status := http.StatusBadRequest
	if field.Field == "appid" {
		status = http.StatusNotFound
	}
	respond(w, status, failure(field))
}

func respond(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // fails only if the client has gone
}
