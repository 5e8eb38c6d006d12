package metrics

import "time"

// What happens to a credential is counted here, by its key.

// Refresh counts one refresh that ended.
func (m *Metrics) Refresh(key string, result Result) {
	count(m, key, refreshes, results(), result)
}

// MintRequest counts one request to WeChat and the time it took. An outcome
// outside the enum counts as OutcomeUnknown.
func (m *Metrics) MintRequest(key string, outcome Outcome, took time.Duration) {
	count(m, key, requests, outcomes(), outcome.known())
	m.with(key, func(t *tally) { t.mints.observe(took.Seconds()) })
}

// Restore counts one token written back without a mint.
func (m *Metrics) Restore(key string, reason Reason) {
	count(m, key, restores, reasons(), reason)
}

// FenceRejection counts one commit that the fence turned away.
func (m *Metrics) FenceRejection(key string) { count(m, key, fenced, single(), "") }

// Verification counts one question to WeChat about the stored token.
func (m *Metrics) Verification(key string, verdict Verdict) {
	count(m, key, verifications, verdicts(), verdict)
}

// Report counts one report of a reader.
func (m *Metrics) Report(key string, report Report) {
	count(m, key, reported, reports(), report)
}

// ForeignToken counts one token under the key that no replica minted.
func (m *Metrics) ForeignToken(key string) { count(m, key, foreign, single(), "") }

// Targets says how many targets a credential has, and how many of them are not
// as they should be. One without any has no series of them.
func (m *Metrics) Targets(key string, all, failing int) {
	m.with(key, func(t *tally) { t.targets, t.targetsFailing = all, failing })
}

// TargetWrite counts one write of a token to a target.
func (m *Metrics) TargetWrite(key string, result Write) {
	count(m, key, targetWrites, writes(), result)
}

// TargetForeign counts what somebody else wrote to a target.
func (m *Metrics) TargetForeign(key string) { count(m, key, targetForeign, single(), "") }
