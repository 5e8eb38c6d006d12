package metrics_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"wxtokend/metrics"
)

// TestConsumers: the series are there while the consumer is, from 0 on.
func TestConsumers(t *testing.T) {
	m, reg := newMetrics(t)
	of := func() (lines []string) {
		return slices.DeleteFunc(series(t, reg), func(line string) bool { return !strings.Contains(line, "token_api") })
	}
	m.APIRequest("shop", metrics.APIOK)
	if got := of(); len(got) != 0 {
		t.Errorf("without consumers: %q", got)
	}
	m.Consumers([]string{"shop", "corp"})
	if got := of(); len(got) != 3*7 || !strings.HasSuffix(got[0], `{consumer="",result="bad_request"} 0`) {
		t.Errorf("at first: %d, %q", len(got), got)
	}
	m.APIRequest("shop", metrics.APIOK)
	m.APIRequest("shop", metrics.APIOK)
	m.APIRequest("", metrics.APILimited)
	m.APIRequest("corp", metrics.APIForbidden)
	m.Consumers([]string{"shop", "new"})
	m.APIRequest("corp", metrics.APIOK)
	moved := slices.DeleteFunc(of(), func(line string) bool { return strings.HasSuffix(line, " 0") })
	want := []string{
		`wxtokend_token_api_requests_total{consumer="",result="limited"} 1`,
		`wxtokend_token_api_requests_total{consumer="shop",result="ok"} 2`,
	}
	if !slices.Equal(moved, want) || len(of()) != 3*7 {
		t.Errorf("%d series, moved %q", len(of()), moved)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	m.Consumers(nil)
	if got := of(); len(got) != 0 {
		t.Errorf("switched off: %q", got)
	}
}
