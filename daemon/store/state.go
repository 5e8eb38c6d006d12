package store

import (
	"encoding/json"
	"strconv"
	"time"

	"wxtokend/daemon/secret"
)

// Schema numbers the layout of the state hash. A daemon leaves a newer one
// alone while its token is fresh; unknown fields of its own one stay untouched.
const Schema = 1

// State is what Redis knows about a credential. All times are Redis server
// time; the zero time stands for "never".
type State struct {
	Schema        int
	AppID, Issuer string // whose token it is: the account, and the host of WeChat's API
	API           string

	Token     secret.Token
	ExpiresIn time.Duration // as WeChat sent it with this token
	Life      time.Duration // ExpiresIn when the token was first stored
	ExpiresAt time.Time
	MintedAt  time.Time // server time at the begin of its mint: the order of tokens

	Generation, Settled int64  // begins and marks; the begin that the last commit covered
	Attempt             string // that committed last

	BegunAt       time.Time // last begin
	Failures      int       // since the last commit; the attempt in flight counts as one
	NextAttemptAt time.Time
	Wait          time.Duration // what NextAttemptAt was set from
	UnknownUntil  time.Time     // nobody knows the outcome of a mint; WeChat may process it until then
	UnknownWait   time.Duration // what UnknownUntil was set from
	LastError     *Failure
	Secret        string // fingerprint of the AppSecret of the last attempt

	Day   int64 // days since 1970 in UTC+8
	Calls int   // on that day

	VerifyAt, VerifiedAt time.Time // next and last question whether WeChat accepts the token
	WatchUntil           time.Time
	SuspectAt            time.Time // WeChat refused the token once; not confirmed
	Reported             bool      // a reader's report waits for the answer
	Refused              string    // fingerprint of the last token that WeChat was seen to refuse

	RivalAt   time.Time // last mint that answered somebody else's
	Rivals    int       // of them, never more than an hour apart
	Force     int       // forced refreshes still to do
	ForcedAt  time.Time
	Forced    int // forced refreshes on ForcedDay
	ForcedDay int64
	AskedAt   time.Time // a person asked for a refresh
}

// Failure is the last error of a credential, for people.
type Failure struct {
	Class   string    `json:"class"`
	Code    int       `json:"code,omitempty"` // errcode; 0 if WeChat sent none
	Message string    `json:"message"`
	At      time.Time `json:"at"`
	Times   int       `json:"times"` // in a row of this class, with the same AppSecret
}

// Outstanding says that a token may have been drawn that nobody stored.
func (s State) Outstanding() bool { return s.Generation > s.Settled }

// Live says that the state holds a token that can be used at now.
func (s State) Live(now time.Time) bool {
	return s.Token != "" && now.Before(s.ExpiresAt) && s.Token.Fingerprint() != s.Refused
}

// fields reads hash values; what is absent or no number is zero.
type fields map[string]string

func (f fields) number(name string) int64 {
	n, err := strconv.ParseInt(f[name], 10, 64)
	if err != nil || n > mostExact || n < -mostExact {
		return 0
	}
	return n
}

// mostExact bounds what the scripts take for a number, as Lua's are floats.
const mostExact = 9_000_000_000_000_000

func (f fields) duration(name string) time.Duration {
	return time.Duration(f.number(name)) * time.Millisecond
}

func (f fields) time(name string) time.Time { return milli(f.number(name)) }

func milli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func decodeState(f fields) State {
	s := State{
		Schema: int(f.number("schema")), AppID: f["appid"], Issuer: f["issuer"], API: f["api"],
		Token: secret.Token(f["token"]), ExpiresIn: f.duration("expires_in"), Life: f.duration("life"),
		ExpiresAt: f.time("expires_at"), MintedAt: f.time("minted_at"),
		Generation: f.number("generation"), Settled: f.number("settled"), Attempt: f["attempt"],
		BegunAt: f.time("begun_at"), Failures: int(f.number("failures")),
		NextAttemptAt: f.time("next_attempt_at"), Wait: f.duration("wait"), UnknownUntil: f.time("unknown_until"), UnknownWait: f.duration("unknown_wait"),
		Secret: f["secret"], Day: f.number("day"), Calls: int(f.number("calls")),
		VerifyAt: f.time("verify_at"), VerifiedAt: f.time("verified_at"), WatchUntil: f.time("watch_until"), SuspectAt: f.time("suspect_at"),
		Reported: f["reported"] == "1", Refused: f["refused"],
		RivalAt: f.time("rival_at"), Rivals: int(f.number("rivals")), Force: int(f.number("force")),
		ForcedAt: f.time("forced_at"), Forced: int(f.number("forced")), ForcedDay: f.number("forced_day"), AskedAt: f.time("asked_at"),
	}
	var failure Failure
	if json.Unmarshal([]byte(f["last_error"]), &failure) == nil {
		s.LastError = &failure
	}
	return s
}
