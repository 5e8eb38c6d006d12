package keeper

import (
	"context"
	"errors"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// TestForcedRefreshesAreSpent tells WeChat's word on the day's forced refreshes
// from all others.
func TestForcedRefreshesAreSpent(t *testing.T) {
	for _, c := range []struct {
		replaces, forced bool
		class            credential.Class
		want             bool
	}{
		{false, true, credential.ClassQuota, true},
		{false, true, credential.ClassRate, false},
		{false, false, credential.ClassQuota, false},
		{true, true, credential.ClassQuota, false},
	} {
		k := &Keeper{policy: policy{credential.Spec{Slot: store.Slot{Replaces: c.replaces},
			Traits: credential.Traits{ForcedPerDay: map[bool]int{false: 20}[c.replaces]}, BackoffMin: time.Second,
			BackoffMax: 5 * time.Minute}}, jitter: func() float64 { return 0 }}
		a := k.newAbort(&attempt{begin: store.Begin{Forced: c.forced}}, store.BeginAnswer{T0: instant},
			&credential.Error{Class: c.class}, 0)
		if got := a.NoForceWait == 4*time.Hour; got != c.want || (a.Wait == time.Second) != c.want {
			t.Errorf("%+v: no force for %v, wait %v", c, a.NoForceWait, a.Wait)
		}
	}
}

// scripted is a platform that answers as it is told.
type scripted struct {
	err           error
	input         credential.Inputs
	left          time.Duration // that the call had
	during        func()        // what else happens while it draws
	calls, checks int
}

func (s *scripted) Draw(ctx context.Context, in credential.Inputs) (credential.Grant, error) {
	deadline, _ := ctx.Deadline()
	s.input, s.left = in, time.Until(deadline)
	s.calls++
	if s.during != nil {
		s.during()
	}
	if s.err == errPanic {
		panic(s.err)
	}
	return credential.Grant{Token: "98_new", ExpiresIn: 2 * time.Hour}, s.err
}

func (s *scripted) Verify(context.Context, secret.Token) error {
	s.checks++
	return s.err
}

func (s *scripted) Quota(context.Context, secret.Token) (credential.Quota, error) {
	return credential.Quota{}, s.err
}

var errPanic = errors.New("a bug")

// draws makes the call of an attempt on a bench.
func (b *bench) draws(platform *scripted, a *attempt) {
	b.kind = platform
	defer func() { _ = recover() }()
	if a.begun.IsZero() {
		a.begun = time.Now()
	}
	b.draw(b.Context(), a, begun{store.BeginAnswer{T0: time.Now(), Failures: 3}, "s3cr3t"})
}

// TestDraw says what is known after the one call of an attempt.
func TestDraw(t *testing.T) {
	onBench(t, func(b *bench) {
		platform, a := &scripted{}, &attempt{begin: store.Begin{Forced: true}, decision: decision{outside: true}}
		b.draws(platform, a)
		if a.commit == nil || a.abort != nil || a.commit.Token != "98_new" || !a.commit.Outside || !a.commit.Forced {
			t.Errorf("after a token: %+v, %+v", a.commit, a.abort)
		}
		check(b, "asked for force", platform.input.Force, true)
		check(b, "time for the call", platform.left, b.callTimeout)
	})
	onBench(t, func(b *bench) {
		platform, slow := &scripted{}, 25*time.Second
		b.draws(platform, &attempt{begun: time.Now().Add(-slow)})
		check(b, "time for the call after a slow begin", platform.left, b.policy.Lease-b.redisTimeout-slow)
	})
	for _, row := range []struct {
		name          string
		err           error
		unknown, back bool
		barred, tried bool
		class         credential.Class
	}{
		{"a panic", errPanic, true, false, false, false, credential.ClassUnknown},
		{"an error of another kind", errAway, true, false, false, false, credential.ClassUnknown},
		{"no answer", &credential.Error{Class: credential.ClassTransport, Issued: credential.MaybeIssued}, true, false, false,
			false, credential.ClassTransport},
		{"never sent", &credential.Error{Class: credential.ClassTransport, Issued: credential.NotIssued}, false, true, false,
			false, credential.ClassTransport},
		{"busy", &credential.Error{Class: credential.ClassTransient, Code: -1, Issued: credential.NotIssued}, false, false,
			false, false, credential.ClassTransient},
		{"a barred address", &credential.Error{Class: credential.ClassIP, Code: 40164, Issued: credential.NotIssued}, false,
			false, true, false, credential.ClassIP},
		{"a refused secret", &credential.Error{Class: credential.ClassConfig, Code: 40125, Issued: credential.NotIssued},
			false, false, false, true, credential.ClassConfig},
	} {
		t.Run(row.name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.policy.Replaces = true
				a := &attempt{}
				b.draws(&scripted{err: row.err}, a)
				if a.abort == nil || a.commit != nil {
					t.Fatal("no failure to write down")
				}
				check(b, "class", a.abort.Failure.Class, string(row.class))
				check(b, "unknown", a.abort.Unknown, row.unknown)
				check(b, "unknown for", a.abort.UnknownWait, b.policy.Lease)
				check(b, "given back", a.abort.GiveBack, row.back)
				check(b, "barred", b.barred.After(time.Now()), row.barred)
				check(b, "tried", b.tried != "", row.tried)
			})
		})
	}
}

// TestAbortCounts says which failures are counted in a row, and that a fleet's
// waits are spread.
func TestAbortCounts(t *testing.T) {
	last := &store.Failure{Class: "config", Times: 2}
	for _, row := range []struct {
		name   string
		class  credential.Class
		secret string
		times  int
		wait   time.Duration
	}{
		{"the same again", credential.ClassConfig, "5ec2e700", 3, 4 * time.Minute},
		{"with another secret", credential.ClassConfig, "01d", 1, time.Minute},
		{"another class", credential.ClassAccount, "5ec2e700", 1, time.Minute},
		{"what may pass, after four that died without a word", credential.ClassTransient, "5ec2e700", 1, 16 * time.Second},
	} {
		k := &Keeper{policy: policyOf("stable"), jitter: func() float64 { return 0.5 }}
		a := &attempt{begin: store.Begin{Secret: "5ec2e700"}}
		a.seen.State.LastError, a.seen.State.Secret = last, row.secret
		got := k.newAbort(a, store.BeginAnswer{T0: instant, Failures: 5}, &credential.Error{Class: row.class}, 0)
		check(t, row.name+", times", got.Failure.Times, row.times)
		check(t, row.name+", wait", got.Wait, row.wait+row.wait/10)
	}
}

// TestNewAttemptExpectsAFailure: a process that dies in every mint backs off.
func TestNewAttemptExpectsAFailure(t *testing.T) {
	k := &Keeper{policy: policyOf("stable")}
	v := freshLook()
	v.State.Failures = 3
	a := k.newAttempt(v, decision{forced: true, newSecret: true})
	check(t, "wait", a.begin.Wait, 8*time.Second)
	check(t, "forced", a.begin.Forced, true)
	check(t, "with a new secret", a.begin.NewSecret, true)
	check(t, "in flight", k.own == a, true)
}
