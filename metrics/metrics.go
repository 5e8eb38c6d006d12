// Package metrics holds every Prometheus instrument of wxtokend, behind
// methods in the words of the daemon.
//
// A counter exists from the start with the value 0 for every key and label
// value, so that rate() and increase() see the first event. A gauge is absent
// until its value is known and again when it stops being known: a 0 in its
// place would read as the year 1970, and as an alert or a lie. Times are
// exported as instants, by Redis server time, never as "seconds left": that
// number would freeze, and look healthy, when the process dies.
//
// Forty series for each of ten thousand credentials would be more than a
// scrape can carry. Where there are many, the same names are exposed without
// the label key, so that most rules and graphs hold for both: a counter and the histogram are
// the sums, a time is the earliest of all credentials, calls_today and
// daily_limit are those of the credential that has used most of its limit, and so
// are both of wechat_quota, outside_draws_today is the most of one credential, ready
// is 1 while all are, failing is how many fail with a class, and credential_info
// is absent. How many credentials are in which state, and how many the process
// may draw tokens for, is exposed in any case.
package metrics

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the instruments of one process. All methods may be called from
// several goroutines. What is said of a key is lost unless Credential named it
// before. A label value is one of its enum: anything else is a mistake in the
// program, and panics.
type Metrics struct {
	perKey PerKey
	mu     sync.RWMutex
	keys   map[string]*tally

	// Tick has no label; a vector is what can be absent.
	tick, build *prometheus.GaugeVec
	clocks      *prometheus.GaugeVec
	// Like tick: no label, and absent until the configuration was read.
	configGood, configRead *prometheus.GaugeVec
	configBad, lockBad     bool
	redis, api             *prometheus.CounterVec
	// Whose requests are counted: consumers by name, and "" while there is any.
	consumers map[string]bool
	panics    prometheus.Counter
}

// PerKey says whether each credential has series of its own, with the label key.
type PerKey string

// Auto gives each credential its own series as long as there are at most
// PerKeyMost of them.
const (
	Auto   PerKey = "auto"
	Always PerKey = "always"
	Never  PerKey = "never"

	PerKeyMost = 200
)

// Build identifies the running binary.
type Build struct{ Version, Revision, GoVersion string }

// New registers all instruments, and the collectors of the Go runtime and of
// the process, with reg. It takes one Metrics per registry: a second one is a
// mistake in the program, and the registry panics.
func New(reg prometheus.Registerer, build Build, perKey PerKey) *Metrics {
	m := &Metrics{perKey: perKey, keys: map[string]*tally{}}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	m.tick = gauge("wxtokend_tick_timestamp_seconds", "When the heartbeat last ended a tick.")
	m.build = gauge("wxtokend_build_info",
		"What this binary was built from; always 1.", "version", "revision", "goversion")
	m.clocks = gauge("wxtokend_clock_ahead_seconds",
		"How far a clock is ahead of this host's; absent until known.", "clock")
	m.configGood = gauge("wxtokend_config_last_reload_successful",
		"Whether the configuration was good when it was last read; the one in use is the last good one.")
	m.configRead = gauge("wxtokend_config_last_reload_success_timestamp_seconds",
		"When the configuration in use was read, by this host's clock.")
	m.redis = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wxtokend_redis_operations_total", Help: "Round trips to Redis.",
	}, []string{"op", "result"})
	m.api = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wxtokend_token_api_requests_total",
		Help: "Requests to the token API; the consumer is empty where none was recognised.",
	}, []string{"consumer", "result"})
	m.panics = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "wxtokend_panics_total", Help: "Panics that were caught; each one is a bug.",
	})
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.tick, m.build, m.clocks, m.configGood, m.configRead, m.redis, m.api, m.panics, collector{m},
	)
	m.build.WithLabelValues(build.Version, build.Revision, build.GoVersion).Set(1)
	for _, op := range ops() {
		m.redis.WithLabelValues(string(op), redisOK)
		m.redis.WithLabelValues(string(op), redisError)
	}
	return m
}

// with does something with what is known of a key, locked.
func (m *Metrics) with(key string, do func(t *tally)) {
	m.mu.RLock()
	t := m.keys[key]
	m.mu.RUnlock()
	if t == nil {
		// Whoever still had a hand in a credential that has gone may say what he likes.
		t = &tally{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	do(t)
}

// Forget ends the series of a key.
func (m *Metrics) Forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.keys, key)
}

func count[T ~string](m *Metrics, key string, family int, values []T, value T) {
	m.with(key, func(t *tally) { t.counts[family][slices.Index(values, value)]++ })
}

// Credential says what lies behind a key, in place of what was said before, and
// whether this process may draw tokens for it. Its first call begins the key's series.
func (m *Metrics) Credential(key, appid, kind, api string, mint bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys[key] == nil {
		m.keys[key] = &tally{figures: figures{calls: -1, limit: -1, quotaLimit: -1, quotaUsed: -1, outside: -1}}
	}
	t := m.keys[key]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.appid, t.kind, t.api, t.mint = appid, kind, api, mint
}

// State says what a reader of the key would meet, and so whether it is ready;
// a state outside the enum is StateUnknown.
func (m *Metrics) State(key string, state State) {
	m.with(key, func(t *tally) { t.state = max(0, slices.Index(states(), state)) })
}

// Failing says all that fails now, in place of what failed before. A class
// outside the enum counts as OutcomeUnknown.
func (m *Metrics) Failing(key string, classes ...Outcome) {
	m.with(key, func(t *tally) {
		clear(t.failing[:])
		for _, class := range classes {
			i := slices.Index(failings(), class)
			if i < 0 {
				i = slices.Index(failings(), OutcomeUnknown)
			}
			t.failing[i] = 1
		}
	})
}

// ConfigRead says that the configuration was read at that time, and whether it
// was good. A bad one leaves the time of the last good one, which stays in use.
func (m *Metrics) ConfigRead(at time.Time, good bool) {
	m.judge(&m.configBad, !good)
	if !good {
		return
	}
	m.configRead.WithLabelValues().Set(seconds(at))
}

// LockRead says whether http.web_config_file was good when it was last read. It
// counts for the configuration, of which it is a part.
func (m *Metrics) LockRead(good bool) { m.judge(&m.lockBad, !good) }

// judge sets what one of the two parts is, and so what the whole is.
func (m *Metrics) judge(part *bool, bad bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*part = bad
	value := 1.0
	if m.configBad || m.lockBad {
		value = 0
	}
	m.configGood.WithLabelValues().Set(value)
}

// Expiry sets when the stored token expires; the zero time means that no
// token is known, and removes the series. So do Due, RefreshedAt and AttemptedAt.
func (m *Metrics) Expiry(key string, at time.Time) { m.time(key, expiry, at) }

// Due sets when the next refresh is due, backoff included.
func (m *Metrics) Due(key string, at time.Time) { m.time(key, due, at) }

// RefreshedAt sets when a refresh last succeeded anywhere in the fleet.
func (m *Metrics) RefreshedAt(key string, at time.Time) { m.time(key, refreshed, at) }

// AttemptedAt sets when a refresh was last begun anywhere in the fleet. It is
// kept apart from RefreshedAt: one time for both looks fresh in an outage.
func (m *Metrics) AttemptedAt(key string, at time.Time) { m.time(key, attempted, at) }

func (m *Metrics) time(key string, which int, at time.Time) {
	m.with(key, func(t *tally) { t.times[which] = at })
}

// ClockAhead says how far a clock is ahead of this host's. What this host writes
// to Redis, and what Prometheus compares with time(), is wrong by so much.
func (m *Metrics) ClockAhead(c Clock, ahead time.Duration) {
	m.clocks.WithLabelValues(string(c)).Set(ahead.Seconds())
}

// Tick sets when the heartbeat last ended a tick; the zero time removes the series.
func (m *Metrics) Tick(at time.Time) {
	if at.IsZero() {
		m.tick.Reset()
		return
	}
	m.tick.WithLabelValues().Set(seconds(at))
}

// CallsToday sets the requests counted for this credential since midnight
// UTC+8; a negative number means not known and removes the series.
func (m *Metrics) CallsToday(key string, calls int) {
	m.with(key, func(t *tally) { t.calls = calls })
}

// DailyLimit sets the configured limit of requests a day; negative removes it.
func (m *Metrics) DailyLimit(key string, limit int) {
	m.with(key, func(t *tally) { t.limit = limit })
}

// Quota sets how many requests for a token WeChat allows today, and how many it
// has counted, whoever made them; negative ones remove both.
func (m *Metrics) Quota(key string, limit, used int) {
	m.with(key, func(t *tally) { t.quotaLimit, t.quotaUsed = limit, used })
}

// OutsideDraws sets how many tokens somebody else has drawn today; negative removes it.
func (m *Metrics) OutsideDraws(key string, draws int) {
	m.with(key, func(t *tally) { t.outside = draws })
}

// RedisOperation counts one round trip to Redis; a nil err is a success.
func (m *Metrics) RedisOperation(op Op, err error) {
	result := redisOK
	if err != nil {
		result = redisError
	}
	m.redis.WithLabelValues(string(op), result).Inc()
}

// Panic counts one panic that was caught.
func (m *Metrics) Panic() { m.panics.Inc() }
