package daemon

import (
	"iter"
	"slices"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/web"
)

// Overview implements web.Source.
func (d *Daemon) Overview() web.Overview {
	notes := slices.Concat(d.reloader.notes(), d.weChatClock.notes(), d.options.Lock.Notes())
	about := web.Overview{Version: d.options.Build.Version, Instance: d.instance, Notes: notes}
	for _, e := range d.registry.all() {
		if about.Time = known(e.Status().Now); about.Time != nil {
			break
		}
	}
	return about
}

// Credentials implements web.Source: all of them as they are configured.
func (d *Daemon) Credentials() iter.Seq[web.Entry] {
	return func(yield func(web.Entry) bool) {
		for _, e := range d.registry.all() {
			if !yield(e) {
				return
			}
		}
	}
}

// Credential implements web.Source.
func (d *Daemon) Credential(key string) (web.Entry, bool) {
	e := d.registry.find(key)
	return e, e != nil
}

// Brief implements web.Entry.
func (e *entry) Brief() web.Brief {
	brief := web.Brief{Key: e.key(), Brief: e.Keeper.Brief()}
	if e.broken.Load() {
		brief.Notes++
	}
	return brief
}

// Credential implements web.Entry.
func (e *entry) Credential() web.Credential {
	spec, s := e.Spec(), e.Status()
	c := web.Credential{
		Key: e.key(), AppID: spec.Name, Kind: spec.Kind, API: spec.API, State: s.State,
		ExpiresAt: known(s.ExpiresAt), RefreshedAt: known(s.RefreshedAt), DueAt: known(s.DueAt), Life: s.Life,
		Failures: s.Failures, Notes: s.Notes, Unready: s.Unready,
	}
	if c.ExpiresAt != nil {
		c.ExpiresInSeconds, c.Fingerprint = new(c.ExpiresAt.Sub(*known(s.Now)).Seconds()), &s.Fingerprint
	}
	if f := s.LastError; f != nil {
		c.LastError = &web.LastError{Class: f.Class, Message: f.Message, At: known(f.At)}
		if f.Code != 0 {
			c.LastError.Code = &f.Code
		}
		if code, ok := credential.Lookup(f.Code); ok && f.Code != 0 {
			c.Cure = code.Cure
		}
	}
	if e.broken.Load() {
		c.Notes = append(c.Notes, bugFound)
		if c.Unready != "" {
			c.Unready = bugFound
		}
	}
	return c
}

// known is nil for what is not known. It cuts to milliseconds, and never rounds
// up: a token must not seem to live longer.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Truncate(time.Millisecond))
}
