package daemon

import (
	"iter"

	"wxtokend/daemon/web"
)

// Overview implements web.Source.
func (d *Daemon) Overview() web.Overview {
	about := web.Overview{Version: d.build.Version, Instance: d.instance}
	for _, e := range d.registry.all() {
		if now := e.redisTime(); !now.IsZero() {
			about.Time = &now
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
func (e *registered) Brief() web.Brief {
	b := e.refresher.Brief()
	if e.broken.Load() {
		b.Notes++
	}
	return b
}

// Credential implements web.Entry.
func (e *registered) Credential() web.Credential {
	c := e.refresher.Credential()
	if e.broken.Load() {
		c.Notes = append(c.Notes, bugFound)
		if c.Unready != "" {
			c.Unready = bugFound
		}
	}
	return c
}
