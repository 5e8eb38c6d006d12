package metrics_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
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

func TestManyKeys(t *testing.T) {
	_, none := newMetrics(t)
	_, one := newMetrics(t, "a")
	_, three := newMetrics(t, "a", "b", "c")
	perKey := len(series(t, one)) - len(series(t, none))
	if got := len(series(t, three)) - len(series(t, none)); got != 3*perKey {
		t.Errorf("three keys have %d series, one has %d", got, perKey)
	}
}

// Ticks, refreshes and scrapes run side by side; the race detector looks on.
func TestConcurrentUse(t *testing.T) {
	m, reg := newMetrics(t, key)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				fill(m)
				if _, err := reg.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := series(t, reg); !slices.Contains(got, "wxtokend_panics_total{} 200") {
		t.Errorf("200 panics were counted, got %q", got)
	}
}

func TestSecondMetricsOnOneRegistryPanics(t *testing.T) {
	_, reg := newMetrics(t)
	defer func() {
		if recover() == nil {
			t.Error("two Metrics share one registry")
		}
	}()
	metrics.New(reg, metrics.Build{}, metrics.Auto)
}

// TestMany: above PerKeyMost keys the same names are there without the label
// key: sums, the earliest times, and the credential next to its limit.
func TestMany(t *testing.T) {
	names := make([]string, metrics.PerKeyMost+1)
	for i := range names {
		names[i] = fmt.Sprintf("key%d", i)
	}
	m, reg := newMetrics(t, names...)
	for i, name := range names {
		at := time.Unix(1479300000+int64(i), 0)
		m.Expiry(name, at)
		m.DailyLimit(name, 1000)
		m.MintRequest(name, metrics.OutcomeOK, time.Second)
		m.State(name, metrics.StateFresh)
	}
	// Not known is not the earliest.
	m.Expiry(names[0], time.Time{})
	m.CallsToday(names[1], 900)
	m.CallsToday(names[2], 950)
	m.DailyLimit(names[2], 10000)
	m.Quota(names[1], 2000, 90)
	m.Quota(names[2], 500_000, 100)
	m.OutsideDraws(names[1], 0)
	m.OutsideDraws(names[2], 7)
	m.Failing(names[3], metrics.OutcomeIP)
	m.Failing(names[4], metrics.OutcomeIP, metrics.FailingRedis)
	m.Credential(names[5], "wx0123456789abcdef", "official_account", "stable", false)
	if ready := `wxtokend_ready{} 1`; !slices.Contains(series(t, reg), ready) {
		t.Errorf("no %s while all are", ready)
	}
	m.State(names[3], metrics.StateMissing)
	got := series(t, reg)
	for _, want := range []string{
		`wxtokend_token_expiry_timestamp_seconds{} 1479300001`,
		`wxtokend_calls_today{} 900`, `wxtokend_daily_limit{} 1000`,
		`wxtokend_wechat_quota_used{} 90`, `wxtokend_wechat_quota_limit{} 2000`, `wxtokend_outside_draws_today{} 7`,
		`wxtokend_mint_requests_total{outcome="ok"} 201`, `wxtokend_mint_requests_total{outcome="ip"} 0`,
		`wxtokend_mint_duration_seconds{} 201`,
		`wxtokend_ready{} 0`, `wxtokend_failing{class="ip"} 2`, `wxtokend_failing{class="redis"} 1`,
		`wxtokend_minting_credentials{} 200`, `wxtokend_credentials{state="fresh"} 200`,
		`wxtokend_credentials{state="missing"} 1`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if slices.ContainsFunc(got, func(s string) bool {
		return strings.Contains(s, "key=") ||
			strings.Contains(s, "appid=")
	}) || len(got) > 60 {
		t.Errorf("%d series", len(got))
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Error(err, problems)
	}
}

// TestPerKey: what is asked for holds for any number of keys.
func TestPerKey(t *testing.T) {
	for perKey, want := range map[metrics.PerKey]bool{metrics.Always: true, metrics.Never: false} {
		for _, n := range []int{1, metrics.PerKeyMost + 1} {
			reg := prometheus.NewPedanticRegistry()
			m := metrics.New(reg, metrics.Build{}, perKey)
			for i := range n {
				m.Credential(fmt.Sprintf("key%d", i), "wx0123456789abcdef", "official_account", "stable", true)
			}
			found := 0
			for _, s := range series(t, reg) {
				if strings.HasPrefix(s, "wxtokend_fence_rejections_total{key=") {
					found++
				}
			}
			if found != map[bool]int{true: n, false: 0}[want] {
				t.Errorf("%s: %d of %d keys have series of their own", perKey, found, n)
			}
		}
	}
}

// The histogram is the library's, but for its size.
func TestHistogram(t *testing.T) {
	m, reg := newMetrics(t, key)
	same := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "same", Help: "same", Buckets: prometheus.DefBuckets})
	for _, took := range []time.Duration{0, 5 * time.Millisecond, 6 * time.Millisecond, time.Second, 10 * time.Second,
		time.Minute} {
		m.MintRequest(key, metrics.OutcomeOK, took)
		same.Observe(took.Seconds())
	}
	var want dto.Metric
	if err := same.Write(&want); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "wxtokend_mint_duration_seconds" {
			continue
		}
		got, want := family.GetMetric()[0].GetHistogram(), want.GetHistogram()
		if got.GetSampleCount() != want.GetSampleCount() || got.GetSampleSum() != want.GetSampleSum() ||
			len(got.GetBucket()) != len(want.GetBucket()) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i, b := range got.GetBucket() {
			if w := want.GetBucket()[i]; b.GetCumulativeCount() != w.GetCumulativeCount() ||
				b.GetUpperBound() != w.GetUpperBound() {
				t.Errorf("bucket %d is %v, want %v", i, b, w)
			}
		}
	}
}

// TestLockRead: the configuration is good while both of its parts are.
func TestLockRead(t *testing.T) {
	m, reg := newMetrics(t)
	want := func(value string) {
		t.Helper()
		if got := series(t, reg); !slices.Contains(got, "wxtokend_config_last_reload_successful{} "+value) {
			t.Errorf("want %s: %q", value, got)
		}
	}
	m.ConfigRead(time.Unix(100, 0), true)
	m.LockRead(false)
	want("0")
	m.ConfigRead(time.Unix(200, 0), true)
	want("0")
	m.LockRead(true)
	want("1")
}
