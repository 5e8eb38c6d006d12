package testnet

import (
	"bytes"
	"context"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Match says whether one Write of the client is the request that a test wants
// to lose. nil matches every write.
type Match func(write []byte) bool

// Containing matches a write that contains one of the texts, for example
// "POST /cgi-bin/stable_token" or the SHA of a script.
func Containing(texts ...string) Match {
	return func(write []byte) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return bytes.Contains(write, []byte(text)) })
	}
}

// Faults breaks the connections of the dial functions that it wraps, live ones
// included. The zero value lets everything through. Safe for concurrent use.
//
// A request is one Write of the client. net/http and Redis clients send a
// small request in one write; a larger one is matched by its first part.
type Faults struct {
	mu     sync.Mutex
	refuse bool
	hang   bool
	delay  time.Duration
	// Nil: none.
	latency func() time.Duration
	drops   []drop
	conns   map[*faultConn]struct{}
	// Closed and forgotten at the next change.
	changed chan struct{}
}

// drop is what is left of one DropReplies or DropRequests.
type drop struct {
	left      int
	match     Match
	delivered bool
	// Not lost at all, but late.
	held time.Duration
}

// Refuse makes new dials fail with ECONNREFUSED and resets the live
// connections: the process at the other end is gone.
func (f *Faults) Refuse(on bool) {
	f.mu.Lock()
	f.refuse = on
	f.announce()
	var live []*faultConn
	for c := range f.conns {
		live = append(live, c)
	}
	f.mu.Unlock()
	if !on {
		return
	}
	for _, c := range live {
		c.kill(syscall.ECONNRESET)
	}
}

// Hang is a network partition: writes seem to succeed and reach nobody, no
// byte comes back, dials wait. Only deadlines and closing end the wait. When
// it is switched off, replies that were on their way arrive; a connection that
// lost a write stays silent for ever, because a hole in the stream cannot heal.
func (f *Faults) Hang(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hang = on
	f.announce()
}

// Delay holds back the first byte of each reply by d.
func (f *Faults) Delay(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = d
	f.announce()
}

// Latency holds back the first byte of each reply by what draw answers, which
// is called by one goroutine at a time. It belongs to the path and not to what
// Heal ends.
func (f *Faults) Latency(draw func() time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latency = draw
}

// DropReplies delivers the next n matching requests and closes the connection
// (EOF) before the first byte of the reply: failed, but applied.
func (f *Faults) DropReplies(n int, match Match) {
	f.drop(drop{left: n, match: match, delivered: true})
}

// DropRequests swallows the next n matching requests and resets the
// connection: failed, and not applied.
func (f *Faults) DropRequests(n int, match Match) { f.drop(drop{left: n, match: match}) }

// HoldRequests delivers the next n matching requests late by d, even if the
// client has given up and gone by then: a network that has taken a request
// does not give it back.
func (f *Faults) HoldRequests(n int, match Match, d time.Duration) {
	f.drop(drop{left: n, match: match, held: d})
}

func (f *Faults) drop(d drop) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drops = append(f.drops, d)
}

// Pending is how many requests are still to be dropped; a test that expects
// them all to have been used checks for 0.
func (f *Faults) Pending() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := 0
	for _, d := range f.drops {
		left += d.left
	}
	return left
}

// Heal switches everything off, unused drops included.
func (f *Faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.hang, f.delay, f.drops = false, false, 0, nil
	f.announce()
}

// Wrap returns dial with the faults in front of it.
func (f *Faults) Wrap(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := f.gate(ctx, network, addr); err != nil {
			return nil, err
		}
		inner, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &faultConn{Conn: inner, faults: f, replies: newStream(), closed: make(chan struct{})}
		// Switched on while dial was busy.
		if f.add(c) {
			c.kill(syscall.ECONNRESET)
		}
		go c.pump()
		return c, nil
	}
}

// gate waits out a partition and says whether the dial may go on.
func (f *Faults) gate(ctx context.Context, network, addr string) error {
	for {
		f.mu.Lock()
		refuse, hang, changed := f.refuse, f.hang, f.change()
		f.mu.Unlock()
		if refuse {
			return dialError(network, address(addr), os.NewSyscallError("connect", syscall.ECONNREFUSED))
		}
		if !hang {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return dialError(network, address(addr), ctx.Err())
		}
	}
}

func (f *Faults) add(c *faultConn) (refused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conns == nil {
		f.conns = map[*faultConn]struct{}{}
	}
	f.conns[c] = struct{}{}
	return f.refuse
}

func (f *Faults) remove(c *faultConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}

// change and announce are called with mu held.
func (f *Faults) change() <-chan struct{} {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

func (f *Faults) announce() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// take uses up one drop that matches the write; called with mu held.
func (f *Faults) take(write []byte) (d drop, found bool) {
	for i := range f.drops {
		d := &f.drops[i]
		if d.left > 0 && (d.match == nil || d.match(write)) {
			d.left--
			return *d, true
		}
	}
	return drop{}, false
}
