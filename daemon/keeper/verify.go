package keeper

import (
	"context"
	"errors"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// verify asks WeChat whether it accepts the stored token. It is the one way to
// notice that somebody else killed it. If the process dies in between, the
// next verification is merely later.
func (k *Keeper) verify(ctx context.Context, v look) {
	status, asked, err := k.store.Claim(ctx, k.policy.Slot, v.Observation)
	k.noteFailure(opClaim, err)
	if err != nil {
		return
	}
	if status != store.Claimed {
		// Another replica does it, or the world has changed.
		return
	}
	if reported(v) {
		k.metrics.Report(k.policy.Keys.Value, metrics.ReportAccepted)
		k.log.Info("a reader reports that WeChat refused the token; asking WeChat", "token", v.Rejected)
	}
	k.passing(Verifying, "")
	start := time.Now()
	asking, cancel := context.WithTimeout(ctx, k.callTimeout)
	defer cancel()
	answer := k.kind.Verify(asking, v.State.Token)
	verdict, wait := k.judge(v, answer)
	address := addressIn(answer)
	if verdict == "" && address != "" {
		verdict = store.VerdictBarred
	}
	if verdict == "" {
		return
	}
	hearing := store.Hearing{At: asked, Verdict: verdict, Wait: wait, Address: address}
	if verdict == store.VerdictAccepted && countDue(v, k.policy) {
		hearing.Count = k.count(ctx, v, start)
	}
	k.passing(Judging, "")
	status, err = k.store.Verdict(ctx, k.policy.Slot, v.Observation, hearing)
	k.noteFailure(opJudge, err)
	if err != nil {
		return
	}
	switch status {
	case store.Refused:
		why, next := "somebody else drew one for this appid, or the account was changed", "at the next poll"
		if v.State.Outstanding() {
			why = "a mint of our own whose answer was lost may have replaced it"
		} else if k.policy.Replaces {
			next += ", at most once in five minutes"
		}
		k.log.Warn("WeChat refuses the stored token: "+why, "token", v.State.Token, "next_attempt", next)
	case store.Unconfirmed:
		k.metrics.Report(k.policy.Keys.Value, metrics.ReportUnconfirmed)
	}
}

// judge turns WeChat's answer into a verdict, "" if it says nothing about the
// token. Nobody notices then whether the token was replaced, and after some in
// a row people are told.
func (k *Keeper) judge(v look, err error) (verdict store.Verdict, wait time.Duration) {
	var failed *credential.Error
	switch {
	case err == nil:
		verdict = store.VerdictAccepted
		k.metrics.Verification(k.policy.Keys.Value, metrics.VerdictAccepted)
	case errors.As(err, &failed) && failed.Refused():
		verdict = store.VerdictRefused
		k.metrics.Verification(k.policy.Keys.Value, metrics.VerdictRefused)
	default:
		k.metrics.Verification(k.policy.Keys.Value, metrics.VerdictInconclusive)
		k.log.Debug("verification said nothing about the token", "error", err)
	}
	if failed != nil && failed.Class == credential.ClassQuota {
		verdict, wait = store.VerdictNone, k.policy.waitAfter(credential.ClassQuota, 1, v.Now, v.State.ExpiresAt)
		k.log.Warn("WeChat answers no question about the token, so nobody notices whether it was replaced",
			"error", err, "next_attempt", "in "+wait.Round(time.Second).String())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if verdict != "" {
		k.told.silent = 0
		return verdict, wait
	}
	k.told.silence = err.Error()
	k.told.silent++
	if k.told.silent == silentFor {
		k.log.Warn("WeChat does not say whether it accepts the token, so nobody notices whether it was replaced",
			"error", err)
	}
	return "", 0
}

// addressIn is this host's as WeChat named it when it did not let it ask, or "".
func addressIn(answer error) string {
	failed, _ := errors.AsType[*credential.Error](answer)
	if failed == nil || failed.Class != credential.ClassIP {
		return ""
	}
	return failed.IP
}

// discard deletes a report that calls for nothing: of another token, or of one
// that is known to be refused.
func (k *Keeper) discard(ctx context.Context, v look) {
	status, err := k.store.Discard(ctx, k.policy.Slot, v.Observation)
	k.noteFailure(opDiscard, err)
	if err != nil {
		return
	}
	if status == store.Discarded {
		k.metrics.Report(k.policy.Keys.Value, metrics.ReportStale)
	}
}
