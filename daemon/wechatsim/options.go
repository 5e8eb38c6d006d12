package wechatsim

import (
	"fmt"
	"net/netip"
	"time"

	"wxtokend/daemon/secret"
)

// Options configure a simulator. Apps or Corps have to be set, and nothing else.
type Options struct {
	Apps  []App
	Corps []Corp

	// Periods are WeChat's time spans; the zero value means DefaultPeriods.
	Periods Periods

	// Seed makes tokens and random faults reproducible, as far as requests
	// come in the same order. 0 draws tokens from crypto/rand.
	Seed uint64

	// TokenLength is how many characters a token has, from 84 to 512 (WeChat
	// asks clients to reserve 512); 0 means 136, as seen since 2023.
	TokenLength int

	// KeepSuperseded lets every superseded token live out its overlap. Off,
	// only the newest two tokens of a channel live.
	KeepSuperseded bool

	// CorpRemaining makes gettoken of WeCom tell the seconds that a token has left, with which it ends. Off, it tells
	// a whole life each time and keeps that promise, so that a token may live for two.
	CorpRemaining bool

	// StrictJSON answers a body that is not JSON with 47001. Off, it is taken
	// for a request without an appid (41002), as seen with form bodies.
	StrictJSON bool
}

// App is one account at the simulated WeChat.
type App struct {
	AppID  string
	Secret secret.Secret
	// Kind "" means Normal.
	Kind Kind
	// State "" means OK.
	State State

	// Whitelist is who may call with the AppSecret; empty means everybody.
	Whitelist []netip.Prefix

	// WhitelistTokens extends the whitelist to calls with an access_token:
	// true for a 公众号, false for a mini program.
	WhitelistTokens bool
}

// Kind decides the quotas of an app.
type Kind string

// The kinds of app: 2000 or 200 classic tokens a day.
const (
	Normal Kind = "normal"
	Test   Kind = "test"
)

// State is whether an account may draw tokens.
type State string

// The states of an account, with the errcode that the token endpoints answer.
const (
	OK State = "ok"
	// SecretFrozen answers 40243.
	SecretFrozen State = "secret_frozen"
	// Forbidden answers 50004.
	Forbidden State = "forbidden"
	// AccountFrozen answers 50007.
	AccountFrozen State = "account_frozen"
)

// Channel is one of the ways to a token or a ticket of an app. They never touch each other.
type Channel string

// The channels. An app has the first four, an agent of WeCom the next two, and a corp the last.
const (
	// Classic is GET /cgi-bin/token, Stable POST /cgi-bin/stable_token.
	Classic Channel = "classic"
	Stable  Channel = "stable"
	// JSAPITicket and WXCardTicket are GET /cgi-bin/ticket/getticket.
	JSAPITicket  Channel = "jsapi_ticket"
	WXCardTicket Channel = "wx_card_ticket"
	// WeCom is GET /cgi-bin/gettoken, AgentTicket GET /cgi-bin/ticket/get.
	WeCom       Channel = "wecom"
	AgentTicket Channel = "wecom_agent_ticket"
	// CorpTicket is GET /cgi-bin/get_jsapi_ticket.
	CorpTicket Channel = "wecom_jsapi_ticket"
)

// ticket says that no endpoint takes what this channel gives.
func (c Channel) ticket() bool { return c != Classic && c != Stable && c != WeCom }

// Periods are the time spans in WeChat's rules.
type Periods struct {
	// Life is that of a token, 2 h.
	Life time.Duration
	// Overlap is how long a superseded token lives on, 5 min.
	Overlap time.Duration
	// RenewWindow is the last part of a life, in which stable draws a new token, 5 min.
	RenewWindow time.Duration
	// ForceSpacing is the least time between two forced refreshes, 30 s.
	ForceSpacing time.Duration
	// Minute is that of the minute quota.
	Minute time.Duration
	// Day is that of the daily quotas, which ends at 00:00 UTC+8.
	Day time.Duration
	// Thaw is how long it takes until freezing or unfreezing a secret acts, 10 min.
	Thaw time.Duration

	// Fractions sends expires_in with up to three decimals instead of whole
	// seconds, rounded down. Needed when a life has only a few seconds.
	Fractions bool
}

// DefaultPeriods are WeChat's own.
func DefaultPeriods() Periods {
	return Periods{
		Life: 2 * time.Hour, Overlap: 5 * time.Minute, RenewWindow: 5 * time.Minute,
		ForceSpacing: 30 * time.Second, Minute: time.Minute, Day: 24 * time.Hour, Thaw: 10 * time.Minute,
	}
}

// Scaled multiplies every span: Scaled(0.01) makes two hours 72 seconds.
func (p Periods) Scaled(factor float64) Periods {
	for _, d := range p.spans() {
		*d = time.Duration(float64(*d) * factor)
	}
	p.Fractions = true
	return p
}

func (p *Periods) spans() []*time.Duration {
	return []*time.Duration{&p.Life, &p.Overlap, &p.RenewWindow, &p.ForceSpacing, &p.Minute, &p.Day, &p.Thaw}
}

// day numbers the natural days of UTC+8, where WeChat's quotas are counted.
func (p Periods) day(now time.Time) int64 {
	return int64(time.Duration(now.UnixNano())+8*time.Hour) / int64(p.Day)
}

// month counts the resets of a quota. Thirty days are near enough: no rule
// but "10 a month" hangs on it.
func (p Periods) month(now time.Time) int64 { return p.day(now) / 30 }

func (p Periods) minute(now time.Time) int64 { return now.UnixNano() / int64(p.Minute) }

// An hour has sixty minutes, however long they are.
func (p Periods) hour(now time.Time) int64 { return p.minute(now) / 60 }

// FieldError says which value was refused, why, and what to do about it.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
	Cure   string `json:"cure"`
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s: %s; %s", e.Field, e.Reason, e.Cure) }

func (o *Options) validate() error {
	if o.Periods == (Periods{}) {
		o.Periods = DefaultPeriods()
	}
	if o.TokenLength == 0 {
		o.TokenLength = 136
	}
	for _, d := range o.Periods.spans() {
		if *d <= 0 {
			return &FieldError{"periods", "a span is zero or negative",
				"start from DefaultPeriods and scale by a positive factor"}
		}
	}
	if o.TokenLength < 84 || o.TokenLength > 512 {
		return &FieldError{"token_length", fmt.Sprintf("%d is not a length of WeChat's tokens", o.TokenLength),
			"give 84 to 512, or 0 for 136"}
	}
	for i, a := range o.Apps {
		if err := a.validate(); err != nil {
			return fmt.Errorf("app %d: %w", i, err)
		}
	}
	for i, c := range o.Corps {
		if err := c.validate(); err != nil {
			return fmt.Errorf("corp %d: %w", i, err)
		}
	}
	return nil
}

func (a App) validate() error {
	switch {
	case a.AppID == "":
		return &FieldError{"appid", "empty", "give an appid such as wx0123456789abcdef"}
	case a.Secret == "":
		return &FieldError{"secret", "empty", "give any AppSecret; clients must send the same"}
	case a.Kind != "" && a.Kind != Normal && a.Kind != Test:
		return &FieldError{"kind", fmt.Sprintf("unknown kind %q", a.Kind), "give normal or test"}
	}
	if a.State == "" {
		return nil
	}
	return a.State.validate()
}

func (s State) validate() error {
	switch s {
	case OK, SecretFrozen, Forbidden, AccountFrozen:
		return nil
	}
	return &FieldError{"state", fmt.Sprintf("unknown state %q", s), "give ok, secret_frozen, forbidden or account_frozen"}
}
