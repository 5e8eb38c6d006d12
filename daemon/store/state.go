package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// Schema numbers the layout of the state hash. A daemon leaves a newer one
// alone while its token is fresh; unknown fields of its own one stay untouched.
const Schema = 2

// State is what Redis knows about a credential. All times are Redis server
// time; the zero time stands for "never". What no daemon can have written was
// dropped by the script that read it.
type State struct {
	Schema int
	// AppID and Issuer say whose token it is: the account, and the host of WeChat's API.
	AppID, Issuer string
	API           string

	Token secret.Token
	// ExpiresIn is what WeChat sent with this token, Life what it sent when the
	// token was first stored.
	ExpiresIn, Life time.Duration
	ExpiresAt       time.Time
	// MintedAt is the server time at the begin of the token's mint, or later:
	// the order of tokens.
	MintedAt time.Time

	// Generation counts begins and marks, Settled is the begin that the last
	// commit covered.
	Generation, Settled int64
	// Attempt committed last.
	Attempt string

	BegunAt time.Time
	// Failures are those since the last commit; an attempt in flight counts as one.
	Failures      int
	NextAttemptAt time.Time
	// UnknownUntil is until when WeChat may process a mint whose outcome nobody knows.
	UnknownUntil time.Time
	LastError    *Failure
	// Secret is the fingerprint of the AppSecret of the last attempt.
	Secret string

	// Exits are the addresses that the platform did not let in within a week.
	Exits Exits

	// Day is in days since 1970 in UTC+8, Calls are those of that day.
	Day   int64
	Calls int

	// VerifyAt is when WeChat is to be asked next whether it accepts the token.
	VerifyAt, VerifiedAt, WatchUntil time.Time
	// NoAnswerUntil is until when WeChat answers no question about a token.
	NoAnswerUntil time.Time
	// SuspectAt is when WeChat refused the token once; not confirmed.
	SuspectAt time.Time
	// Refused is the fingerprint of the last token that WeChat was seen to refuse.
	Refused string

	// OutsideAt is when a draw of somebody else for our account was last
	// answered by a mint; OutsideDraws are those in a row, each within twelve
	// overlaps (an hour) of the one before.
	OutsideAt    time.Time
	OutsideDraws int

	// QuotaDay is the day of which WeChat said last how many draws it allows and
	// has counted, and OutsideToday how many of them were certainly somebody else's.
	QuotaDay              int64
	QuotaLimit, QuotaUsed int
	OutsideToday          int
	// QuotaAskAt is when WeChat may be asked for that again.
	QuotaAskAt time.Time

	// Force is how many forced refreshes are still to do.
	Force int
	// ForcedAt is the last one, NoForceUntil when WeChat allows the next.
	ForcedAt, NoForceUntil time.Time
	// AskedAt is when a person last asked for a refresh.
	AskedAt time.Time

	// Of what people and readers ask for there is so much an hour; see HasRoom.
	QuestionsAt, RequestsAt, SecretsAt time.Time
}

// Exits is a list as Redis holds it.
type Exits string

// List has the newest first.
func (e Exits) List() (all []Exit) {
	for exit := range strings.FieldsSeq(string(e)) {
		address, at, _ := strings.Cut(exit, "=")
		// The script has let no other form through.
		ms, _ := strconv.ParseInt(at, 10, 64)
		all = append(all, Exit{address, milli(ms)})
	}
	return all
}

// Exit is an address from which calls leave, as the platform sees it.
type Exit struct {
	Address string
	// At is when the platform named it last.
	At time.Time
}

// CountExits is how many of them there are, for people.
func CountExits(exits []Exit) string {
	if len(exits) == 1 {
		return "1 exit seen"
	}
	return fmt.Sprintf("%d exits seen", len(exits))
}

// Failure is the last error of a credential, for people.
type Failure struct {
	Class string `json:"class"`
	// Code is the errcode; 0 if WeChat sent none.
	Code    int       `json:"code,omitempty"`
	Message string    `json:"message"`
	At      time.Time `json:"at"`
	// Times counts failures in a row of this class, with the same AppSecret.
	Times int `json:"times"`
}

// Outstanding says that a token may have been drawn that nobody stored.
func (s State) Outstanding() bool { return s.Generation > s.Settled }

// Live says that the state holds a token that can be used at now.
func (s State) Live(now time.Time) bool {
	return s.Token != "" && now.Before(s.ExpiresAt) && !s.Token.Is(s.Refused)
}

// An hour has room for so many of each, up to all of them at once.
const (
	// QuestionsEvery spreads 24 questions an hour whether WeChat accepts the
	// token. WeChat answers about a thousand a day.
	QuestionsEvery = time.Hour / 24
	// RequestsEvery spreads 12 requests of people.
	RequestsEvery = time.Hour / 12
	// SecretsEvery spreads 6 waits that a changed AppSecret ended: replicas with
	// different secrets in a crash loop would end each other's for ever.
	SecretsEvery = time.Hour / 6
	// CountEvery is the least time between two questions for WeChat's count, whose
	// own quota nobody knows: 288 a day.
	CountEvery = 5 * time.Minute
)

// The longest times that a configuration may ask for. What would take longer was
// written by somebody else: the scripts, which have their own figures of the
// same, take it for absent.
const (
	LongestLease   = time.Hour
	LongestBackoff = time.Hour
	LongestVerify  = 24 * time.Hour
	// Bytes.
	LongestAppID = 128
)

// HasRoom says whether the hour has room for one more of what was counted up
// to the time at, one each `every`.
func HasRoom(at, now time.Time, every time.Duration) bool { return at.Sub(now) <= time.Hour-every }

func milli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// fields are those of a state that have content, some twenty: name, value, name,
// value … A value is a text or a whole number.
type fields []any

func (f fields) text(name string) string {
	text, _ := f.find(name).(string)
	return text
}

func (f fields) number(name string) int64 {
	n, _ := f.find(name).(int64)
	return n
}

func (f fields) find(name string) any {
	for i := 0; i+1 < len(f); i += 2 {
		if f[i] == name {
			return f[i+1]
		}
	}
	return nil
}

func (f fields) duration(name string) time.Duration {
	return time.Duration(f.number(name)) * time.Millisecond
}

func (f fields) time(name string) time.Time { return milli(f.number(name)) }

func decodeState(f fields) State {
	s := State{
		Schema: int(f.number("schema")), AppID: f.text("appid"), Issuer: f.text("issuer"), API: f.text("api"),
		Token: secret.Token(f.text("token")), ExpiresIn: f.duration("expires_in"), Life: f.duration("life"),
		ExpiresAt: f.time("expires_at"), MintedAt: f.time("minted_at"),
		Generation: f.number("generation"), Settled: f.number("settled"), Attempt: f.text("attempt"),
		BegunAt: f.time("begun_at"), Failures: int(f.number("failures")),
		NextAttemptAt: f.time("next_attempt_at"), UnknownUntil: f.time("unknown_until"),
		Secret: f.text("secret"), Day: f.number("day"), Calls: int(f.number("calls")),
		VerifyAt: f.time("verify_at"), VerifiedAt: f.time("verified_at"), WatchUntil: f.time("watch_until"),
		NoAnswerUntil: f.time("no_answer_until"), SuspectAt: f.time("suspect_at"), Refused: f.text("refused"),
		OutsideAt: f.time("outside_at"), OutsideDraws: int(f.number("outside_draws")), Force: int(f.number("force")),
		ForcedAt: f.time("forced_at"), NoForceUntil: f.time("no_force_until"), AskedAt: f.time("asked_at"),
		QuotaDay: f.number("quota_day"), QuotaLimit: int(f.number("quota_limit")), QuotaUsed: int(f.number("quota_used")),
		Exits: Exits(f.text("exits")), OutsideToday: int(f.number("outside_today")), QuotaAskAt: f.time("quota_ask_at"),
		QuestionsAt: f.time("questions_at"), RequestsAt: f.time("requests_at"), SecretsAt: f.time("secrets_at"),
	}
	var failure Failure
	// JSON cannot tell of a year of five digits, which a zone can make of one of four.
	err := json.Unmarshal([]byte(f.text("last_error")), &failure)
	if year := failure.At.UTC().Year(); err == nil && year >= 0 && year <= 9999 {
		s.LastError = &failure
	}
	return s
}
