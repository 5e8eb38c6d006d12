package metrics_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"wxtokend/metrics"
)

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
