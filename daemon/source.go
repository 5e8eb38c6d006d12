package daemon

import (
	"iter"
	"time"

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

// Brief implements web.Entry.
func (r *refresher) Brief() web.Brief {
	r.mu.Lock()
	defer r.mu.Unlock()
	local := time.Now()
	return web.Brief{
		Key: r.config.Key, State: r.state(local), Ready: r.unready(local) == "",
		Failures: r.seen.State.Failures, Notes: len(r.notes(local)),
	}
}
