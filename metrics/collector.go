package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector exposes the tallies at the moment of a scrape.
type collector struct{ *Metrics }

// Describe promises nothing: which labels there are depends on how many credentials.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	perKey := c.perKey == Always || c.perKey == Auto && len(c.keys) <= PerKeyMost
	all := figures{calls: -1, limit: -1, quotaLimit: -1, quotaUsed: -1, outside: -1, ready: true}
	inState := make([]int, len(states()))
	minting := 0
	for key, t := range c.keys {
		t.mu.Lock()
		one := t.figures
		t.mu.Unlock()
		inState[one.state]++
		if one.mint {
			minting++
		}
		one.ready = states()[one.state].ready()
		if perKey {
			one.expose(exposition{out, prometheus.Labels{"key": key}})
		}
		all.add(&one)
	}
	total := exposition{out: out}
	if !perKey {
		all.expose(total)
	}
	total.send("wxtokend_minting_credentials", "Credentials that this process may draw tokens for.",
		prometheus.GaugeValue, float64(minting))
	for i, state := range states() {
		total.send("wxtokend_credentials", "Credentials, by what a reader of their key would meet.",
			prometheus.GaugeValue, float64(inState[i]), "state", string(state))
	}
}

// exposition is where the series of one credential go, or those of all.
type exposition struct {
	out    chan<- prometheus.Metric
	labels prometheus.Labels
}

func (e exposition) send(name, help string, kind prometheus.ValueType, value float64, label ...string) {
	var names, values []string
	for i := 0; i < len(label); i += 2 {
		names, values = append(names, label[i]), append(values, label[i+1])
	}
	desc := prometheus.NewDesc(name, help, names, e.labels)
	metric, err := prometheus.NewConstMetric(desc, kind, value, values...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(desc, err)
	}
	e.out <- metric
}

func (f *figures) expose(e exposition) {
	f.exposeTimes(e)
	f.exposeRequests(e)
	if f.appid != "" {
		e.send("wxtokend_credential_info", "What the credential is; always 1.",
			prometheus.GaugeValue, 1, "appid", f.appid, "kind", f.kind, "api", f.api, "mint", strconv.FormatBool(f.mint))
	}
	f.exposeReadiness(e)
	if f.targets > 0 {
		e.send("wxtokend_targets_failing", "Targets of the token that are not as they should be.",
			prometheus.GaugeValue, float64(f.targetsFailing))
	}
	f.exposeCounters(e)
	buckets := make(map[float64]uint64, len(f.mints.buckets))
	for i, most := range prometheus.DefBuckets {
		buckets[most] = f.mints.buckets[i]
	}
	desc := prometheus.NewDesc("wxtokend_mint_duration_seconds",
		"Time of one request for a token to WeChat, body included, whatever the outcome.", nil, e.labels)
	e.out <- prometheus.MustNewConstHistogram(desc, f.mints.count, f.mints.sum, buckets)
}

func (f *figures) exposeRequests(e exposition) {
	for _, g := range []struct {
		name, help string
		value      int
	}{
		{"calls_today", "Requests for a token since midnight UTC+8, by all replicas.", f.calls},
		{"daily_limit", "Requests for a token that the configuration allows in one day.", f.limit},
		{"wechat_quota_limit", "Requests for a token that WeChat allows today.", f.quotaLimit},
		{"wechat_quota_used", "Requests for a token that WeChat has counted today, whoever made them.", f.quotaUsed},
		{"outside_draws_today", "Tokens that somebody else has drawn since midnight UTC+8, by WeChat's count, " +
			"where each draw ends the one before.", f.outside},
	} {
		if g.value >= 0 {
			e.send("wxtokend_"+g.name, g.help, prometheus.GaugeValue, float64(g.value))
		}
	}
}

func (f *figures) exposeReadiness(e exposition) {
	ready := 0.0
	if f.ready {
		ready = 1
	}
	e.send("wxtokend_ready", "Whether readers of the key get an unexpired token that is not refused.",
		prometheus.GaugeValue, ready)
	for i, class := range failings() {
		if n := f.failing[i]; n > 0 {
			e.send("wxtokend_failing", "What fails now, by its class; absent while nothing does.",
				prometheus.GaugeValue, float64(n), "class", string(class))
		}
	}
}

func (f *figures) exposeTimes(e exposition) {
	for i, t := range [timesOfAKey]struct{ name, help string }{
		expiry: {"token_expiry", "When the token that is stored in Redis expires."},
		due:    {"token_due", "When the next refresh is due, backoff included."},
		refreshed: {"last_refresh_success",
			"When a refresh last succeeded, in any replica."},
		attempted: {"last_attempt",
			"When a refresh was last begun, in any replica and whatever came of it."},
	} {
		if !f.times[i].IsZero() {
			e.send("wxtokend_"+t.name+"_timestamp_seconds", t.help, prometheus.GaugeValue, seconds(f.times[i]))
		}
	}
}

func (f *figures) exposeCounters(e exposition) {
	for i, c := range [countersOfAKey]struct {
		name, help, label string
		values            []string
	}{
		refreshes: {"refreshes", "Refreshes of this process, by how they ended.",
			"result", texts(results())},
		requests: {"mint_requests", "Requests for a token to WeChat, by the class of the answer.",
			"outcome", texts(outcomes())},
		restores: {"restores", "Known tokens written back to Redis without a mint.",
			"reason", texts(reasons())},
		fenced: {"fence_rejections", "Commits turned away because the lease was no longer this attempt's.",
			"", single()},
		verifications: {"verifications", "Questions to WeChat whether the stored token still works.",
			"result", texts(verdicts())},
		reported: {"reports", "Reports of readers that WeChat refused their token.",
			"result", texts(reports())},
		foreign: {"foreign_tokens", "Tokens found under the key that no replica minted.",
			"", single()},
		targetWrites: {"target_writes", "Writes of the token to targets, by what became of them.",
			"result", texts(writes())},
		targetForeign: {"target_foreign_tokens", "Values that somebody else wrote to targets.",
			"", single()},
	} {
		if i >= targetWrites && f.targets == 0 {
			continue
		}
		for j, value := range c.values {
			var label []string
			if c.label != "" {
				label = []string{c.label, value}
			}
			e.send("wxtokend_"+c.name+"_total", c.help, prometheus.CounterValue, float64(f.counts[i][j]), label...)
		}
	}
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// single is the one value of a counter without a label of its own.
func single() []string { return []string{""} }

func texts[T ~string](values []T) (out []string) {
	for _, value := range values {
		out = append(out, string(value))
	}
	return out
}
