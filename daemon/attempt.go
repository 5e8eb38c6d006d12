package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
	"wxtokend/metrics"
)

// attempt is one refresh on its way: begin, mint, then commit or abort. It
// ends only with a definite answer of Redis; until then every tick takes it up
// where it stood. If the process dies the lease ends by itself, and begin has
// left all that the next attempt must know.
type attempt struct {
	seen     store.Observation
	decision decision
	begin    store.Begin
	begun    time.Time // by this host's monotonic clock, before begin was sent

	commit *store.Commit // after the mint, the token on its way to readers
	abort  *store.Abort  // or the failure
	wait   time.Duration // of this process after the failure; the fleet's may be shorter
}

// newAttempt makes the decision known as this process' own, so that no second
// one starts beside it.
func (r *refresher) newAttempt(v look, d decision) *attempt {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	n := v.State.Failures + 1
	a := &attempt{seen: v.Observation, decision: d, begin: store.Begin{
		Attempt: hex.EncodeToString(id), NewSecret: d.newSecret, Forced: d.forced,
		// As if it failed: a process that dies in every mint has to back off as well.
		Wait: r.policy.penalise(wechat.ClassTransient, n, v.Now, v.State.ExpiresAt), Day: store.Day(v.Now),
	}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = a
	return a
}

func (r *refresher) finished(a *attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own == a {
		r.own = nil
	}
}

// pursue takes an attempt as far as it gets.
func (r *refresher) pursue(ctx context.Context, a *attempt) {
	if a.commit == nil && a.abort == nil && !r.mint(ctx, a) {
		return
	}
	if a.commit != nil {
		r.keep(ctx, a)
	} else {
		r.giveUp(ctx, a)
	}
}

// mint begins and calls WeChat. Afterwards the attempt has a commit or an
// abort; false says that it got no further than begin.
func (r *refresher) mint(ctx context.Context, a *attempt) bool {
	appSecret, err := r.config.ReadSecret(ctx)
	if err != nil {
		r.finished(a)
		r.failedBefore("read the AppSecret", err)
		return false
	}
	a.begin.Secret = appSecret.Fingerprint()
	// The lease is counted from before begin, so never longer than Redis counts it.
	a.begun = time.Now()
	r.passing(Beginning)
	answer, err := r.store.Begin(ctx, r.slot, a.seen, a.begin)
	r.metrics.RedisOperation(metrics.OpBegin, err)
	if err != nil {
		if store.Definite(err) {
			r.finished(a)
		}
		r.failedBefore("begin the refresh", err)
		return false
	}
	if answer.Status != store.Begun {
		r.finished(a) // somebody else is at it, or the world changed: the next tick decides anew
		return false
	}
	r.log.Debug("refresh begins", "reason", a.decision.reason, "attempt", a.begin.Attempt)
	// If the process dies from here on, the lease runs out and the generation
	// says that a mint may be outstanding.
	deadline := time.Now().Add(r.mintTimeout)
	if end := a.begun.Add(r.slot.Lease - r.redisTimeout); end.Before(deadline) {
		deadline = end
	}
	r.ask(ctx, a, answer, appSecret, deadline)
	return true
}

// ask makes the one call to WeChat.
func (r *refresher) ask(ctx context.Context, a *attempt, begun store.BeginAnswer, appSecret secret.Secret, deadline time.Time) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	// Whatever happens in there, a panic included, the call counts as made.
	a.abort = r.newAbort(a, begun, &wechat.Error{Op: "mint", Class: wechat.ClassUnknown, Issued: wechat.MaybeIssued, Message: "the client panicked"}, 0)
	r.passing(Minting)
	start := time.Now()
	grant, err := r.wechat.Mint(ctx, wechat.Request{API: wechat.API(r.config.API), AppID: r.config.AppID, Secret: appSecret, ForceRefresh: a.begin.Forced})
	took := time.Since(start)
	if err == nil {
		r.metrics.MintRequest(r.config.Key, metrics.OutcomeOK, took)
		a.abort = nil
		a.commit = &store.Commit{
			Attempt: a.begin.Attempt, Token: grant.Token, ExpiresIn: grant.ExpiresIn, T0: begun.T0, Order: begun.Order,
			UnchangedWait: r.policy.unchangedWait(grant.ExpiresIn), RefusedWait: r.policy.refusedWait(begun.Failures),
			Outside: a.decision.outside, Forced: a.begin.Forced,
		}
		return
	}
	var failed *wechat.Error
	if !errors.As(err, &failed) {
		failed = &wechat.Error{Op: "mint", Class: wechat.ClassUnknown, Issued: wechat.MaybeIssued, Err: err}
	}
	r.metrics.MintRequest(r.config.Key, metrics.Outcome(failed.Class), took)
	a.abort = r.newAbort(a, begun, failed, took)
	bar := lengthen(r.policy.bar(failed.Class, failed.Code, a.seen.State.ExpiresAt.Sub(begun.T0)), r.jitter())
	a.wait = max(a.abort.Wait, bar)
	r.penalised(failed, appSecret, bar)
}

// newAbort writes a failure in the form that Redis keeps.
func (r *refresher) newAbort(a *attempt, begun store.BeginAnswer, failed *wechat.Error, took time.Duration) *store.Abort {
	at, times := begun.T0.Add(took), 1
	if last := a.seen.State.LastError; last != nil && last.Class == string(failed.Class) && a.seen.State.Secret == a.begin.Secret {
		times += last.Times
	}
	n := times
	if mayPass(failed.Class) {
		n = begun.Failures // includes what died without a word
	}
	abort := &store.Abort{
		Attempt: a.begin.Attempt, Unknown: failed.Issued != wechat.NotIssued, UnknownWait: r.policy.unknownWait(a.begin.Forced),
		GiveBack: !failed.Left(), Wait: r.policy.penalise(failed.Class, n, at, a.seen.State.ExpiresAt),
		Failure: store.Failure{Class: string(failed.Class), Code: failed.Code, Message: failed.Error(), At: at, Times: times},
	}
	if a.begin.Forced && !r.policy.replaces && failed.Class == wechat.ClassQuota {
		// WeChat forces no more today, but ordinary refreshes go on.
		abort.NoForceWait, abort.Wait = store.NextDay(at).Sub(at), r.policy.backoffMin
	}
	abort.Wait = lengthen(abort.Wait, r.jitter())
	return abort
}

// penalised keeps what only this process knows of its failure.
func (r *refresher) penalised(failed *wechat.Error, appSecret secret.Secret, bar time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bar > 0 {
		r.barred = time.Now().Add(bar)
	}
	if secretToBlame(failed.Class) {
		r.tried = appSecret.Fingerprint()
	}
}

// keep commits. The token exists nowhere else: without a definite answer it
// stays here, and the next tick tries again.
func (r *refresher) keep(ctx context.Context, a *attempt) {
	r.passing(Committing)
	status, unchanged, err := r.store.Commit(ctx, r.slot, *a.commit)
	r.metrics.RedisOperation(metrics.OpCommit, err)
	if err != nil {
		r.warnOnce("a new token is not stored yet", err)
		return
	}
	r.passing(Committed)
	r.finished(a)
	expires := a.commit.T0.Add(a.commit.ExpiresIn)
	switch status {
	case store.Committed, store.Already:
		r.remember(a)
		defer r.stored() // a new observation makes the daemon ready before the next poll
		result := metrics.ResultNew
		if unchanged {
			result = metrics.ResultUnchanged
		}
		r.metrics.Refresh(r.config.Key, result)
		r.log.Info("token refreshed", "result", string(result), "reason", a.decision.reason, "token", a.commit.Token, "expires_at", expires)
	case store.Lost:
		r.metrics.Refresh(r.config.Key, metrics.ResultRefused)
		r.metrics.FenceRejection(r.config.Key)
		r.log.Warn("minted too late: the lease was lost, the stored token stays", "token", a.commit.Token, "next", "a mint settles it")
	case store.Refused:
		r.metrics.Refresh(r.config.Key, metrics.ResultFailed)
		r.log.Warn("WeChat gave back the token that it refuses", "token", a.commit.Token, "next_attempt", "a forced refresh, at most once in five minutes")
	default:
		r.metrics.Refresh(r.config.Key, metrics.ResultFailed)
		r.log.Warn("the token had expired before it could be stored", "status", string(status), "expires_at", expires)
	}
}

// remember fills the memory from a commit that Redis confirmed.
func (r *refresher) remember(a *attempt) {
	c := a.commit
	r.mu.Lock()
	defer r.mu.Unlock()
	r.barred = time.Time{}
	r.memory.fill(store.State{
		Token: c.Token, ExpiresIn: c.ExpiresIn, Life: c.ExpiresIn, ExpiresAt: c.T0.Add(c.ExpiresIn), MintedAt: c.Order,
	}, c.T0, a.begun)
}

// giveUp aborts, and reports the failure when that is written down.
func (r *refresher) giveUp(ctx context.Context, a *attempt) {
	r.passing(Aborting)
	status, err := r.store.Abort(ctx, r.slot, *a.abort)
	r.metrics.RedisOperation(metrics.OpAbort, err)
	if err != nil {
		r.warnOnce("a failed mint is not written down yet", err)
		return
	}
	r.finished(a)
	r.metrics.Refresh(r.config.Key, metrics.ResultFailed)
	wait := max(a.wait, a.abort.Wait)
	if a.abort.Unknown && !a.decision.urgent {
		// Nobody mints over a good token before the outcome is settled.
		wait = max(wait, a.abort.UnknownWait)
	}
	next := a.abort.Failure.At.Add(max(wait, a.abort.NoForceWait))
	r.log.Warn("refresh failed, the stored token stays", "reason", a.decision.reason, "class", a.abort.Failure.Class,
		"error", a.abort.Failure.Message, "next_attempt", next, "status", string(status))
}

// failedBefore reports what kept a refresh from beginning, once per cause.
func (r *refresher) failedBefore(what string, err error) {
	if r.warnOnce("could not "+what, err) {
		r.metrics.Refresh(r.config.Key, metrics.ResultFailed)
	}
}
