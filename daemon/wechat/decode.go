package wechat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"mime"
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
}

// decodeGrant is the whole judgement on an answer of a token endpoint. What it
// returns without an error keeps the bounds of Grant. hide lists what an errmsg must not repeat.
func decodeGrant(a answer, hide ...string) (Grant, *Error) {
	fields, failure := a.fields(hide)
	if failure != nil {
		return Grant{}, failure
	}
	text, _ := jsonString(fields["access_token"])
	token := secret.NewToken(text)
	if token == "" {
		return Grant{}, a.garbage("the answer holds no access_token of 1 to 512 printable characters", hide)
	}
	life, ok := seconds(fields["expires_in"])
	if !ok {
		return Grant{}, a.garbage("the answer holds no expires_in above 0 and up to 2592000 seconds", hide)
	}
	return Grant{Token: token, ExpiresIn: life, ServerTime: a.date()}, nil
}

// date is the Date header, zero if there is none that is a time.
func (a answer) date() time.Time {
	date, _ := http.ParseTime(a.header.Get("Date"))
	return date
}

// decodeVerdict judges an answer of get_api_domain_ip: nil is a token that WeChat accepted.
func decodeVerdict(a answer, hide ...string) *Error {
	fields, failure := a.fields(hide)
	if failure != nil {
		return failure
	}
	var list []json.RawMessage
	if json.Unmarshal(fields["ip_list"], &list) != nil || list == nil {
		return a.garbage("the answer holds no ip_list", hide)
	}
	return nil
}

// fields returns the members of a successful answer. Errors of WeChat come
// with HTTP 200; the content type is not looked at, since WeChat has sent
// several. A map, because a struct would match names in any case.
func (a answer) fields(hide []string) (map[string]json.RawMessage, *Error) {
	if a.status != http.StatusOK {
		return nil, a.notOK()
	}
	// A gateway may put a byte order mark before what it passes on.
	body := bytes.TrimPrefix(a.body, []byte("\ufeff"))
	var fields map[string]json.RawMessage
	switch {
	case len(a.body) > maxBody:
		return nil, a.garbage("the answer is larger than 64 KiB", hide)
	case len(body) == 0:
		return nil, a.garbage("the answer is empty", hide)
	case json.Unmarshal(body, &fields) != nil || fields == nil:
		if encoding := a.header.Get("Content-Encoding"); encoding != "" {
			return nil, a.garbage("the answer is encoded as "+sanitise(encoding, hide...)+", which was not asked for", hide)
		}
		return nil, a.garbage("the answer is not a JSON object", hide)
	}
	code, ok := errcode(fields["errcode"])
	if !ok {
		return nil, a.garbage("the answer holds an errcode that is not a number", hide)
	}
	if code == 0 {
		return fields, nil
	}
	errmsg, _ := jsonString(fields["errmsg"])
	failure := apiError(code, errmsg, hide...)
	failure.HTTPStatus = a.status
	if _, odd := fields["access_token"]; odd {
		failure.Issued = MaybeIssued
	}
	return nil, failure
}

// notOK is an answer with another status than 200.
func (a answer) notOK() *Error {
	e := &Error{Class: ClassGarbage, HTTPStatus: a.status, Issued: MaybeIssued}
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
func (a answer) garbage(what string, hide []string) *Error {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		kind = "unknown content type"
	}
	return &Error{
		Class: ClassGarbage, HTTPStatus: a.status, Issued: MaybeIssued,
		Message: fmt.Sprintf("%s (%s, %d bytes read): something between this host and WeChat may have answered",
			what, sanitise(kind, hide...), len(a.body)),
	}
}

// jsonString reads a JSON string.
func jsonString(raw json.RawMessage) (string, bool) {
	var s *string
	err := json.Unmarshal(raw, &s)
	if err != nil || s == nil {
		return "", false
	}
	return *s, true
}

// number is the text of a JSON number or of a string that holds one; servers
// of this family send both.
func number(raw json.RawMessage) (string, bool) {
	digits := string(raw)
	if s, ok := jsonString(raw); ok {
		digits = s
	}
	var n json.Number
	if strings.HasPrefix(digits, `"`) || json.Unmarshal([]byte(digits), &n) != nil {
		return "", false
	}
	return n.String(), true
}

// errcode reads a whole number of 32 bits. None, or null, is success.
func errcode(raw json.RawMessage) (int, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return 0, true
	}
	digits, ok := number(raw)
	code, err := strconv.ParseInt(digits, 10, 32)
	return int(code), ok && err == nil
}

// seconds reads a lifetime and rounds it down to whole milliseconds, the
// resolution of Redis. The nanosecond in between undoes the binary fraction of
// a decimal number: 7200.001 has to stay 7200001 ms.
func seconds(raw json.RawMessage) (time.Duration, bool) {
	digits, ok := number(raw)
	n, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || n <= 0 || n > maxLife.Seconds() {
		return 0, false
	}
	life := time.Duration(math.Round(n * float64(time.Second))).Truncate(time.Millisecond)
	return life, life > 0
}
