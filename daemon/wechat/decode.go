package wechat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// maxLife is the longest expires_in that is believed: 30 days, the longest of
// any platform of this shape. WeChat's own tokens live two hours.
const maxLife = 2_592_000 * time.Second

// answer is an HTTP answer as far as it was read: the body only with status
// 200, and at most one byte more than maxBody.
type answer struct {
	status int
	header http.Header
	body   []byte
	// at is half way between the request and the answer, by this host's clock.
	at time.Time
	// hide is the call's.
	hide string
}

// reply is all that is read of WeChat's answers. Errcode is there in failures,
// and as 0 in some successes. Servers of this family write numbers as strings too.
type reply struct {
	Errcode     json.RawMessage `json:"errcode"`
	Errmsg      string          `json:"errmsg"`
	AccessToken string          `json:"access_token"`
	Ticket      string          `json:"ticket"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	IPList      []any           `json:"ip_list"`
	Quota       *struct {
		Limit  json.RawMessage `json:"daily_limit"`
		Used   json.RawMessage `json:"used"`
		Remain json.RawMessage `json:"remain"`
	} `json:"quota"`
}

// grant is the whole judgement on an answer of a token endpoint. What it
// returns without an error keeps the bounds of Grant.
func (a answer) grant() (Grant, *Error) {
	return a.holding("access_token", func(r reply) string { return r.AccessToken })
}

// ticket is the same for an answer of a ticket endpoint.
func (a answer) ticket() (Grant, *Error) {
	return a.holding("ticket", func(r reply) string { return r.Ticket })
}

func (a answer) holding(name string, text func(reply) string) (Grant, *Error) {
	r, failure := a.reply()
	if failure != nil {
		return Grant{}, failure
	}
	token, life := secret.NewToken(text(r)), lifetime(r.ExpiresIn)
	switch {
	case token == "":
		return Grant{}, a.garbage("the answer holds no " + name + " of 1 to 512 printable characters")
	case life == 0:
		return Grant{}, a.garbage("the answer holds no expires_in above 0 and up to 2592000 seconds")
	}
	return Grant{Token: token, ExpiresIn: life, ServerTime: a.date()}, nil
}

// verdict judges an answer of get_api_domain_ip: nil is a token that WeChat accepted.
func (a answer) verdict() *Error {
	r, failure := a.reply()
	if failure == nil && r.IPList == nil {
		return a.garbage("the answer holds no ip_list")
	}
	return failure
}

// quota judges an answer of quota/get.
func (a answer) quota() (Quota, *Error) {
	r, failure := a.reply()
	if failure != nil {
		return Quota{}, failure
	}
	if r.Quota == nil {
		return Quota{}, a.garbage("the answer holds no quota")
	}
	q, sound := Quota{}, true
	for raw, into := range map[*json.RawMessage]*int{
		&r.Quota.Limit: &q.Limit, &r.Quota.Used: &q.Used, &r.Quota.Remain: &q.Remain,
	} {
		n, err := strconv.ParseInt(digits(*raw), 10, 32)
		*into, sound = int(n), sound && err == nil && n >= 0
	}
	if !sound {
		return Quota{}, a.garbage("the answer holds no daily_limit, used and remain of 0 to 2147483647")
	}
	return q, nil
}

// date is the Date header, zero if there is none that is a time.
func (a answer) date() time.Time {
	date, _ := http.ParseTime(a.header.Get("Date"))
	return date
}

// reply decodes an answer without an errcode. Errors of WeChat come with HTTP
// 200; the content type is not looked at, since WeChat has sent several.
func (a answer) reply() (reply, *Error) {
	if a.status != http.StatusOK {
		return reply{}, a.notOK()
	}
	// A gateway may put a byte order mark before what it passes on.
	body := bytes.TrimPrefix(a.body, []byte("\ufeff"))
	r := reply{Errcode: json.RawMessage("0")}
	switch {
	case len(a.body) > maxBody:
		return r, a.garbage("the answer is larger than 64 KiB")
	case len(body) == 0:
		return r, a.garbage("the answer is empty")
	case json.Unmarshal(body, &r) != nil:
		if encoding := a.header.Get("Content-Encoding"); encoding != "" {
			return r, a.garbage("the answer is encoded as " + sanitise(encoding, a.hide) + ", which was not asked for")
		}
		return r, a.garbage("the answer is not a JSON object of WeChat's form")
	}
	code, err := strconv.ParseInt(digits(r.Errcode), 10, 32)
	if err != nil {
		return r, a.garbage("the answer holds an errcode that is not a number")
	}
	if code == 0 {
		return r, nil
	}
	failure := apiError(int(code), sanitise(r.Errmsg, a.hide))
	if r.AccessToken != "" || r.Ticket != "" {
		failure.Issued = MaybeIssued
	}
	return r, failure
}

// notOK is an answer with another status than 200.
func (a answer) notOK() *Error {
	e := &Error{Class: ClassGarbage, Issued: MaybeIssued}
	switch {
	case a.status == http.StatusTooManyRequests, a.status >= 500:
		e.Class = ClassTransient
		e.Message = fmt.Sprintf("HTTP %d: WeChat, or something in front of it, is failing", a.status)
	case a.status >= 300 && a.status < 400:
		e.Message = fmt.Sprintf("HTTP %d, a redirect, is not followed: check wechat.base_url and wechat.proxy", a.status)
	default:
		e.Message = fmt.Sprintf("HTTP %d is no answer of WeChat: wechat.base_url has to end before /cgi-bin, "+
			"and what stands between this host and WeChat has to pass all of /cgi-bin", a.status)
	}
	return e
}

// garbage describes an unusable answer by its kind and size only. Its body may
// hold a token that WeChat has just issued.
func (a answer) garbage(what string) *Error {
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	return &Error{
		Class: ClassGarbage, Issued: MaybeIssued,
		Message: fmt.Sprintf("%s (%s, %d bytes read): something between this host and WeChat may have answered",
			what, cmp.Or(sanitise(kind, a.hide), "no content type"), len(a.body)),
	}
}

// digits is a JSON number, or what stands in a JSON string.
func digits(raw json.RawMessage) string { return strings.Trim(string(raw), `"`) }

// lifetime reads a number of seconds and rounds it down to whole milliseconds,
// the resolution of Redis; 0 is none that is believed. The nanosecond in between
// undoes the binary fraction of a decimal number: 7200.001 has to stay 7200001 ms.
func lifetime(raw json.RawMessage) time.Duration {
	n, err := strconv.ParseFloat(digits(raw), 64)
	if believed := err == nil && n > 0 && n <= maxLife.Seconds(); !believed {
		return 0
	}
	return time.Duration(math.Round(n * float64(time.Second))).Truncate(time.Millisecond)
}
