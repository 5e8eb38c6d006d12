package secret

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// patience is for one file. A file system that answers at all answers sooner.
	patience = 10 * time.Second
	// maxDirectories bounds the threads that hang in system calls, one for each
	// directory. The runtime ends a process that has ten thousand.
	maxDirectories = 1000
)

var errHanging = errors.New("too many directories do not answer")

// queues is the whole process', as the threads are: whoever asks again for a
// file on a dead mount must not lose one more.
var queues = lines{of: map[string]*line{}}

// lines let one read at a time into each directory, so that a mount that hangs
// costs one thread and nothing in other directories waits for it.
type lines struct {
	mu sync.Mutex
	of map[string]*line
}

type line struct {
	turn  chan struct{}
	users int // who reads or waits
}

// enter waits for the turn of the caller, who must call leave after reading.
func (l *lines) enter(ctx context.Context, directory string) (leave func(), err error) {
	l.mu.Lock()
	mine := l.of[directory]
	if mine == nil && len(l.of) >= maxDirectories {
		l.mu.Unlock()
		return nil, errHanging
	}
	if mine == nil {
		mine = &line{turn: make(chan struct{}, 1)}
		l.of[directory] = mine
	}
	mine.users++
	l.mu.Unlock()
	select {
	case mine.turn <- struct{}{}:
		return func() {
			<-mine.turn
			l.forget(directory, mine)
		}, nil
	case <-ctx.Done():
		l.forget(directory, mine)
		return nil, ctx.Err()
	}
}

func (l *lines) forget(directory string, mine *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(l.of, directory)
	}
}
