package wechatsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FaultKind is a way in which WeChat, or something in front of it, misbehaves.
type FaultKind string

// These faults answer instead of WeChat: the call has no effect there.
const (
	// FaultErrcode is HTTP 200 with errcode Code and errmsg Message.
	FaultErrcode FaultKind = "errcode"
	// FaultStatus is HTTP status Code (502 if 0) and a page, Body if set.
	FaultStatus FaultKind = "status"
	// FaultEmpty is HTTP 200, text/html; charset=gbk, without a body.
	FaultEmpty FaultKind = "empty"
	// FaultHTML is HTTP 200 and a page, Body if set, as from a proxy.
	FaultHTML FaultKind = "html"
	// FaultRedirect is HTTP 302 to Body, or to a login page.
	FaultRedirect FaultKind = "redirect"
	// FaultReset resets the connection before the call takes effect.
	FaultReset FaultKind = "reset"
	// FaultHang gives no answer until the client gives up.
	FaultHang FaultKind = "hang"
	// FaultEndless is 10 GB of JSON string.
	FaultEndless FaultKind = "endless"
	// FaultGzipBomb is the same in 10 MB of gzip.
	FaultGzipBomb FaultKind = "gzip_bomb"
)

// These faults let WeChat do what was asked, and then spoil the answer.
const (
	// FaultReplyLost resets the connection after the call took effect.
	FaultReplyLost FaultKind = "reply_lost"
	// FaultDelay is the right answer after Delay.
	FaultDelay FaultKind = "delay"
	// FaultSlowBody sends one byte every Delay (1 s if 0).
	FaultSlowBody FaultKind = "slow_body"
	// FaultTruncated sends half of the JSON.
	FaultTruncated FaultKind = "truncated"
	// FaultNoToken sends JSON without access_token or ticket.
	FaultNoToken FaultKind = "no_token"
	// FaultExpiresIn sends ExpiresIn instead of the truth, and none if it is empty.
	FaultExpiresIn FaultKind = "expires_in"
	// FaultDuplicate makes classic return the token that it returned before.
	FaultDuplicate FaultKind = "duplicate"
	// FaultLongToken draws a token of 512 characters.
	FaultLongToken FaultKind = "long_token"
	// FaultClockSkew is the right answer, its Date header off by Skew.
	FaultClockSkew FaultKind = "clock_skew"
)

// FaultTLS makes a TLS handshake fail, where Server.ConfigForClient is asked.
// It acts before there is a call, so it knows no path and no app.
const FaultTLS FaultKind = "tls"

// Fault is one misbehaviour. Where several match a call, the one injected
// first acts; a call meets at most one.
type Fault struct {
	// ID is given by Inject.
	ID   int       `json:"id"`
	Kind FaultKind `json:"kind"`

	// Path is the endpoint that is hit, "" for every one.
	Path string `json:"path,omitempty"`
	// AppID is the app that is hit, "" for every one. A corp stands for its agents too.
	AppID string `json:"appid,omitempty"`

	// Times is how many calls are left to hit, 0 for no limit.
	Times int `json:"times,omitempty"`
	// Until is when the fault ends, zero for never.
	Until time.Time `json:"until,omitzero"`
	// Probability is that of hitting a call. 0 and 1 hit always.
	Probability float64 `json:"probability,omitempty"`

	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Body    string `json:"body,omitempty"`
	// ExpiresIn is any JSON, such as 0, -1, "7200" or 1e12.
	ExpiresIn json.RawMessage `json:"expires_in,omitempty"`

	// Delay is waited before the headers, with every kind but slow_body.
	Delay time.Duration `json:"-"`
	// Skew is how far WeChat's clock is ahead, negative for behind.
	Skew time.Duration `json:"-"`
}

// faultsLimit keeps a forgotten script from filling the memory.
const faultsLimit = 1000

// Inject switches a fault on for the calls to come and returns its id.
func (s *Server) Inject(f Fault) (int, error) {
	if err := f.validate(); err != nil {
		return 0, fmt.Errorf("inject fault: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetFaults(time.Now())
	if len(s.faults) >= faultsLimit {
		return 0, fmt.Errorf("inject fault: %w", &FieldError{"faults", "too many are active", "clear some"})
	}
	s.faultID++
	f.ID = s.faultID
	s.faults = append(s.faults, &f)
	return f.ID, nil
}

// Faults lists the faults that still act, Times being what is left of each.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetFaults(time.Now())
	list := make([]Fault, len(s.faults))
	for i, f := range s.faults {
		list[i] = *f
	}
	return list
}

// ClearFaults switches off the faults with these ids, without ids all of them.
// A call that a fault already holds stays held.
func (s *Server) ClearFaults(ids ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool {
		return len(ids) == 0 || slices.Contains(ids, f.ID)
	})
}

func (s *Server) forgetFaults(now time.Time) {
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool {
		return !f.Until.IsZero() && !now.Before(f.Until)
	})
}

// arrive counts a call and chooses its fault, the zero Fault for none. It is
// counted whatever becomes of it, as WeChat's operators would see it arrive.
func (s *Server) arrive(c call) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	appid := c.AppID
	if a := s.owner(c); a != nil {
		appid = a.id
		if method(c.path) != "" {
			a.calls[c.path]++
		}
	}
	return s.meet(func(f *Fault) bool { return f.matches(c.path, appid) })
}

// meet uses up one hit of the oldest fault that fits, the zero Fault for none.
// Called with mu held.
func (s *Server) meet(fits func(*Fault) bool) Fault {
	s.forgetFaults(time.Now())
	for i, f := range s.faults {
		if !fits(f) || f.Probability > 0 && s.dice.Float64() >= f.Probability {
			continue
		}
		chosen := *f
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return chosen
	}
	return Fault{}
}

// matches keeps a fault of the token's JSON from being used up by a call that
// has no token in its answer.
func (f Fault) matches(path, appid string) bool {
	switch f.Kind {
	case FaultTLS:
		return false
	case FaultNoToken, FaultExpiresIn, FaultLongToken:
		if !gives(path) {
			return false
		}
	case FaultDuplicate:
		if path != PathToken {
			return false
		}
	}
	hit := f.AppID == "" || f.AppID == appid || strings.HasPrefix(appid, f.AppID+"/")
	return hit && (f.Path == "" || f.Path == path)
}

// gives says that an endpoint gives a token or a ticket.
func gives(path string) bool {
	switch path {
	case PathToken, PathStableToken, PathTicket, PathCorpToken, PathCorpTicket, PathAgentTicket:
		return true
	}
	return false
}

// replacesAnswer says that the call never reaches WeChat.
func (f Fault) replacesAnswer() bool {
	switch f.Kind {
	case FaultStatus, FaultEmpty, FaultHTML, FaultRedirect, FaultReset, FaultHang, FaultEndless, FaultGzipBomb:
		return true
	}
	return false
}

func faultKinds() []FaultKind {
	return []FaultKind{
		FaultErrcode, FaultStatus, FaultEmpty, FaultHTML, FaultRedirect, FaultReset, FaultHang, FaultEndless,
		FaultGzipBomb, FaultReplyLost, FaultDelay, FaultSlowBody, FaultTruncated, FaultNoToken, FaultExpiresIn,
		FaultDuplicate, FaultLongToken, FaultClockSkew, FaultTLS,
	}
}

func (f Fault) validate() error {
	switch {
	case !slices.Contains(faultKinds(), f.Kind):
		var known []string
		for _, k := range faultKinds() {
			known = append(known, string(k))
		}
		return &FieldError{"kind", fmt.Sprintf("unknown kind %q", f.Kind), "give one of " + strings.Join(known, ", ")}
	case f.Path != "" && method(f.Path) == "":
		return &FieldError{"path", fmt.Sprintf("%q is no simulated endpoint", f.Path),
			"give a path such as " + PathStableToken + ", or none for all"}
	case f.Times < 0:
		return &FieldError{"times", "negative", "give the number of calls, or 0 for no limit"}
	// Said so that it holds for NaN too.
	case !(f.Probability >= 0 && f.Probability <= 1):
		return &FieldError{"probability", "outside 0 to 1", "give a number from 0 to 1; 0 means always"}
	case f.Kind == FaultErrcode && f.Code == 0:
		return &FieldError{"code", "missing", "give the errcode, such as 45009"}
	case f.Kind == FaultStatus && f.Code != 0 && (f.Code < 200 || f.Code > 599):
		return &FieldError{"code", "not an HTTP status of an answer", "give 200 to 599, such as 502"}
	case f.Delay < 0 || f.Kind == FaultDelay && f.Delay == 0:
		return &FieldError{"delay", "zero or negative", "give a duration such as 3s"}
	case (f.Kind == FaultClockSkew) != (f.Skew != 0):
		return &FieldError{"skew", "missing, or with another kind",
			"give a duration such as -3m with clock_skew, and with nothing else"}
	case f.Kind == FaultTLS && (f.Path != "" || f.AppID != "" || f.Delay != 0):
		return &FieldError{"kind", "tls acts before there is a call", "leave path, appid and delay out"}
	case len(f.ExpiresIn) > 0 && !json.Valid(f.ExpiresIn):
		return &FieldError{"expires_in", "not JSON", `give any JSON value, such as 299 or "7200"`}
	}
	return nil
}
