package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/metrics"
)

// Source is where the configuration comes from.
type Source interface {
	// Reload reads all of it anew, if it still is what settled is the digest of.
	// Its error says what is wrong, and where.
	Reload(ctx context.Context, settled config.Digest) (config.Config, error)
	// Digest tells one content from another; what cannot be read has one as well.
	Digest(ctx context.Context) config.Digest
}

const (
	// watchEvery is between two looks at the content of the configuration.
	watchEvery = 5 * time.Second
	// settleTime is between two looks when somebody has asked to read it.
	settleTime = time.Second
	// retryEvery is between two tries of one that was refused: it may name a
	// secret's file that comes later.
	retryEvery = time.Minute
)

// reloader reads the configuration anew when its content has changed, or when
// somebody asks. It looks at the content itself, as what tells of changes to
// files knows nothing of a link that is swapped or of a file server.
type reloader struct {
	source Source
	// Asks to read it now.
	asked   <-chan os.Signal
	apply   func(context.Context, config.Config) (Changes, error)
	panics  *panics
	metrics *metrics.Metrics
	log     *slog.Logger

	// What runs, the options that need a restart included.
	running config.Config
	// The newest that came into force.
	newest config.Config
	// The content that was seen last, the one that was read last, and when.
	seen, read config.Digest
	readAt     time.Time

	mu sync.Mutex
	// Why the newest configuration is not in force, "" if it is.
	refused string
	// The options in it that need a restart.
	restart []string
}

// run reads what changes until ctx ends.
func (r *reloader) run(ctx context.Context) {
	if r.source == nil {
		return
	}
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	// The next look for somebody who has asked, nil if nobody has. Whoever asks
	// meanwhile gets the same answer.
	var answer <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.asked:
			if answer == nil {
				r.seen, answer = r.source.Digest(ctx), time.After(settleTime)
			}
		case <-answer:
			answer = time.After(settleTime)
			settled := r.settled(ctx)
			if settled {
				answer = nil
				r.reload(ctx, true)
			}
		case <-watch.C:
			if answer == nil {
				r.watch(ctx)
			}
		}
	}
}

// settled looks, and tells whether the look before saw the same: whoever writes
// it has finished.
func (r *reloader) settled(ctx context.Context) bool {
	now := r.source.Digest(ctx)
	same := now == r.seen
	r.seen = now
	return same
}

// watch reads what is new and settled.
func (r *reloader) watch(ctx context.Context) {
	settled := r.settled(ctx)
	if settled && (r.seen != r.read || r.refused != "" && time.Since(r.readAt) >= retryEvery) {
		r.reload(ctx, false)
	}
}

// reload applies all that can be, or nothing if anything is wrong. A panic in
// here leaves the configuration as it was.
func (r *reloader) reload(ctx context.Context, asked bool) {
	defer r.panics.catch(func() { r.refuse(errBug, asked) })
	r.readAt, r.read = time.Now(), r.seen
	c, err := r.source.Reload(ctx, r.seen)
	if ctx.Err() != nil {
		return
	}
	var done Changes
	if err == nil {
		done, err = r.apply(ctx, c)
	}
	if err != nil {
		r.refuse(err, asked)
		return
	}
	r.metrics.ConfigRead(time.Now(), true)
	r.tell(done, keysThatDiffer(r.newest.Credentials, c.Credentials), config.Differences(r.running, c), asked)
	if !reflect.DeepEqual(r.newest.HTTP.Consumers, c.HTTP.Consumers) {
		r.log.Info("the token API has the consumers of the new configuration", "consumers", len(c.HTTP.Consumers))
	}
	if lost := c.Lost(r.newest); len(lost) > 0 {
		r.log.Warn("files of the configuration are empty or gone that were there before: "+
			"put them back if nobody meant that", "files", strings.Join(lost, ", "))
	}
	r.newest = c
}

var errBug = errors.New("wxtokend has a bug that keeps it from reading this: the log has the place of the panic")

// refuse tells each reason once, unless somebody asks.
func (r *reloader) refuse(err error, asked bool) {
	r.metrics.ConfigRead(time.Now(), false)
	r.mu.Lock()
	defer r.mu.Unlock()
	reason := strings.ReplaceAll(err.Error(), "\n", "; ")
	if asked || reason != r.refused {
		r.log.Error("the new configuration is refused, and the one before stays in force", "error", err)
	}
	r.refused = reason
}

// tell tells what has come into force, and what has not, once, unless somebody asks.
func (r *reloader) tell(done Changes, keys []any, restart []string, asked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if asked || r.refused != "" || done != (Changes{}) {
		counts := []any{"added", done.Added, "changed", done.Changed, "removed", done.Removed}
		r.log.Info("the configuration was read again", append(counts, keys...)...)
	}
	if len(restart) > 0 && (asked || !slices.Equal(restart, r.restart)) {
		r.log.Warn("options have changed that need a restart; all else is in force", "options", strings.Join(restart, ", "))
	}
	r.refused, r.restart = "", restart
}

// notes say what of the configuration is not in force.
func (r *reloader) notes() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused != "" {
		all = append(all, "the new configuration is refused, and the one before stays in force: "+r.refused)
	}
	if len(r.restart) > 0 {
		all = append(all, "the configuration has changed in options that need a restart: "+strings.Join(r.restart, ", "))
	}
	return all
}
