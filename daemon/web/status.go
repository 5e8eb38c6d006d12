// Package web serves what the daemon knows about itself over HTTP: probes for
// an orchestrator, metrics for Prometheus, one status for programs and the
// same status as a page for people. It also holds the client of those
// endpoints for the command line.
//
// Any of it may list ten thousand credentials: a list is read in pages, and what
// it does not show is not computed.
//
// Nothing here changes anything, and nothing here can show a token: the types
// have no field for one.
package web

import (
	"cmp"
	"errors"
	"time"

	"wxtokend/daemon/keeper"
)

// Status is the body of GET /status. What is not known is null; every time is
// Redis server time, as RFC 3339 in UTC.
type Status struct {
	Overview
	// Credentials are those of this page, Total counts those of all pages.
	Credentials []Credential `json:"credentials"`
	Total       int          `json:"total"`
	// Next is the query of the next page, such as ?page=2; null on the last.
	Next *string `json:"next"`
}

// Credential is what is known about one credential.
type Credential struct {
	Key   string       `json:"key"`
	AppID string       `json:"appid"`
	Kind  string       `json:"kind"`
	API   string       `json:"api"`
	State keeper.State `json:"state"`

	ExpiresAt        *time.Time `json:"expires_at"`
	ExpiresInSeconds *float64   `json:"expires_in_seconds"`
	// RefreshedAt is the last success of any replica.
	RefreshedAt *time.Time `json:"refreshed_at"`
	// DueAt includes backoff.
	DueAt *time.Time `json:"due_at"`
	// Failures are those in a row.
	Failures  int        `json:"failures"`
	LastError *LastError `json:"last_error"`
	// Fingerprint is the first 8 hex digits of the token's SHA-256.
	Fingerprint *string `json:"fingerprint"`
	// Notes are what a person should know, such as two appids under one key.
	Notes []string `json:"notes"`
	// Cure is what to do about LastError, "" if nobody knows.
	Cure string `json:"cure"`

	// Unready says why readers cannot rely on the key, "" if they can.
	Unready string `json:"-"`
	// Life is that of the token as it was minted, for the page; 0 is not known.
	Life time.Duration `json:"-"`
}

// Unready is an error while a reader of some key gets no valid token.
func (s Status) Unready() error {
	count := 0
	for _, c := range s.Credentials {
		if !usable(c.State) {
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
	Class string `json:"class"`
	// Code is the errcode of WeChat; null if it sent none.
	Code    *int       `json:"code"`
	Message string     `json:"message"`
	At      *time.Time `json:"at"`
}

// newStatus computes only what q shows.
func newStatus(src Source, q query) Status {
	var found []Entry
	for e := range src.Credentials() {
		if q.matches(e.Brief()) {
			found = append(found, e)
		}
	}
	s := Status{Overview: src.Overview().printable(), Credentials: []Credential{}, Total: len(found)}
	if q.number < q.pages(len(found)) {
		s.Next = new(q.at(q.number + 1))
	}
	for _, e := range q.page(found) {
		s.Credentials = append(s.Credentials, e.Credential().printable())
	}
	return s
}

// printable is c with what others may have written made fit to be shown.
func (c Credential) printable() Credential {
	if c.LastError != nil {
		e := *c.LastError
		e.Class, e.Message = printable(e.Class, nameLimit), printable(e.Message, textLimit)
		c.LastError = &e
	}
	c.Notes, c.Cure = printables(c.Notes), printable(c.Cure, textLimit)
	return c
}

func (o Overview) printable() Overview {
	o.Notes = printables(o.Notes)
	return o
}

// printables is never null.
func printables(notes []string) []string {
	out := make([]string, len(notes))
	for i, note := range notes {
		out[i] = printable(note, textLimit)
	}
	return out
}

// token is the fingerprint, "" if it is not known.
func (c Credential) token() string { return *cmp.Or(c.Fingerprint, new(string)) }

func (c Credential) brief() Brief {
	return Brief{c.Key, keeper.Brief{State: c.State, Failures: c.Failures, Notes: len(c.Notes)}}
}
