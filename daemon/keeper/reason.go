package keeper

import "wxtokend/metrics"

// reason is why something is to be done.
type reason string

// Why somebody should mint, in the order in which they are told.
const (
	reasonMissing reason = "missing"
	reasonExpired reason = "expired"
	// A person wants a new token whether or not the stored one is good.
	reasonForced reason = "forced"
	// WeChat refuses the stored token.
	reasonRefused reason = "refused"
	// Somebody else's token lies where readers look, and ends ours.
	reasonForeign reason = "foreign"
	// A reader reports a token about which WeChat answers no questions.
	reasonReported    reason = "reported"
	reasonOutstanding reason = "outstanding"
	// The token has more time left than it ever had.
	reasonClock  reason = "clock went back"
	reasonAhead  reason = "ahead"
	reasonRotate reason = "rotate"
)

// Why a known token is written back, as the metrics count it.
const (
	reasonDeleted     = reason(metrics.ReasonDeleted)
	reasonOverwritten = reason(metrics.ReasonOverwritten)
	reasonTTL         = reason(metrics.ReasonTTL)
	reasonRedisLost   = reason(metrics.ReasonRedisLost)
	reasonFailover    = reason(metrics.ReasonFailover)
)
