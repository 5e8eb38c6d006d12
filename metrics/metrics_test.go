package metrics_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"wxtokend/metrics"
)

const key = "WXAccessToken"

func newMetrics(t *testing.T, keys ...string) (*metrics.Metrics, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	build := metrics.Build{Version: "1.2.3", Revision: "abc1234", GoVersion: "go1.26.8"}
	m := metrics.New(reg, build, metrics.Auto)
	for _, key := range keys {
		m.Credential(key, "wx0123456789abcdef", "official_account", "stable", true)
	}
	return m, reg
}

// series lists everything of ours that reg exposes, one "name{labels} value" a
// line, sorted; the collectors of Go and of the process are left out.
func series(t *testing.T, reg prometheus.Gatherer) []string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "wxtokend_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			lines = append(lines, line(family.GetName(), metric))
		}
	}
	slices.Sort(lines)
	return lines
}

func line(name string, metric *dto.Metric) string {
	var labels []string
	for _, label := range metric.GetLabel() {
		labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
	}
	value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
	if histogram := metric.GetHistogram(); histogram != nil {
		value = float64(histogram.GetSampleCount())
	}
	if value == math.Trunc(value) {
		return fmt.Sprintf("%s{%s} %.0f", name, strings.Join(labels, ","), value)
	}
	return fmt.Sprintf("%s{%s} %.3f", name, strings.Join(labels, ","), value)
}

// The names and labels are a contract: alerts and dashboards of others use them.
func TestSeriesAtStart(t *testing.T) {
	_, reg := newMetrics(t, key)
	golden, err := os.ReadFile("testdata/start.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(series(t, reg), "\n") + "\n"; got != string(golden) {
		t.Errorf("series at start:\n%s\nwant those of testdata/start.txt", got)
	}
}

func TestRuntimeCollectors(t *testing.T) {
	_, reg := newMetrics(t)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"go_goroutines", "process_start_time_seconds"} {
		if !slices.ContainsFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == want }) {
			t.Errorf("%s is not exposed", want)
		}
	}
}

// fill gives every instrument a value, so that nothing is absent.
func fill(m *metrics.Metrics) {
	at := time.UnixMilli(1479300000500)
	m.Credential(key, "wx0123456789abcdef", "official_account", "classic", true)
	m.State(key, metrics.StateFresh)
	m.Failing(key, metrics.OutcomeIP, metrics.FailingRedis)
	m.ConfigRead(at, true)
	m.Expiry(key, at)
	m.Due(key, at)
	m.RefreshedAt(key, at)
	m.AttemptedAt(key, at)
	m.Tick(at)
	m.CallsToday(key, 12)
	m.DailyLimit(key, 10000)
	m.Quota(key, 2000, 20)
	m.OutsideDraws(key, 8)
	m.Refresh(key, metrics.ResultUnchanged)
	m.MintRequest(key, metrics.OutcomeIP, 30*time.Millisecond)
	m.Restore(key, metrics.ReasonRedisLost)
	m.FenceRejection(key)
	m.Verification(key, metrics.VerdictRefused)
	m.Report(key, metrics.ReportUnconfirmed)
	m.ForeignToken(key)
	m.Targets(key, 3, 1)
	m.TargetWrite(key, metrics.WriteOvertaken)
	m.TargetForeign(key)
	m.RedisOperation(metrics.OpCommit, nil)
	m.RedisOperation(metrics.OpBegin, errors.New("READONLY"))
	m.Panic()
}

func TestPromlint(t *testing.T) {
	m, reg := newMetrics(t, key)
	fill(m)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

// Every method moves exactly the series of its name.
func TestMethods(t *testing.T) {
	m, reg := newMetrics(t, key)
	before := series(t, reg)
	fill(m)
	var changed []string
	for _, s := range series(t, reg) {
		if !slices.Contains(before, s) {
			changed = append(changed, s)
		}
	}
	golden, err := os.ReadFile("testdata/filled.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(changed, "\n") + "\n"; got != string(golden) {
		t.Errorf("changed series:\n%s\nwant those of testdata/filled.txt", got)
	}
}

func TestUnknownIsAbsent(t *testing.T) {
	m, reg := newMetrics(t, key)
	before := series(t, reg)
	at := time.Unix(1479300000, 0)
	tests := map[string]struct{ set, forget func() }{
		"expiry":    {func() { m.Expiry(key, at) }, func() { m.Expiry(key, time.Time{}) }},
		"due":       {func() { m.Due(key, at) }, func() { m.Due(key, time.Time{}) }},
		"refreshed": {func() { m.RefreshedAt(key, at) }, func() { m.RefreshedAt(key, time.Time{}) }},
		"attempted": {func() { m.AttemptedAt(key, at) }, func() { m.AttemptedAt(key, time.Time{}) }},
		"tick":      {func() { m.Tick(at) }, func() { m.Tick(time.Time{}) }},
		"calls":     {func() { m.CallsToday(key, 0) }, func() { m.CallsToday(key, -1) }},
		"limit":     {func() { m.DailyLimit(key, 0) }, func() { m.DailyLimit(key, -1) }},
		"outside":   {func() { m.OutsideDraws(key, 0) }, func() { m.OutsideDraws(key, -1) }},
		"allowed":   {func() { m.Quota(key, 0, -1) }, func() { m.Quota(key, -1, -1) }},
		"counted":   {func() { m.Quota(key, -1, 0) }, func() { m.Quota(key, -1, -1) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			// Nothing to forget yet: must be harmless.
			tt.forget()
			tt.set()
			if got := len(series(t, reg)); got != len(before)+1 {
				t.Errorf("%d series after set, want %d", got, len(before)+1)
			}
			tt.forget()
			if got := series(t, reg); !slices.Equal(got, before) {
				t.Errorf("after forget: %q", got)
			}
		})
	}
}

func TestCredentialReplaces(t *testing.T) {
	m, reg := newMetrics(t, key, "other")
	m.Credential("other", "wxother", "official_account", "stable", true)
	m.Credential(key, "wxold", "official_account", "classic", true)
	m.Credential(key, "wxnew", "official_account", "stable", true)
	var got []string
	for _, s := range series(t, reg) {
		if strings.HasPrefix(s, "wxtokend_credential_info") {
			got = append(got, s)
		}
	}
	want := []string{
		`wxtokend_credential_info{api="stable",appid="wxnew",key="WXAccessToken",kind="official_account",mint="true"} 1`,
		`wxtokend_credential_info{api="stable",appid="wxother",key="other",kind="official_account",mint="true"} 1`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// A server that sends something else each time must not grow the exposition.
func TestUnknownOutcomes(t *testing.T) {
	m, reg := newMetrics(t, key)
	before := len(series(t, reg))
	for i := range 100 {
		m.MintRequest(key, metrics.Outcome(fmt.Sprintf("errcode %d", i)), time.Second)
	}
	after := series(t, reg)
	if len(after) != before {
		t.Errorf("%d series, want %d", len(after), before)
	}
	want := `wxtokend_mint_requests_total{key="WXAccessToken",outcome="unknown"} 100`
	if !slices.Contains(after, want) {
		t.Errorf("no %s in %q", want, after)
	}
}

// TestFailing: one series for each class that fails now, and none for one that does not.
func TestFailing(t *testing.T) {
	m, reg := newMetrics(t, key)
	fails := func(want []string, classes ...metrics.Outcome) {
		t.Helper()
		m.Failing(key, classes...)
		var got []string
		for _, s := range series(t, reg) {
			if strings.HasPrefix(s, "wxtokend_failing") {
				got = append(got, s)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", classes, got, want)
		}
	}
	fails(nil)
	fails([]string{
		`wxtokend_failing{class="redis",key="WXAccessToken"} 1`, `wxtokend_failing{class="secret",key="WXAccessToken"} 1`,
	}, metrics.FailingRedis, metrics.FailingRedis, metrics.FailingSecret)
	unknown := `wxtokend_failing{class="unknown",key="WXAccessToken"} 1`
	fails([]string{unknown}, "what a newer version wrote")
	fails(nil)
}

// TestConfigRead: a bad one is told of, and the time stays that of the good one.
func TestConfigRead(t *testing.T) {
	m, reg := newMetrics(t)
	reads := func(second int64, good bool, want ...string) {
		t.Helper()
		m.ConfigRead(time.Unix(second, 0), good)
		var got []string
		for _, s := range series(t, reg) {
			if strings.HasPrefix(s, "wxtokend_config") {
				got = append(got, s)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	reads(100, false, "wxtokend_config_last_reload_successful{} 0")
	reads(200, true, "wxtokend_config_last_reload_success_timestamp_seconds{} 200",
		"wxtokend_config_last_reload_successful{} 1")
	reads(300, false, "wxtokend_config_last_reload_success_timestamp_seconds{} 200",
		"wxtokend_config_last_reload_successful{} 0")
}

// TestReady: whoever can read a token is ready.
func TestReady(t *testing.T) {
	m, reg := newMetrics(t, key)
	for state, want := range map[metrics.State]int{
		metrics.StateFresh: 1, metrics.StateDue: 1, metrics.StateExpired: 0, metrics.StateMissing: 0,
		metrics.StateRejected: 0, metrics.StateUnknown: 0, "another": 0,
	} {
		m.State(key, state)
		if s := fmt.Sprintf(`wxtokend_ready{key="WXAccessToken"} %d`, want); !slices.Contains(series(t, reg), s) {
			t.Errorf("%s: no %s", state, s)
		}
	}
}
