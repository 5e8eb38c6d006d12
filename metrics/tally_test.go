package metrics_test

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"wxtokend/metrics"
)

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
