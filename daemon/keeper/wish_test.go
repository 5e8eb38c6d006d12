package keeper

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// TestOfRequest says what becomes of a person's wish, and that the answer
// names the reason.
func TestOfRequest(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(v *look)
		force  bool
		want   store.Status
		says   string
	}{
		{"a refresh", func(*look) {}, false, store.Accepted, "waits are over"},
		{"a forced one", func(*look) {}, true, store.Accepted, "replaced twice, 30s apart"},
		{"over another account", func(v *look) { v.Other = cohabitantSince(0) }, false, store.Changed, "another account"},
		{"over a newer version's", newer, true, store.Changed, "newer version"},
		{"the thirteenth of an hour", func(v *look) { v.State.RequestsAt = instant.Add(time.Hour - store.RequestsEvery + 1) },
			false, Limited, "a dozen"},
		{"the twelfth of an hour", func(v *look) { v.State.RequestsAt = instant.Add(time.Hour - store.RequestsEvery) }, false,
			store.Accepted, ""},
		{"a forced one, and WeChat forces no more today", func(v *look) { v.State.NoForceUntil = instant.Add(1) }, true,
			Limited, "00:00 UTC+8"},
		{"a refresh, and WeChat forces no more today", func(v *look) { v.State.NoForceUntil = instant.Add(1) }, false,
			store.Accepted, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, mints := range []bool{true, false} {
				k := &Keeper{policy: policyOf("stable")}
				k.policy.Mint = mints
				v := freshLook()
				row.change(&v)
				status, says := k.ofRequest(v, row.force)
				if status != row.want || !strings.Contains(says, row.says) {
					t.Errorf("%s: %q, want %s: %q", status, says, row.want, row.says)
				}
				check(t, "another has to do it", strings.Contains(says, "mint: false"), status == store.Accepted && !mints)
			}
		})
	}
}

// TestOfReport says what becomes of a reader's report.
func TestOfReport(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(v *look)
		want   store.Status
		says   string
	}{
		{"the current token", func(*look) {}, store.Accepted, "replaced if refused twice"},
		{"another token", func(v *look) { v.State.Token = "98_newer" }, Stale, "not the current token"},
		{"a newer version's", newer, Stale, "not the current token"},
		{"a token that is known to be refused", refused, Stale, "known to be refused"},
		{"an expired token", expires(0), Stale, "expired"},
		{"WeChat answers nobody", func(v *look) { v.State.NoAnswerUntil = instant.Add(time.Minute) }, Limited,
			"it is asked in 1m0s"},
		{"the hour's questions are used up", func(v *look) { v.State.QuestionsAt = instant.Add(time.Hour) }, Limited,
			"two dozen times"},
		{"asked about a moment ago", func(v *look) { v.State.VerifiedAt = instant.Add(-30*time.Second + 1) }, Limited,
			"a moment ago"},
		{"asked about a while ago", func(v *look) { v.State.VerifiedAt = instant.Add(-30 * time.Second) }, store.Accepted,
			""},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := &Keeper{policy: policyOf("stable")}
			v := freshLook()
			row.change(&v)
			status, says := k.ofReport(v, ours.Fingerprint())
			if status != row.want || !strings.Contains(says, row.says) {
				t.Errorf("%s: %q, want %s: %q", status, says, row.want, row.says)
			}
		})
	}
}
