package keeper

import (
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

const (
	ours    = secret.Token("98_ours")
	foreign = secret.Token("98_foreign")
)

// overlap is WeChat's.
const overlap = 5 * time.Minute

const testAppID = "wx0123456789abcdef"

var instant = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

// policyOf is the default policy of an api.
func policyOf(api string) policy {
	r := config.Default().Refresh
	c := config.DefaultCredential(api, r)
	traits, _ := credential.TraitsOf(credential.OfficialAccount, api)
	return policy{credential.Spec{
		Slot: store.Slot{
			API: api, Replaces: traits.Replaces, Overlap: traits.Overlap, Lease: c.Lease, Poll: r.Poll,
			VerifyEvery: c.VerifyEvery,
		},
		Traits: traits, Mint: true, DailyLimit: c.DailyLimit, Ahead: c.Ahead, BackoffMin: c.BackoffMin,
		BackoffMax: c.BackoffMax,
	}}
}

// freshLook is an hour after a mint, with everything in order.
func freshLook() look {
	return look{secret: "5ec2e700", left: 2 * time.Hour, Observation: store.Observation{
		Now:   instant,
		Value: store.Value{Present: true, Token: ours, TTL: time.Hour},
		State: store.State{
			Schema: store.Schema, AppID: testAppID, Token: ours, ExpiresIn: 2 * time.Hour, Life: 2 * time.Hour,
			ExpiresAt: instant.Add(time.Hour), MintedAt: instant.Add(-time.Hour), Generation: 7, Settled: 7, Secret: "5ec2e700",
			VerifyAt: instant.Add(time.Minute), Day: store.Day(instant), Calls: 7,
		},
	}}
}

func without(v *look) { v.Observation = store.Observation{Now: instant} }

func expires(in time.Duration) func(*look) {
	return func(v *look) {
		v.State.ExpiresAt, v.Value.TTL = instant.Add(in), in
		if in <= 0 {
			v.Value = store.Value{}
		}
	}
}

func newer(v *look) { v.State.Schema++ }

func deleted(v *look) { v.Value = store.Value{} }

func outstanding(v *look) { v.State.Generation++ }

func refused(v *look) { v.State.Refused = ours.Fingerprint() }

// unknown is an outcome of a mint that nobody knows yet, and that WeChat may
// process for so long.
func unknown(left time.Duration) func(*look) {
	return func(v *look) { v.State.UnknownUntil = instant.Add(left) }
}

func answered(v *look) { v.State.OutsideAt = instant.Add(-time.Minute) }

// forcedOut wants forced refreshes although WeChat allows none for so long.
func forcedOut(left time.Duration) func(*look) {
	return func(v *look) { v.State.Force, v.State.NoForceUntil = 2, instant.Add(left) }
}

func failed(class string) func(*look) {
	return func(v *look) {
		v.State.LastError = &store.Failure{Class: class}
		v.State.Failures, v.State.NextAttemptAt = 3, instant.Add(time.Minute)
	}
}

func cohabitantSince(ago time.Duration) store.Other {
	return store.Other{AppID: "wxffffffffffffffff", Issuer: "api.weixin.qq.com", BegunAt: instant.Add(-ago)}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
