package metrics

import "slices"

// Result says how one refresh of a credential ended.
type Result string

// ResultUnchanged is the stable endpoint giving the token that is already
// stored; ResultFenced is a commit that the fence turned away.
const (
	ResultNew       Result = "new"
	ResultUnchanged Result = "unchanged"
	ResultFailed    Result = "failed"
	ResultFenced    Result = "refused"
)

func results() []Result { return []Result{ResultNew, ResultUnchanged, ResultFailed, ResultFenced} }

// Outcome is the class of WeChat's answer to one request for a token.
type Outcome string

// OutcomeTransport is no answer at all, OutcomeGarbage an answer that is not
// one of WeChat's, OutcomeUnknown an errcode that no table names.
const (
	OutcomeOK        Outcome = "ok"
	OutcomeTransient Outcome = "transient"
	OutcomeRate      Outcome = "rate"
	OutcomeQuota     Outcome = "quota"
	OutcomeConfig    Outcome = "config"
	OutcomeIP        Outcome = "ip"
	OutcomeAdmin     Outcome = "admin"
	OutcomeAccount   Outcome = "account"
	OutcomeTransport Outcome = "transport"
	OutcomeGarbage   Outcome = "garbage"
	OutcomeUnknown   Outcome = "unknown"
)

func outcomes() []Outcome {
	return []Outcome{
		OutcomeOK, OutcomeTransient, OutcomeRate, OutcomeQuota, OutcomeConfig, OutcomeIP,
		OutcomeAdmin, OutcomeAccount, OutcomeTransport, OutcomeGarbage, OutcomeUnknown,
	}
}

// known maps anything outside the enum to OutcomeUnknown. An outcome starts
// as a number that a server sent: without this gate a strange server could
// grow one series per answer.
func (o Outcome) known() Outcome {
	if slices.Contains(outcomes(), o) {
		return o
	}
	return OutcomeUnknown
}

// The classes of what fails without a request to WeChat.
const (
	// FailingRedis is an operation on Redis that is refused or gets no answer.
	FailingRedis Outcome = "redis"
	// FailingSecret is an AppSecret that cannot be read.
	FailingSecret Outcome = "secret"
	// FailingTarget is a target that cannot be written.
	FailingTarget Outcome = "target"
)

// failings are the classes of what can fail: all outcomes but the good one, and those without a request.
func failings() []Outcome { return append(outcomes()[1:], FailingRedis, FailingSecret, FailingTarget) }

// Reason says why a known token was written back without a mint.
type Reason string

// ReasonDeleted, ReasonOverwritten and ReasonTTL are re-assertions of the
// readers' key; ReasonRedisLost and ReasonFailover put back a state that Redis
// no longer has or has only in an older form.
const (
	ReasonDeleted     Reason = "deleted"
	ReasonOverwritten Reason = "overwritten"
	ReasonRedisLost   Reason = "redis_lost"
	ReasonFailover    Reason = "failover"
	ReasonTTL         Reason = "ttl"
)

func reasons() []Reason {
	return []Reason{ReasonDeleted, ReasonOverwritten, ReasonRedisLost, ReasonFailover, ReasonTTL}
}

// Verdict is what WeChat said when it was asked about the stored token.
type Verdict string

// VerdictInconclusive is every answer that says nothing about the token.
const (
	VerdictAccepted     Verdict = "accepted"
	VerdictRefused      Verdict = "refused"
	VerdictInconclusive Verdict = "inconclusive"
)

func verdicts() []Verdict { return []Verdict{VerdictAccepted, VerdictRefused, VerdictInconclusive} }

// Report is what became of a reader's report that WeChat refused its token.
type Report string

// ReportStale names a token that is no longer the current one, ReportLimited
// came too soon after another, ReportUnconfirmed found WeChat accepting the token.
const (
	ReportAccepted    Report = "accepted"
	ReportStale       Report = "stale"
	ReportLimited     Report = "limited"
	ReportUnconfirmed Report = "unconfirmed"
)

func reports() []Report {
	return []Report{ReportAccepted, ReportStale, ReportLimited, ReportUnconfirmed}
}

// Write is what became of a write of a token to a target.
type Write string

// WriteOvertaken is one that another replica was faster with.
const (
	WriteDone      Write = "written"
	WriteOvertaken Write = "overtaken"
	WriteFailed    Write = "failed"
)

func writes() []Write { return []Write{WriteDone, WriteOvertaken, WriteFailed} }

// State is what a reader of a key would meet.
type State string

// StateUnknown is that of a credential that Redis says nothing about.
const (
	StateUnknown  State = "unknown"
	StateFresh    State = "fresh"
	StateDue      State = "due"
	StateExpired  State = "expired"
	StateMissing  State = "missing"
	StateRejected State = "rejected"
)

// ready says that a reader gets a token that WeChat accepts, as far as is known.
func (s State) ready() bool { return s == StateFresh || s == StateDue }

func states() []State {
	return []State{StateUnknown, StateFresh, StateDue, StateExpired, StateMissing, StateRejected}
}

// APIResult is what a request to the token API got.
type APIResult string

// APIUnauthorized showed no right secret, APIForbidden the secret of a consumer
// who may not read that key, APILimited too many wrong ones before; at
// APIUnavailable there was no token that is good enough.
const (
	APIOK           APIResult = "ok"
	APINotModified  APIResult = "not_modified"
	APIBadRequest   APIResult = "bad_request"
	APIUnauthorized APIResult = "unauthorized"
	APIForbidden    APIResult = "forbidden"
	APILimited      APIResult = "limited"
	APIUnavailable  APIResult = "unavailable"
)

func apiResults() []APIResult {
	return []APIResult{
		APIOK, APINotModified, APIBadRequest, APIUnauthorized, APIForbidden, APILimited, APIUnavailable,
	}
}

// Op is one kind of round trip to Redis.
type Op string

// The steps of a token's path that touch Redis.
const (
	OpObserve Op = "observe"
	OpBegin   Op = "begin"
	OpCommit  Op = "commit"
	OpAbort   Op = "abort"
	OpRestore Op = "restore"
)

func ops() []Op { return []Op{OpObserve, OpBegin, OpCommit, OpAbort, OpRestore} }

const (
	redisOK    = "ok"
	redisError = "error"
)

// Clock is one that this host's is compared with.
type Clock string

const (
	ClockRedis  Clock = "redis"
	ClockWeChat Clock = "wechat"
)
