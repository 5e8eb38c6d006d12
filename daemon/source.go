package daemon

import (
	"iter"

	"wxtokend/daemon/web"
)

// Overview implements web.Source.
func (d *Daemon) Overview() web.Overview {
	about := web.Overview{Version: d.version, Instance: d.instance}
	if now := d.refreshers[0].redisTime(); !now.IsZero() {
		about.Time = &now
	}
	return about
}

// Credentials implements web.Source: all of them as they are configured.
func (d *Daemon) Credentials() iter.Seq[web.Entry] {
	return func(yield func(web.Entry) bool) {
		for _, r := range d.refreshers {
			if !yield(r) {
				return
			}
		}
	}
}

// Credential implements web.Source.
func (d *Daemon) Credential(key string) (web.Entry, bool) {
	r := d.find(key)
	return r, r != nil
}
