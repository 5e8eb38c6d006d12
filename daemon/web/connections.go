package web

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// maxConnections is how many may be open at a time. Each costs some 30 KiB and
// a file descriptor.
const maxConnections = 256

// connections closes the one that has waited longest when one too many comes.
// To let the new one wait instead, or to refuse it, would lock out the probe
// that decides whether this process lives on.
type connections struct {
	mu      sync.Mutex
	waiting *list.List // of net.Conn: no request of theirs is being answered, the longest first
	busy    *list.List // the others
	places  map[net.Conn]place
}

type place struct {
	list    *list.List
	element *list.Element
}

func newConnections() *connections {
	return &connections{waiting: list.New(), busy: list.New(), places: map[net.Conn]place{}}
}

// changed is for http.Server.ConnState. A request counts from when its header
// has been read, so that whoever sends half of one waits.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.places[conn]; !known && state != http.StateNew {
		return // it was one too many, and is about to notice
	}
	c.forget(conn)
	switch state {
	case http.StateNew, http.StateIdle:
		c.places[conn] = place{c.waiting, c.waiting.PushBack(conn)}
	case http.StateActive:
		c.places[conn] = place{c.busy, c.busy.PushBack(conn)}
	}
	if len(c.places) > maxConnections {
		c.closeLongest(conn)
	}
}

// closeLongest makes room for the new connection.
func (c *connections) closeLongest(new net.Conn) {
	longest := c.waiting.Front()
	if longest.Value == new { // all others are busy
		longest = c.busy.Front()
	}
	surplus := longest.Value.(net.Conn)
	c.forget(surplus)
	_ = surplus.Close() // waits for nobody
}

func (c *connections) forget(conn net.Conn) {
	if at, known := c.places[conn]; known {
		at.list.Remove(at.element)
		delete(c.places, conn)
	}
}
