package keeper

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// TestState says what a reader of the key would meet, some time after a look.
func TestState(t *testing.T) {
	ends := func(in time.Duration) func(*store.Observation) {
		return func(o *store.Observation) { o.State.ExpiresAt, o.Value.TTL = o.Now.Add(in), in }
	}
	lease := policyOf("stable").Lease
	for _, row := range []struct {
		name   string
		change func(o *store.Observation)
		after  time.Duration
		want   State
	}{
		{"fresh", func(*store.Observation) {}, 0, Fresh},
		{"a lease without a look", func(*store.Observation) {}, lease, Fresh},
		{"more than a lease without a look", func(*store.Observation) {}, lease + 1, Unknown},
		{"nothing", func(o *store.Observation) { *o = store.Observation{Now: o.Now} }, 0, Missing},
		{"ends soon", ends(10 * time.Second), 10*time.Second - 1, Due},
		{"has ended since", ends(10 * time.Second), 10 * time.Second, Expired},
		{"refused", func(o *store.Observation) { o.State.Refused = ours.Fingerprint() }, 0, Rejected},
		{"deleted", func(o *store.Observation) { o.Value = store.Value{} }, 0, Missing},
		{"due", func(o *store.Observation) { o.State.Generation++ }, 0, Due},
		{"due, and waiting", func(o *store.Observation) { o.State.Generation++; o.Lease = "a1" }, 0, Due},
		{"not due yet", ends(275 * time.Second), 5*time.Second - 1, Fresh},
		{"due since the look", ends(275 * time.Second), 5 * time.Second, Due},
	} {
		t.Run(row.name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				check(b, "before the first look", b.Status().State, Unknown)
				b.take(row.change)
				time.Sleep(row.after)
				status := b.Status()
				check(b, "state", status.State, row.want)
				check(b, "ready", b.Brief().Ready, row.want == Fresh || row.want == Due)
				check(b, "unready", status.Unready == "", row.want == Fresh || row.want == Due)
			})
		})
	}
}

// TestStateUnderAnothersState: another account took the key, and readers may
// still get our token, as far as this process remembers it.
func TestStateUnderAnothersState(t *testing.T) {
	taken := func(o *store.Observation) {
		other := store.Other{AppID: "wxffffffffffffffff", Issuer: "api.weixin.qq.com", BegunAt: o.Now}
		*o = store.Observation{Now: o.Now, Value: o.Value, Other: other}
	}
	onBench(t, func(b *bench) {
		b.take()
		b.take(taken)
		check(b, "ours lies there", b.Status().State, Due)
		check(b, "fingerprint", b.Status().Fingerprint, ours.Fingerprint())
		b.take(taken, func(o *store.Observation) { o.Value.Token = foreign })
		check(b, "theirs lies there", b.Status().State, Missing)
		check(b, "fingerprint", b.Status().Fingerprint, "")
	})
	onBench(t, func(b *bench) {
		b.take()
		b.take(func(o *store.Observation) { o.State.Refused = ours.Fingerprint() })
		b.take(taken)
		check(b, "ours was refused", b.Status().State, Rejected)
		b.take()
		b.take(taken)
		check(b, "by mistake", b.Status().State, Due)
	})
	onBench(t, func(b *bench) {
		b.take(taken)
		check(b, "never seen", b.Status().State, Missing)
	})
}

// TestStatusIsTheState: what this process remembers hides nothing of the state.
func TestStatusIsTheState(t *testing.T) {
	onBench(t, func(b *bench) {
		b.take(func(o *store.Observation) {
			o.State.Failures, o.State.LastError = 3, &store.Failure{Class: "transient", Message: "busy"}
		})
		status := b.Status()
		if status.Failures != 3 || status.LastError == nil {
			t.Errorf("%+v", status)
		}
	})
}

// TestUnready says why readers cannot rely on the key.
func TestUnready(t *testing.T) {
	nothing := func(o *store.Observation) { *o = store.Observation{Now: o.Now} }
	for _, row := range []struct {
		name  string
		spoil func(b *bench)
		want  []string
	}{
		{"Redis is away", func(b *bench) { b.Take(store.Result{Err: errAway}, b.spawn) },
			[]string{"unknown", "nothing is known from Redis", "connection refused"}},
		{"a failure", func(b *bench) {
			b.take(nothing, func(o *store.Observation) {
				o.State.LastError = &store.Failure{Class: "config", Message: "40125: invalid appsecret"}
			})
		}, []string{"missing", "40125: invalid appsecret"}},
		{"another account", func(b *bench) {
			b.take(nothing, func(o *store.Observation) { o.Other = store.Other{AppID: "wxffffffffffffffff", BegunAt: o.Now} })
		}, []string{"another appid lives under this key, wxffffffffffffffff", string(holdCohabitant)}},
		{"a wait", func(b *bench) { b.take(nothing, func(o *store.Observation) { o.Lease = "a1" }) },
			[]string{"missing: leased"}},
		{"what fails before a mint", func(b *bench) { b.take(nothing); b.failed(opReadSecret, errAway) },
			[]string{"missing", "could not read the AppSecret: connection refused"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				row.spoil(b)
				for _, want := range row.want {
					if got := b.Status().Unready; !strings.Contains(got, want) {
						t.Errorf("%q does not say %q", got, want)
					}
				}
			})
		})
	}
}

// TestNotes says what a person is told beside the state, and what not yet.
func TestNotes(t *testing.T) {
	outside := func(draws int, ago time.Duration) func(*store.Observation) {
		return func(o *store.Observation) { o.State.OutsideDraws, o.State.OutsideAt = draws, o.Now.Add(-ago) }
	}
	spent := func(force int, left time.Duration) func(*store.Observation) {
		return func(o *store.Observation) { o.State.Force, o.State.NoForceUntil = force, o.Now.Add(left) }
	}
	for _, row := range []struct {
		name   string
		change func(o *store.Observation)
		want   string // in the only note, "" for none
	}{
		{"nothing", func(*store.Observation) {}, ""},
		{"two outside draws", outside(2, time.Hour-1), "somebody else keeps drawing tokens"},
		{"one outside draw", outside(1, time.Minute), ""},
		{"two outside draws, an hour ago", outside(2, time.Hour), ""},
		{"forced refreshes are used up", spent(1, 1), "forced refreshes are used up"},
		{"forced refreshes are used up, and nobody wants one", spent(0, 1), ""},
		{"questions are used up", func(o *store.Observation) { o.State.NoAnswerUntil = o.Now.Add(1) }, "quota for questions"},
		{"a mint waits", func(o *store.Observation) { o.State.Generation++; o.Lease = "a1" }, "due, but waiting: leased"},
		{"another replica's api", func(o *store.Observation) { o.State.API, o.State.BegunAt = "classic", o.Now },
			"api: classic there"},
		{"the clock of Redis is far off", func(o *store.Observation) { o.Now = o.Now.Add(31 * time.Second) },
			"31s ahead of this host's"},
	} {
		t.Run(row.name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.policy.Kind, b.unlike.since = credential.OfficialAccount, time.Now().Add(-time.Hour)
				b.take(row.change)
				notes := b.Status().Notes
				if all := strings.Join(notes, "\n"); (row.want == "") != (len(notes) == 0) || len(notes) > 1 ||
					!strings.Contains(all, row.want) {
					t.Errorf("notes: %q, want %q", notes, row.want)
				}
				check(b, "counted", b.Brief().Notes, len(notes))
			})
		})
	}
}
