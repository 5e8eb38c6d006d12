// Package metrics holds every Prometheus instrument of wxtokend, behind
// methods in the words of the daemon.
//
// A counter exists from the start with the value 0 for every key and label
// value, so that rate() and increase() see the first event. A gauge is absent
// until its value is known and again when it stops being known: a 0 in its
// place would read as the year 1970, and as an alert or a lie. Times are
// exported as instants, by Redis server time, never as "seconds left": that
// number would freeze, and look healthy, when the process dies.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the instruments of one process. All methods may be called from
// several goroutines. A key is always one of those given to New, and every
// label value valid UTF-8: the instruments panic on anything else.
type Metrics struct {
	expiry, due, refreshed, attempted *prometheus.GaugeVec
	callsToday, dailyLimit            *prometheus.GaugeVec
	credential                        *prometheus.GaugeVec
	tick, build                       *prometheus.GaugeVec // tick has no label; a vector is what can be absent

	refreshes, requests, restores, fenced *prometheus.CounterVec
	verifications, reports, foreign       *prometheus.CounterVec
	redis                                 *prometheus.CounterVec
	panics                                prometheus.Counter

	mintSeconds *prometheus.HistogramVec
}

// Build identifies the running binary.
type Build struct{ Version, Revision, GoVersion string }

// New registers all instruments, and the collectors of the Go runtime and of
// the process, with reg. It takes one Metrics per registry: a second one is a
// mistake in the program, and the registry panics.
func New(reg prometheus.Registerer, build Build, keys []string) *Metrics {
	m := &Metrics{}
	m.makeGauges()
	m.makeCounters()
	m.mintSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "wxtokend_mint_duration_seconds",
		Help: "Time of one request for a token to WeChat, body included, whatever the outcome.",
		// 5 ms to 10 s: WeChat answers in tens of milliseconds, and the default deadline of a mint is 5 s.
		Buckets: prometheus.DefBuckets,
	}, []string{"key"})
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.expiry, m.due, m.refreshed, m.attempted, m.callsToday, m.dailyLimit, m.credential, m.tick, m.build,
		m.refreshes, m.requests, m.restores, m.fenced, m.verifications, m.reports, m.foreign, m.redis, m.panics,
		m.mintSeconds,
	)
	m.build.WithLabelValues(build.Version, build.Revision, build.GoVersion).Set(1)
	m.startAtZero(keys)
	return m
}

func (m *Metrics) makeGauges() {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	m.expiry = gauge("wxtokend_token_expiry_timestamp_seconds", "When the token that is stored in Redis expires.", "key")
	m.due = gauge("wxtokend_token_due_timestamp_seconds", "When the next refresh is due, backoff included.", "key")
	m.refreshed = gauge("wxtokend_last_refresh_success_timestamp_seconds",
		"When a refresh last succeeded, in any replica.", "key")
	m.attempted = gauge("wxtokend_last_attempt_timestamp_seconds",
		"When a refresh was last begun, in any replica and whatever came of it.", "key")
	m.callsToday = gauge("wxtokend_calls_today", "Requests for a token since midnight UTC+8, by all replicas.", "key")
	m.dailyLimit = gauge("wxtokend_daily_limit", "Requests for a token that the configuration allows in one day.", "key")
	m.credential = gauge("wxtokend_credential_info", "What the credential is; always 1.", "key", "appid", "kind", "api")
	m.tick = gauge("wxtokend_tick_timestamp_seconds", "When the heartbeat last ended a tick.")
	m.build = gauge("wxtokend_build_info",
		"What this binary was built from; always 1.", "version", "revision", "goversion")
}

func (m *Metrics) makeCounters() {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m.refreshes = counter("wxtokend_refreshes_total", "Refreshes of this process, by how they ended.", "key", "result")
	m.requests = counter("wxtokend_mint_requests_total",
		"Requests for a token to WeChat, by the class of the answer.", "key", "outcome")
	m.restores = counter("wxtokend_restores_total",
		"Known tokens written back to Redis without a mint.", "key", "reason")
	m.fenced = counter("wxtokend_fence_rejections_total",
		"Commits turned away because the lease was no longer this attempt's.", "key")
	m.verifications = counter("wxtokend_verifications_total",
		"Questions to WeChat whether the stored token still works.", "key", "result")
	m.reports = counter("wxtokend_reports_total", "Reports of readers that WeChat refused their token.", "key", "result")
	m.foreign = counter("wxtokend_foreign_tokens_total", "Tokens found under the key that no replica minted.", "key")
	m.redis = counter("wxtokend_redis_operations_total", "Round trips to Redis.", "op", "result")
	m.panics = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "wxtokend_panics_total", Help: "Panics that were caught; each one is a bug.",
	})
}

// startAtZero creates every series that can be known in advance.
func (m *Metrics) startAtZero(keys []string) {
	for _, key := range keys {
		each(m.refreshes, key, results())
		each(m.requests, key, outcomes())
		each(m.restores, key, reasons())
		each(m.verifications, key, verdicts())
		each(m.reports, key, reports())
		m.fenced.WithLabelValues(key)
		m.foreign.WithLabelValues(key)
		m.mintSeconds.WithLabelValues(key)
	}
	for _, op := range ops() {
		m.redis.WithLabelValues(string(op), redisOK)
		m.redis.WithLabelValues(string(op), redisError)
	}
}

func each[T ~string](counter *prometheus.CounterVec, key string, values []T) {
	for _, value := range values {
		counter.WithLabelValues(key, string(value))
	}
}

// Expiry sets when the stored token expires; the zero time means that no
// token is known, and removes the series. So do Due, RefreshedAt and AttemptedAt.
func (m *Metrics) Expiry(key string, at time.Time) { setTime(m.expiry, at, key) }

// Due sets when the next refresh is due, backoff included.
func (m *Metrics) Due(key string, at time.Time) { setTime(m.due, at, key) }

// RefreshedAt sets when a refresh last succeeded anywhere in the fleet.
func (m *Metrics) RefreshedAt(key string, at time.Time) { setTime(m.refreshed, at, key) }

// AttemptedAt sets when a refresh was last begun anywhere in the fleet. It is
// kept apart from RefreshedAt: one time for both looks fresh in an outage.
func (m *Metrics) AttemptedAt(key string, at time.Time) { setTime(m.attempted, at, key) }

// Tick sets when the heartbeat last ended a tick.
func (m *Metrics) Tick(at time.Time) { setTime(m.tick, at) }

func setTime(gauge *prometheus.GaugeVec, at time.Time, labels ...string) {
	if at.IsZero() {
		gauge.DeleteLabelValues(labels...)
		return
	}
	gauge.WithLabelValues(labels...).Set(float64(at.UnixMilli()) / 1000)
}

// CallsToday sets the requests counted for this credential since midnight
// UTC+8; a negative number means not known and removes the series.
func (m *Metrics) CallsToday(key string, calls int) { setCount(m.callsToday, key, calls) }

// DailyLimit sets the configured limit of requests a day; negative removes it.
func (m *Metrics) DailyLimit(key string, limit int) { setCount(m.dailyLimit, key, limit) }

func setCount(gauge *prometheus.GaugeVec, key string, n int) {
	if n < 0 {
		gauge.DeleteLabelValues(key)
		return
	}
	gauge.WithLabelValues(key).Set(float64(n))
}

// Credential says what lies behind a key, in place of what was said before.
func (m *Metrics) Credential(key, appid, kind, api string) {
	m.credential.DeletePartialMatch(prometheus.Labels{"key": key})
	m.credential.WithLabelValues(key, appid, kind, api).Set(1)
}

// Refresh counts one refresh that ended.
func (m *Metrics) Refresh(key string, result Result) {
	m.refreshes.WithLabelValues(key, string(result)).Inc()
}

// MintRequest counts one request to WeChat and the time it took. An outcome
// outside the enum counts as OutcomeUnknown.
func (m *Metrics) MintRequest(key string, outcome Outcome, took time.Duration) {
	m.requests.WithLabelValues(key, string(outcome.known())).Inc()
	m.mintSeconds.WithLabelValues(key).Observe(took.Seconds())
}

// Restore counts one token written back without a mint.
func (m *Metrics) Restore(key string, reason Reason) {
	m.restores.WithLabelValues(key, string(reason)).Inc()
}

// FenceRejection counts one commit that the fence turned away.
func (m *Metrics) FenceRejection(key string) { m.fenced.WithLabelValues(key).Inc() }

// Verification counts one question to WeChat about the stored token.
func (m *Metrics) Verification(key string, verdict Verdict) {
	m.verifications.WithLabelValues(key, string(verdict)).Inc()
}

// Report counts one report of a reader.
func (m *Metrics) Report(key string, report Report) {
	m.reports.WithLabelValues(key, string(report)).Inc()
}

// ForeignToken counts one token under the key that no replica minted.
func (m *Metrics) ForeignToken(key string) { m.foreign.WithLabelValues(key).Inc() }

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
