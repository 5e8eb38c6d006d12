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
func (r *refresher) verify(ctx context.Context, v view) {
	status, asked, err := r.store.Claim(ctx, r.slot, v.Observation)
	if err != nil {
		r.warnOnce("could not claim the verification", err)
		return
	}
	if status != store.Claimed {
		return // another replica does it
	}
	r.passing(Verifying)
	asking, cancel := context.WithTimeout(ctx, r.mintTimeout)
	defer cancel()
	err = r.wechat.Verify(asking, v.State.Token)
	var failed *wechat.Error
	refused := errors.As(err, &failed) && failed.Refused()
	if err != nil && !refused {
		r.metrics.Verification(r.config.Key, metrics.VerdictInconclusive)
		if failed != nil && failed.Class == wechat.ClassQuota {
			r.goBlind(err)
			return
		}
		r.log.Debug("verification said nothing about the token", "error", err)
		return
	}
	verdict := metrics.VerdictAccepted
	if refused {
		verdict = metrics.VerdictRefused
	}
	r.metrics.Verification(r.config.Key, verdict)
	r.passing(Judging)
	switch status, err = r.store.Verdict(ctx, r.slot, v.Observation, asked, refused); {
	case err != nil:
		r.warnOnce("could not store the verdict on the token", err)
	case status == store.Refused:
		why, next := "somebody else drew one for this appid, or the account was changed", "at the next poll"
		if v.State.Outstanding() {
			why = "a mint of our own whose answer was lost may have replaced it"
		} else if !r.policy.stable {
			next += ", at most once in five minutes"
		}
		r.log.Warn("WeChat refuses the stored token: "+why, "token", v.State.Token, "answer", failed.Error(), "next_attempt", next)
	case status == store.Unconfirmed:
		r.metrics.Report(r.config.Key, metrics.ReportUnconfirmed)
	}
}

// goBlind stops asking WeChat about the token while its quota for that is used
// up. Meanwhile nobody notices if somebody else draws, and that has to be said.
func (r *refresher) goBlind(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := r.policy.penalise(wechat.ClassQuota, 1, r.seen.Now, r.seen.State.ExpiresAt)
	r.blind = time.Now().Add(wait)
	r.log.Warn("WeChat answers no question about the token, so nobody notices whether it was replaced", "error", err, "next_attempt", "in "+wait.Round(time.Second).String())
}

// reportable says that a reader's report waits, and that it is not too soon
// to ask WeChat again.
func (r *refresher) reportable(v view) bool {
	return v.Rejected != "" && !v.newer() && (v.Rejected != v.State.Token || passed(v.State.VerifiedAt, v.Now) >= r.config.VerifyEvery/10)
}

// takeReport hands a reader's report over to the fleet and deletes it.
func (r *refresher) takeReport(ctx context.Context, v view) {
	stale := v.Rejected != v.State.Token || !v.State.Live(v.Now)
	status, err := r.store.Report(ctx, r.slot, v.Observation, v.Rejected, stale)
	if err != nil {
		r.warnOnce("could not take a reader's report", err)
		return
	}
	switch status {
	case store.Accepted:
		r.metrics.Report(r.config.Key, metrics.ReportAccepted)
		r.log.Info("a reader reports that WeChat refused the token; asking WeChat", "token", v.Rejected)
	case store.Stale:
		r.metrics.Report(r.config.Key, metrics.ReportStale)
	case store.Limited:
		r.metrics.Report(r.config.Key, metrics.ReportLimited)
	}
}
