package daemon

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
)

// bugFound is said of a credential whose last look ended in a panic.
const bugFound = "wxtokend has a bug that keeps it from looking after this credential: " +
	"the log has the place of the panic"

// panics are what a bug is turned into, instead of the end of the process.
type panics struct {
	count func()
	log   *slog.Logger

	mu sync.Mutex
	// The causes that were logged.
	told map[string]bool
}

// catch is to be deferred. It counts a panic, logs it if it is a new one, and
// calls then. The reason may hold anything, so only its type and the stack
// without arguments are logged.
func (p *panics) catch(then func()) {
	reason := recover()
	if reason == nil {
		return
	}
	p.count()
	stack := frames(debug.Stack())
	cause := fmt.Sprintf("%T %q", reason, stack[:min(len(stack), placesOfCause)])
	p.mu.Lock()
	known := p.told[cause]
	p.told[cause] = true
	p.mu.Unlock()
	if !known {
		p.log.Error("panic; the next tick comes all the same", "type", fmt.Sprintf("%T", reason), "stack", stack)
	}
	then()
}

// placesOfCause is how many innermost places of a stack tell one cause from
// another: the bug, and not what led to it.
const placesOfCause = 8

// frames drops the lines of a stack that print arguments' values.
func frames(stack []byte) []string {
	var places []string
	for line := range strings.Lines(string(stack)) {
		if strings.HasPrefix(line, "\t") {
			place, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			places = append(places, place)
		}
	}
	return places
}
