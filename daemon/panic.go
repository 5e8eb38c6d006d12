package daemon

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// bugFound is said of a credential whose last look ended in a panic.
const bugFound = "wxtokend has a bug that keeps it from looking after this credential: " +
	"the log has the place of the panic"

// panicked counts a panic, and logs it if it is a new one. The reason may hold
// anything, so only its type and the stack without arguments are logged.
func (d *Daemon) panicked(reason any) {
	d.metrics.Panic()
	stack := frames(debug.Stack())
	cause := fmt.Sprintf("%T %q", reason, stack[:min(len(stack), placesOfCause)])
	d.mu.Lock()
	known := d.told[cause]
	d.told[cause] = true
	d.mu.Unlock()
	if !known {
		d.log.Error("panic; the next tick comes all the same", "type", fmt.Sprintf("%T", reason), "stack", stack)
	}
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
