package keeper

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// attempt is one refresh on its way: begin, draw, then commit or abort. It
// ends only with a definite answer of Redis; until then every look takes it up
// where it stood. If the process dies the lease ends by itself, and begin has
// left all that the next attempt must know.
type attempt struct {
	seen     store.Observation
	decision decision
	begin    store.Begin
	// By this host's monotonic clock, before begin was sent.
	begun time.Time

	// After the draw, the token on its way to readers.
	commit *store.Commit
	// Or the failure.
	abort *store.Abort
	// Of this process after the failure; the fleet's may be shorter.
	wait time.Duration
	// The parent's token, if WeChat refused that.
	accused secret.Token
}

// answered says that the platform was asked, and what came of it is to be stored.
func (a *attempt) answered() bool { return a.commit != nil || a.abort != nil }

// newAttempt makes the decision known as this process' own, so that no second
// one starts beside it.
func (k *Keeper) newAttempt(v look, d decision) *attempt {
	id := make([]byte, 8)
	// Never fails.
	_, _ = rand.Read(id)
	n := v.State.Failures + 1
	a := &attempt{seen: v.Observation, decision: d, begin: store.Begin{
		Attempt: hex.EncodeToString(id), NewSecret: d.newSecret, Forced: d.forced,
		// As if it failed: a process that dies in every mint has to back off as well.
		Wait: k.policy.waitAfter(credential.ClassTransient, n, v.Now, v.State.ExpiresAt), Day: store.Day(v.Now),
		Answers: d.answers,
	}}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.own = a
	return a
}

func (k *Keeper) finished(a *attempt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.own == a {
		k.own = nil
	}
}

// pursue takes an attempt as far as it gets.
func (k *Keeper) pursue(ctx context.Context, a *attempt) {
	if !a.answered() {
		begun := k.begin(ctx, a)
		if begun == nil {
			return
		}
		k.draw(ctx, a, *begun)
	}
	if a.commit != nil {
		k.commit(ctx, a)
	} else {
		k.abort(ctx, a)
	}
}

// begun is an attempt that has the lease, and so the right to one call.
type begun struct {
	store.BeginAnswer
	secret secret.Secret
}

// begin takes the lease. Without it there is nothing to draw, and nil is returned.
func (k *Keeper) begin(ctx context.Context, a *attempt) *begun {
	appSecret, err := k.policy.Secret(ctx)
	k.failed(opReadSecret, err)
	if err != nil {
		k.finished(a)
		return nil
	}
	a.begin.Secret = appSecret.Fingerprint()
	// The lease is counted from before begin, so never longer than Redis counts it.
	a.begun = time.Now()
	k.passing(Beginning, a.begin.Attempt)
	answer, err := k.store.Begin(ctx, k.policy.Slot, a.seen, a.begin)
	k.metrics.RedisOperation(metrics.OpBegin, err)
	k.failed(opBegin, err)
	if err != nil {
		if store.Definite(err) {
			k.finished(a)
		}
		return nil
	}
	if answer.Status != store.Begun {
		// Somebody else is at it, or the world changed: the next tick decides anew.
		k.finished(a)
		return nil
	}
	if a.begin.Answers {
		k.metrics.Report(k.policy.Keys.Value, metrics.ReportAccepted)
		k.log.Info("a reader reports that WeChat refused the token; asking for it once more", "token", a.seen.Rejected)
	}
	k.log.Debug("refresh begins", "reason", string(a.decision.mint), "attempt", a.begin.Attempt)
	return &begun{answer, appSecret}
}

// draw makes the one call to WeChat, and leaves a commit or an abort. If the
// process dies from here on, the lease runs out and the generation says that a
// mint may be outstanding.
func (k *Keeper) draw(ctx context.Context, a *attempt, b begun) {
	deadline := time.Now().Add(k.callTimeout)
	if end := a.begun.Add(k.policy.Lease - k.redisTimeout); end.Before(deadline) {
		deadline = end
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	// Whatever happens in there, a panic included, the call counts as made.
	a.abort = k.newAbort(a, b.BeginAnswer, &credential.Error{
		Op: "mint", Class: credential.ClassUnknown, Issued: credential.MaybeIssued, Message: "the client panicked",
	}, 0)
	k.passing(Drawing, a.begin.Attempt)
	start := time.Now()
	in := credential.Inputs{Account: k.policy.Name, Secret: b.secret, Force: a.begin.Forced}
	if k.parent != nil {
		in.Parent = k.parentsToken()
	}
	grant, err := k.kind.Draw(ctx, in)
	took := time.Since(start)
	if err == nil {
		k.metrics.MintRequest(k.policy.Keys.Value, metrics.OutcomeOK, took)
		a.abort = nil
		elapsed := k.policy.elapsed(grant, b.T0, a.seen.State)
		a.commit = &store.Commit{
			Attempt: a.begin.Attempt, Token: grant.Token, ExpiresIn: grant.ExpiresIn, Elapsed: elapsed,
			T0: b.T0, Order: b.Order,
			UnchangedWait: k.policy.unchangedWait(grant.ExpiresIn - elapsed), RefusedWait: k.policy.refusedWait(b.Failures),
			Outside: a.decision.outside, Forced: a.begin.Forced,
		}
		if a.begin.Answers {
			a.commit.Answered = a.seen.Rejected
		}
		return
	}
	var failed *credential.Error
	if !errors.As(err, &failed) {
		failed = &credential.Error{Op: "mint", Class: credential.ClassUnknown, Issued: credential.MaybeIssued,
			Message: err.Error()}
	}
	k.metrics.MintRequest(k.policy.Keys.Value, metrics.Outcome(failed.Class), took)
	if failed.Refused() {
		a.accused = in.Parent
	}
	a.abort = k.newAbort(a, b.BeginAnswer, failed, took)
	a.wait = max(a.abort.Wait, k.failedHere(failed, b.secret, a.seen.State.ExpiresAt.Sub(b.T0)))
}

// newAbort writes a failure in the form that Redis keeps.
func (k *Keeper) newAbort(
	a *attempt, begun store.BeginAnswer, failed *credential.Error, took time.Duration,
) *store.Abort {
	at, times := begun.T0.Add(took), 1
	last := a.seen.State.LastError
	if last != nil && last.Class == string(failed.Class) && a.seen.State.Secret == a.begin.Secret {
		times += last.Times
	}
	n := times
	if mayPass(failed.Class) {
		// Includes what died without a word.
		n = begun.Failures
	}
	abort := &store.Abort{
		Attempt: a.begin.Attempt,
		Unknown: failed.Issued != credential.NotIssued, UnknownWait: k.policy.unknownWait(a.begin.Forced),
		GiveBack: !failed.Left(), Wait: k.policy.waitAfter(failed.Class, n, at, a.seen.State.ExpiresAt),
		Failure: store.Failure{Class: string(failed.Class), Code: failed.Code, Message: failed.Error(), At: at, Times: times},
		Address: addressIn(failed),
	}
	if a.begin.Forced && k.policy.Traits.ForcedPerDay > 0 && failed.Class == credential.ClassQuota {
		// WeChat forces no more today, but ordinary refreshes go on.
		abort.NoForceWait, abort.Wait = store.NextDay(at).Sub(at), k.policy.BackoffMin
	}
	abort.Wait = lengthen(abort.Wait, k.jitter())
	return abort
}

// failedHere keeps what only this process knows of its failure, of a token that has
// so much left, and says for how long WeChat does not let this host in.
func (k *Keeper) failedHere(
	failed *credential.Error, appSecret secret.Secret, left time.Duration,
) (bar time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if bar = lengthen(k.policy.bar(failed, left, !k.barred.IsZero()), k.jitter()); bar > 0 {
		k.barred = time.Now().Add(bar)
		k.told.barring = failed.Class
	}
	if secretToBlame(failed.Class) {
		k.tried = appSecret.Fingerprint()
	}
	return bar
}

// commit stores the token. It exists nowhere else: without a definite answer it
// stays here, and the next tick tries again.
func (k *Keeper) commit(ctx context.Context, a *attempt) {
	k.passing(Committing, a.begin.Attempt)
	status, unchanged, err := k.store.Commit(ctx, k.policy.Slot, *a.commit)
	k.metrics.RedisOperation(metrics.OpCommit, err)
	k.noteFailure(opCommit, err)
	if err != nil {
		return
	}
	k.passing(Committed, a.begin.Attempt)
	k.finished(a)
	expires := a.commit.ExpiresAt()
	switch status {
	case store.Committed, store.Already:
		k.stored(ctx, a, unchanged)
	case store.Lost:
		k.metrics.Refresh(k.policy.Keys.Value, metrics.ResultFenced)
		k.metrics.FenceRejection(k.policy.Keys.Value)
		k.log.Warn("minted too late: the lease was lost, the stored token stays",
			"token", a.commit.Token, "next", "a mint settles it")
	case store.Refused:
		k.metrics.Refresh(k.policy.Keys.Value, metrics.ResultFailed)
		next := "a forced refresh, at most once in five minutes"
		if !k.policy.Traits.Forces() {
			next = "the same once more, in five minutes or later"
		}
		k.log.Warn("WeChat gave back the token that it refuses", "token", a.commit.Token, "next_attempt", next)
	default:
		k.metrics.Refresh(k.policy.Keys.Value, metrics.ResultFailed)
		k.log.Warn("the token had expired before it could be stored", "status", string(status), "expires_at", expires)
	}
}

// abort writes the failure down, and then tells of it.
func (k *Keeper) abort(ctx context.Context, a *attempt) {
	k.passing(Aborting, a.begin.Attempt)
	status, err := k.store.Abort(ctx, k.policy.Slot, *a.abort)
	k.metrics.RedisOperation(metrics.OpAbort, err)
	k.noteFailure(opAbort, err)
	if err != nil {
		return
	}
	k.finished(a)
	k.metrics.Refresh(k.policy.Keys.Value, metrics.ResultFailed)
	wait := max(a.wait, a.abort.Wait)
	if a.abort.Unknown && !a.decision.urgent {
		// Nobody mints over a good token before the outcome is settled.
		wait = max(wait, a.abort.UnknownWait)
	}
	next := a.abort.Failure.At.Add(max(wait, a.abort.NoForceWait))
	k.log.Warn("refresh failed, the stored token stays", "reason", string(a.decision.mint), "class", a.abort.Failure.Class,
		"error", a.abort.Failure.Message, "next_attempt", next, "status", string(status))
	if a.accused != "" {
		k.accuse(ctx, a.accused)
	}
}

// accuse reports the parent's token, which WeChat refused as it would a reader's
// call: whoever keeps the parent asks WeChat about it, within the same limits.
func (k *Keeper) accuse(ctx context.Context, t secret.Token) {
	status, _, err := k.parent.Wish(ctx, Wish{Fingerprint: t.Fingerprint()})
	if err != nil {
		k.log.Debug("could not report the parent's token", "error", err)
		return
	}
	k.log.Info("WeChat refused the token of the parent; reported it", "token", t, "result", string(status))
}

// failed counts what kept a refresh from beginning, once for each cause.
func (k *Keeper) failed(what string, err error) {
	first := k.noteFailure(what, err)
	if first {
		k.metrics.Refresh(k.policy.Keys.Value, metrics.ResultFailed)
	}
}
