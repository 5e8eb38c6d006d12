package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

// TestJudge says what an answer means for a token, and when people are told
// that none comes.
func TestJudge(t *testing.T) {
	onBench(t, func(b *bench) {
		judged := func(err error, want store.Verdict, silent int) {
			t.Helper()
			verdict, _ := b.judge(freshLook(), err)
			check(b, "verdict", verdict, want)
			check(b, "without an answer in a row", b.told.silent, silent)
		}
		silence := &credential.Error{Class: credential.ClassTransport}
		judged(silence, "", 1)
		judged(silence, "", 2)
		b.take()
		check(b, "notes after two", len(b.Status().Notes), 0)
		check(b, "warnings after two", b.said("does not say whether"), 0)
		judged(silence, "", 3)
		judged(silence, "", 4)
		check(b, "warnings after four", b.said("does not say whether"), 1)
		check(b, "notes after four", len(b.Status().Notes), 1)
		judged(nil, store.VerdictAccepted, 0)
		judged(&credential.Error{Op: "verify token", Class: credential.ClassUnknown, Code: 40001}, store.VerdictRefused, 0)

		verdict, wait := b.judge(freshLook(), &credential.Error{Class: credential.ClassQuota, Code: 45009})
		check(b, "used up", verdict, store.VerdictNone)
		check(b, "until", wait, time.Hour)
	})
}

// TestAddressIn: the whitelist helps against one class alone.
func TestAddressIn(t *testing.T) {
	for class, want := range map[credential.Class]string{credential.ClassIP: "192.0.2.1", credential.ClassAdmin: ""} {
		check(t, string(class), addressIn(&credential.Error{Class: class, IP: "192.0.2.1"}), want)
	}
	check(t, "no failure", addressIn(nil), "")
	check(t, "another one", addressIn(errAway), "")
}
