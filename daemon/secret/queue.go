package secret

import (
	"context"
	"path/filepath"
	"sync"
)

// queues let one read at a time into each directory, so that a mount that hangs
// costs one thread, however often somebody asks again, and nothing in other
// directories waits for it.
type queues struct {
	// turns has a channel of one place for each directory that was ever read.
	turns sync.Map
	// threads bounds what hangs in system calls, over all directories. The runtime ends a process that has ten
	// thousand threads.
	threads chan struct{}
}

// files are those of the whole process, as its threads are.
var files = queues{threads: make(chan struct{}, 1000)}

// enter waits for the turn of the caller, who must call leave after reading.
// Whose ctx has ended gets none, or a write that was called off could happen.
func (q *queues) enter(ctx context.Context, path string) (leave func(), err error) {
	turn, _ := q.turns.LoadOrStore(filepath.Dir(path), make(chan struct{}, 1))
	mine := turn.(chan struct{})
	select {
	case mine <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case q.threads <- struct{}{}:
	case <-ctx.Done():
		<-mine
		return nil, ctx.Err()
	}
	leave = func() { <-q.threads; <-mine }
	// A select takes either where both are possible.
	if err := ctx.Err(); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}
