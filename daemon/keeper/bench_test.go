package keeper

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// bench is one keeper whose looks come from the test. What a look calls for is
// collected and not run, so that no Redis is needed.
type bench struct {
	*testing.T
	*Keeper
	registry *prometheus.Registry
	log      bytes.Buffer
	errands  []Errand
	actions  []func(context.Context)
	// Looks that were asked for.
	soon int
}

var errAway = errors.New("connection refused")

// onBench runs test in a bubble, where sleeping costs nothing.
func onBench(t *testing.T, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newBench(t, policyOf("stable"), false)) })
}

func newBench(t *testing.T, p policy, many bool) *bench {
	t.Helper()
	keys, err := store.NewKeys("WXAccessToken")
	if err != nil {
		t.Fatal(err)
	}
	p.Keys, p.Account = keys, testAppID
	p.Secret = func(context.Context) (secret.Secret, error) { return "s3cr3t", nil }
	b := &bench{T: t, registry: prometheus.NewRegistry()}
	b.Keeper = New(Options{
		Spec: p.Spec, Causes: NewCauses(), Metrics: metrics.New(b.registry, metrics.Build{}, metrics.Always), Many: many,
		Log:      slog.New(slog.NewTextHandler(&b.log, nil)),
		LookSoon: func() { b.soon++ }, Passing: func(Step, string) {}, Jitter: func() float64 { return 0 },
		RedisTimeout: 2 * time.Second, CallTimeout: 10 * time.Second,
	})
	b.metrics.Credential(keys.Value, testAppID, credential.OfficialAccount, "stable", true)
	return b
}

// fresh is the observation an hour after a mint, by the clock of the bubble.
func fresh() store.Observation {
	o, now := freshLook().Observation, time.Now()
	moved := now.Sub(o.Now)
	for _, at := range []*time.Time{&o.Now, &o.State.ExpiresAt, &o.State.MintedAt, &o.State.VerifyAt} {
		*at = at.Add(moved)
	}
	o.State.Day = store.Day(now)
	return o
}

// take takes in a fresh observation, with changes.
func (b *bench) take(changes ...func(o *store.Observation)) {
	b.Helper()
	o := fresh()
	for _, change := range changes {
		change(&o)
	}
	b.errands, b.actions = nil, nil
	b.Take(store.Result{Observation: o}, b.spawn)
}

func (b *bench) spawn(what Errand, action func(context.Context)) {
	b.errands, b.actions = append(b.errands, what), append(b.actions, action)
}

// said counts the lines of the log that contain text.
func (b *bench) said(text string) int { return strings.Count(b.log.String(), text) }

// counted is a metric of the credential, with that label if it has one.
func (b *bench) counted(name, label string) (sum float64) {
	b.Helper()
	families, err := b.registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if label == "" || l.GetValue() == label {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
					break
				}
			}
		}
	}
	return sum
}

func check[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}
