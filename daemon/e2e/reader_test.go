package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// getter reads a key, from whichever node has it.
type getter interface {
	Get(ctx context.Context, key string) *redis.StringCmd
}

// reader is an app that reads the key each time it needs the token, many
// times a second, and asks WeChat whether it got a good one.
type reader struct {
	t    testing.TB
	from getter
	sim  *simulator
	account

	mu      sync.Mutex
	now     verdict   // of the last read
	began   time.Time // that read
	since   time.Time // on end
	longest map[verdict]time.Duration
	last    string   // token that was read
	tokens  []string // all that ever were
}

// verdict is what became of a read.
type verdict string

const (
	unknown  verdict = "unknown" // Redis or the oracle did not answer
	missing  verdict = "missing"
	refused  verdict = "refused"
	accepted verdict = "accepted"
)

// watch reads until the test ends.
func watch(t testing.TB, from getter, sim *simulator, a account, every time.Duration) *reader {
	t.Helper()
	r := &reader{t: t, from: from, sim: sim, account: a, now: unknown, since: time.Now(),
		longest: map[verdict]time.Duration{}}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for ctx.Err() == nil {
			r.look()
			<-ticker.C
		}
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	return r
}

func (r *reader) read() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	value, err := r.from.Get(ctx, r.key).Bytes()
	if err != nil {
		return "", err
	}
	var published struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(value, &published) != nil {
		return "", redis.Nil // somebody's garbage is no token
	}
	return published.AccessToken, nil
}

func (r *reader) look() {
	began := time.Now()
	token, err := r.read()
	v := unknown
	switch {
	case err == redis.Nil:
		v = missing
	case err == nil:
		ok, err := r.sim.accepts(r.appid, token)
		again, _ := r.read()
		switch {
		case err != nil:
		case ok:
			v = accepted
		case again == token:
			v = refused
		default:
			return // it was replaced while we asked
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := time.Now()
	r.began = began
	if v != r.now {
		r.now, r.since = v, at
	}
	r.longest[v] = max(r.longest[v], at.Sub(r.since), time.Millisecond)
	if token == "" {
		return
	}
	if r.last = token; !slices.Contains(r.tokens, token) {
		r.tokens = append(r.tokens, token)
	}
}

// token is the one that readers got last; "" if none.
func (r *reader) token() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// prints are the fingerprints of all tokens that were read, as the oracle lists them.
func (r *reader) prints() (prints []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, token := range r.tokens {
		sum := sha256.Sum256([]byte(token))
		prints = append(prints, hex.EncodeToString(sum[:4]))
	}
	return prints
}

// good waits until a read that began after now gave an accepted token, and
// returns how long that took.
func (r *reader) good(within time.Duration) time.Duration {
	r.t.Helper()
	return r.until(within, "a reader gets an accepted token", func() bool { return r.now == accepted })
}

// fresh is good with another token than the old one.
func (r *reader) fresh(old string, within time.Duration) time.Duration {
	r.t.Helper()
	return r.until(within, "a reader gets a new, accepted token", func() bool {
		return r.now == accepted && r.last != old
	})
}

// until waits for what holds after a read that began after now.
func (r *reader) until(within time.Duration, what string, holds func() bool) (took time.Duration) {
	r.t.Helper()
	start := time.Now()
	eventually(r.t, within, what, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.began.After(start) || !holds() {
			return fmt.Errorf("the last read: %s, %d tokens seen", r.now, len(r.tokens))
		}
		took = r.began.Sub(start)
		return nil
	})
	return took
}

// forget begins the count of bad reads anew, once readers have what they should never lose.
func (r *reader) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.longest = map[verdict]time.Duration{}
}

// worst is how long readers at most got this verdict on end.
func (r *reader) worst(v verdict) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.longest[v]
}

// never fails the test if a reader ever got one of these verdicts.
func (r *reader) never(verdicts ...verdict) {
	r.t.Helper()
	for _, v := range verdicts {
		if d := r.worst(v); d > 0 {
			r.t.Errorf("readers found the token %s, up to %s on end", v, d.Round(time.Millisecond))
		}
	}
}
