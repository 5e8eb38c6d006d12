package daemon

import (
	"context"
	"errors"
	"time"

	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
	"wxtokend/metrics"
)

// verify asks WeChat whether it accepts the stored token. It is the one way to
// notice that somebody else killed it. If the process dies in between, the
// next verification is merely later.
func (r *refresher) verify(ctx context.Context, v look) {
	status, asked, err := r.store.Claim(ctx, r.slot, v.Observation)
	if err != nil {
		r.warnOnce("could not claim the verification", err)
		return
	}
	r.works("could not claim the verification")
	if status != store.Claimed {
		// Another replica does it, or the world has changed.
		return
	}
	if reported(v) {
		r.metrics.Report(r.config.Key, metrics.ReportAccepted)
		r.log.Info("a reader reports that WeChat refused the token; asking WeChat", "token", v.Rejected)
	}
	r.passing(Verifying)
	asking, cancel := context.WithTimeout(ctx, r.mintTimeout)
	defer cancel()
	verdict, wait := r.judge(v, r.wechat.Verify(asking, v.State.Token))
	if verdict == "" {
		return
	}
	r.passing(Judging)
	status, err = r.store.Verdict(ctx, r.slot, v.Observation, asked, verdict, wait)
	if err != nil {
		r.warnOnce("could not store the verdict on the token", err)
		return
	}
	r.works("could not store the verdict on the token")
	switch status {
	case store.Refused:
		why, next := "somebody else drew one for this appid, or the account was changed", "at the next poll"
		if v.State.Outstanding() {
			why = "a mint of our own whose answer was lost may have replaced it"
		} else if r.policy.replaces {
			next += ", at most once in five minutes"
		}
		r.log.Warn("WeChat refuses the stored token: "+why, "token", v.State.Token, "next_attempt", next)
	case store.Unconfirmed:
		r.metrics.Report(r.config.Key, metrics.ReportUnconfirmed)
	}
}

// judge turns WeChat's answer into a verdict, "" if it says nothing about the
// token. Nobody notices then whether the token was replaced, and after some in
// a row people are told.
func (r *refresher) judge(v look, err error) (verdict store.Verdict, wait time.Duration) {
	var failed *wechat.Error
	switch {
	case err == nil:
		verdict = store.VerdictAccepted
		r.metrics.Verification(r.config.Key, metrics.VerdictAccepted)
	case errors.As(err, &failed) && failed.Refused():
		verdict = store.VerdictRefused
		r.metrics.Verification(r.config.Key, metrics.VerdictRefused)
	default:
		r.metrics.Verification(r.config.Key, metrics.VerdictInconclusive)
		r.log.Debug("verification said nothing about the token", "error", err)
	}
	if failed != nil && failed.Class == wechat.ClassQuota {
		verdict, wait = store.VerdictNone, r.policy.penalise(wechat.ClassQuota, 1, v.Now, v.State.ExpiresAt)
		r.log.Warn("WeChat answers no question about the token, so nobody notices whether it was replaced",
			"error", err, "next_attempt", "in "+wait.Round(time.Second).String())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if verdict != "" {
		r.told.silent = 0
		return verdict, wait
	}
	r.told.silence = err.Error()
	if r.told.silent++; r.told.silent == silentFor {
		r.log.Warn("WeChat does not say whether it accepts the token, so nobody notices whether it was replaced", "error", err)
	}
	return "", 0
}

// discard deletes a report that calls for nothing: of another token, or of one
// that is known to be refused.
func (r *refresher) discard(ctx context.Context, v look) {
	status, err := r.store.Discard(ctx, r.slot, v.Observation)
	if err != nil {
		r.warnOnce("could not delete a reader's report", err)
		return
	}
	r.works("could not delete a reader's report")
	if status == store.Discarded {
		r.metrics.Report(r.config.Key, metrics.ReportStale)
	}
}
