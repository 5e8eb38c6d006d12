// Package web serves what the daemon knows about itself over HTTP: probes for
// an orchestrator, metrics for Prometheus, one status for programs and the
// same status as a page for people. It also holds the clients of those
// endpoints for the command line.
//
// Any of it may list ten thousand credentials: a list is read in pages, and what
// it does not show is not computed.
//
// Nothing here changes anything, and nothing here can show a token: the types
// have no field for one.
package web

import (
	"encoding/json"
	"errors"
	"math"
	"time"
)

// Status is the body of GET /status. What is not known is null; every time is
// Redis server time and leaves as RFC 3339 in UTC, cut to milliseconds.
type Status struct {
	Version     string       `json:"version"`
	Instance    string       `json:"instance"`
	Time        *time.Time   `json:"time"`        // null before the first observation
	Credentials []Credential `json:"credentials"` // of this page
	Total       int          `json:"total"`       // on all pages
	Next        *string      `json:"next"`        // the query of the next page, such as ?page=2; null on the last
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

	Unready string        `json:"-"` // why readers cannot rely on the key, "" if they can
	Life    time.Duration `json:"-"` // of the token as it was minted, for the page; 0 is not known
}

// Unready is an error while a reader of some key gets no valid token.
func (s Status) Unready() error {
	count := 0
	for _, c := range s.Credentials {
		if !c.State.usable() {
			count++
		}
	}
	if count > 0 {
		return errors.New(howMany(count, len(s.Credentials)))
	}
	return nil
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

// states are all there are, the worst ones first.
var states = []State{Rejected, Expired, Missing, Unknown, Due, Fresh}

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
	c = c.printable()
	c.ExpiresAt, c.RefreshedAt, c.DueAt = wireTime(c.ExpiresAt), wireTime(c.RefreshedAt), wireTime(c.DueAt)
	if c.ExpiresInSeconds != nil {
		c.ExpiresInSeconds = new(math.Floor(*c.ExpiresInSeconds*1000) / 1000)
	}
	if c.LastError != nil {
		c.LastError.At = wireTime(c.LastError.At)
	}
	return c
}

// printable is c with all that others may have written made fit to be shown.
// The key is left alone: a program looks the credential up by it.
func (c Credential) printable() Credential {
	c.AppID, c.Kind, c.API = printable(c.AppID, nameLimit), printable(c.Kind, nameLimit), printable(c.API, nameLimit)
	c.State = State(printable(string(c.State), nameLimit))
	if c.Fingerprint != nil {
		c.Fingerprint = new(printable(*c.Fingerprint, nameLimit))
	}
	if c.LastError != nil {
		e := *c.LastError
		e.Class, e.Message = printable(e.Class, nameLimit), printable(e.Message, textLimit)
		c.LastError = &e
	}
	notes := make([]string, len(c.Notes)) // never null
	for i, note := range c.Notes {
		notes[i] = printable(note, textLimit)
	}
	c.Notes, c.Cure = notes, printable(c.Cure, textLimit)
	return c
}

// wireTime cuts, and never rounds up: a token must not seem to live longer.
func wireTime(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	return new(at.UTC().Truncate(time.Millisecond))
}
