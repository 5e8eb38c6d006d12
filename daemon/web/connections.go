package web

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxConnections is how many may be open at a time. Each costs some 30 KiB and
// a file descriptor.
const maxConnections = 256

// connections closes the one that has waited longest when one too many comes.
// To let the new one wait instead, or to refuse it, would lock out the probe
// that decides whether this process lives on.
type connections struct {
	mu sync.Mutex
	// No request of the waiting ones is being answered. The longest come first.
	waiting, busy []net.Conn
}

// changed is for http.Server.ConnState. A request counts from when its header
// has been read, so that whoever sends half of one waits.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.forget(conn)
	switch {
	case !known && state != http.StateNew:
		// It was one too many, and is about to notice.
	case state == http.StateNew, state == http.StateIdle:
		c.waiting = append(c.waiting, conn)
	case state == http.StateActive:
		c.busy = append(c.busy, conn)
	}
	if all := slices.Concat(c.waiting, c.busy); len(all) > maxConnections {
		surplus := all[0]
		if surplus == conn {
			// All others are busy.
			surplus = all[1]
		}
		c.forget(surplus)
		// Closing waits for nobody.
		_ = surplus.Close()
	}
}

func (c *connections) forget(conn net.Conn) (known bool) {
	before := len(c.waiting) + len(c.busy)
	same := func(other net.Conn) bool { return other == conn }
	c.waiting, c.busy = slices.DeleteFunc(c.waiting, same), slices.DeleteFunc(c.busy, same)
	return len(c.waiting)+len(c.busy) < before
}
