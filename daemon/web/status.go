// Package web serves what the daemon knows about itself over HTTP: probes for
// an orchestrator, metrics for Prometheus, one status for programs and the
// same status as a page for people. It also holds the clients of those
// endpoints for the command line.
//
// Nothing here changes anything, and nothing here can show a token: the types
// have no field for one.
package web

import (
	"encoding/json"
	"math"
	"time"
)

// Status is the body of GET /status. What is not known is null; every time is
// Redis server time and leaves as RFC 3339 in UTC, cut to milliseconds.
type Status struct {
	Version     string       `json:"version"`
	Instance    string       `json:"instance"`
	Time        *time.Time   `json:"time"` // null before the first observation
	Credentials []Credential `json:"credentials"`
}

// Credential is what is known about one credential.
type Credential struct {
	Key   string `json:"key"`
	AppID string `json:"appid"`
	Kind  string `json:"kind"` // official_account
	API   string `json:"api"`  // stable or classic
	State State  `json:"state"`

	ExpiresAt        *time.Time `json:"expires_at"`
	ExpiresInSeconds *float64   `json:"expires_in_seconds"`
	RefreshedAt      *time.Time `json:"refreshed_at"` // the last success of any replica
	DueAt            *time.Time `json:"due_at"`       // backoff included
	Failures         int        `json:"failures"`     // in a row
	LastError        *LastError `json:"last_error"`
	Fingerprint      *string    `json:"fingerprint"` // first 8 hex digits of the token's SHA-256
	Notes            []string   `json:"notes"`       // what a person should know, such as two appids under one key
	Cure             string     `json:"cure"`        // what to do about LastError, "" if nobody knows

	Life time.Duration `json:"-"` // of the token as it was minted, for the page; 0 is not known
}

// LastError is the newest failure that no success followed.
type LastError struct {
	Class   string     `json:"class"`
	Code    *int       `json:"code"` // errcode of WeChat; null if it sent none
	Message string     `json:"message"`
	At      *time.Time `json:"at"`
}

// State is what a reader of the key would meet.
type State string

// Due is still a valid token; Unknown means that no observation of Redis
// succeeded within one lease.
const (
	Fresh    State = "fresh"
	Due      State = "due"
	Expired  State = "expired"
	Missing  State = "missing"
	Rejected State = "rejected"
	Unknown  State = "unknown"
)

// Source is the daemon as this package sees it. Its methods must not wait for
// Redis or WeChat: a probe asks them whether those are gone.
type Source interface {
	Status() Status
	Live() error     // nil, or why a restart is in order
	Ready() []string // empty, or why readers cannot rely on their keys
}

// MarshalJSON brings times and numbers into the form of the contract, whatever
// zone and precision they came with.
func (s Status) MarshalJSON() ([]byte, error) {
	type plain Status
	out := plain(s)
	out.Time = wireTime(s.Time)
	out.Credentials = make([]Credential, len(s.Credentials)) // never null
	for i, c := range s.Credentials {
		out.Credentials[i] = c.wire()
	}
	return json.Marshal(out)
}

func (c Credential) wire() Credential {
	c.ExpiresAt, c.RefreshedAt, c.DueAt = wireTime(c.ExpiresAt), wireTime(c.RefreshedAt), wireTime(c.DueAt)
	if c.ExpiresInSeconds != nil {
		c.ExpiresInSeconds = new(math.Floor(*c.ExpiresInSeconds*1000) / 1000)
	}
	if c.Notes == nil {
		c.Notes = []string{} // never null
	}
	if c.LastError != nil {
		e := *c.LastError
		e.At = wireTime(e.At)
		c.LastError = &e
	}
	return c
}

// wireTime cuts, and never rounds up: a token must not seem to live longer.
func wireTime(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	return new(at.UTC().Truncate(time.Millisecond))
}
