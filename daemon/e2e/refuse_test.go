package e2e

import (
	"net/http"
	"testing"
	"time"
)

// A Redis that takes no writes must cost no calls, however due a refresh is:
// every token that WeChat issued would be lost.
type refusal struct {
	name       string
	begin, end func(w *world)
	series     string // what counts the daemon's attempts in vain
	readable   bool   // readers still get what is stored
}

var refusals = []refusal{
	{name: "OOM", series: unbegun, readable: true,
		begin: func(w *world) { w.redis.do("config", "set", "maxmemory", "1") },
		end:   func(w *world) { w.redis.do("config", "set", "maxmemory", "0") }},
	{name: "read-only replica", series: unbegun, readable: true,
		begin: func(w *world) { w.redis.do("replicaof", "127.0.0.1", "1") }, // of a master that is gone
		end:   func(w *world) { w.redis.do("replicaof", "no", "one") }},
	{name: "down", series: unseen,
		begin: func(w *world) { w.redis.kill() },
		end:   func(w *world) { w.redis.start() }},
	{name: "hung", series: unseen,
		begin: func(w *world) { w.redis.stop() },
		end:   func(w *world) { w.redis.cont() }},
}

// quick is scaled with a Redis timeout so short that a hung Redis costs many
// ticks in test time.
func quick() settings {
	s := scaled()
	s.redisTimeout = 500 * time.Millisecond
	return s
}

// cold: there is no token, and Redis was like that before the daemon started.
func TestRedisRefusesFromTheStart(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			w := inParallel(t, "classic", quick())
			r.begin(w)
			d := w.start()
			d.more(r.series, 5, startup)
			d.expect("/healthz", http.StatusOK, startup)
			d.expect("/readyz", http.StatusServiceUnavailable, startup)
			w.mints(0, 0)
			r.end(w)
			start := time.Now()
			took := w.good(startup)
			d.expect("/readyz", http.StatusOK, startup)
			if ready := time.Since(start); ready > 15*time.Second {
				t.Errorf("ready %s after Redis was back, want 15s at most", ready)
			}
			d.settled()
			w.mints(1, 1)
			t.Logf("no call in %v vain attempts; a token %s after the end of it", d.metric(r.series), ms(took))
		})
	}
}

// due: readers have a token, and the time for the next one comes while Redis refuses.
func TestRedisRefusesWhenDue(t *testing.T) {
	t.Parallel()
	const life = 30 * time.Second
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			a := newAccount("classic")
			a.ahead = life * 3 / 5 // half of a life is what counts
			w := withLife(t, a, quick(), life, life/2)
			d := w.warm()
			old, until := w.token(), time.Now().Add(life/2+2*time.Second)
			r.begin(w)
			for time.Now().Before(until) {
				if status, body := d.get("/healthz"); status != http.StatusOK {
					t.Fatalf("/healthz answers %d %s", status, body)
				}
				<-time.After(100 * time.Millisecond)
			}
			d.more(r.series, 3, startup)
			if calls := w.calls(); calls != 1 {
				t.Errorf("%d calls while Redis refuses, want none", calls-1)
			}
			if r.readable {
				d.expect("/readyz", http.StatusOK, 0) // the token is as good as ever
				w.never(missing, refused)
			} else {
				d.expect("/readyz", http.StatusServiceUnavailable, 0) // nobody knows, for longer than a lease
			}
			r.end(w)
			took := w.fresh(old, startup)
			d.settled()
			w.mints(2, 2)
			w.never(refused)
			t.Logf("no call in %v vain attempts; a new token %s after the end of it", d.metric(r.series), ms(took))
		})
	}
}
