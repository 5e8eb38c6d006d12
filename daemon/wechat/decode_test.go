package wechat

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/secret"
)

const (
	canarySecret = "5ec2e7c4a4a2900d5ec2e7c4a4a2900d"
	canaryToken  = "97_CANARYtoken0123456789CANARYtoken0123456789CANARYtoken0123456789CANARYtoken0123456789"
)

func ok(body string) answer {
	return answer{status: 200, header: http.Header{"Content-Type": {"application/json; encoding=utf-8"}},
		body: []byte(body)}
}

func TestDecodeGrant(t *testing.T) {
	long := strings.Repeat("a", 512)
	for body, want := range map[string]Grant{
		`{"access_token":"57_a-Z","expires_in":7200}`:         {Token: "57_a-Z", ExpiresIn: 7200 * time.Second},
		`{"expires_in":1,"access_token":"!~"}`:                {Token: "!~", ExpiresIn: time.Second},
		`{"access_token":"` + long + `","expires_in":"7200"}`: {Token: secret.Token(long), ExpiresIn: 7200 * time.Second},
		`{"access_token":"t","expires_in":2592000}`:           {Token: "t", ExpiresIn: 2592000 * time.Second},
		`{"access_token":"t","expires_in":7200.001}`:          {Token: "t", ExpiresIn: 7200001 * time.Millisecond},
		`{"access_token":"t","expires_in":0.0019}`:            {Token: "t", ExpiresIn: time.Millisecond},
		`{"access_token":"t","expires_in":"1.5"}`:             {Token: "t", ExpiresIn: 1500 * time.Millisecond},
		`{"access_token":"t","expires_in":7.2e3}`:             {Token: "t", ExpiresIn: 7200 * time.Second},
		`{"errcode":0,"errmsg":"ok",` +
			`"access_token":"t","expires_in":1}`: {Token: "t", ExpiresIn: time.Second},
		`{"errcode":"0","access_token":"t","expires_in":1}`: {Token: "t", ExpiresIn: time.Second},
		"\n {\"access_token\":\"t\",\"expires_in\":1," +
			" \"warning_msg\":{}}\r\n": {Token: "t", ExpiresIn: time.Second},
	} {
		got, failure := ok(body).grant()
		if failure != nil {
			t.Errorf("%.80s: %v", body, failure)
			continue
		}
		if got != want {
			t.Errorf("%.80s: token %q for %v, want %q for %v", body, got.Token.Reveal(), got.ExpiresIn,
				want.Token.Reveal(), want.ExpiresIn)
		}
	}
}

func TestDecodeDate(t *testing.T) {
	a := ok(`{"access_token":"t","expires_in":7200}`)
	for date, want := range map[string]time.Time{
		"Wed, 16 Nov 2016 12:40:00 GMT": time.Date(2016, 11, 16, 12, 40, 0, 0, time.UTC),
		"":                              {},
		"yesterday":                     {},
	} {
		a.header.Set("Date", date)
		if got, failure := a.grant(); failure != nil || !got.ServerTime.Equal(want) {
			t.Errorf("Date %q: %v, %v", date, got.ServerTime, failure)
		}
	}
}

func TestDecodeRejects(t *testing.T) {
	const sound = `"access_token":"57_a","expires_in":7200`
	for body, want := range map[string]string{
		"":                                      "the answer is empty",
		"<html>" + canaryToken + "</html>":      "not a JSON object",
		canaryToken:                             "not a JSON object",
		`"57_a"`:                                "not a JSON object",
		`null`:                                  "no access_token",
		`[{` + sound + `}]`:                     "not a JSON object",
		`{` + sound:                             "not a JSON object",
		`{` + sound + `}}`:                      "not a JSON object",
		"\x1f\x8b\x08":                          "not a JSON object",
		`{}`:                                    "no access_token",
		`{"expires_in":7200}`:                   "no access_token",
		`{"access_token":"","expires_in":1}`:    "no access_token",
		`{"access_token":null,"expires_in":1}`:  "no access_token",
		`{"access_token":42,"expires_in":1}`:    "not a JSON object",
		`{"access_token":["t"],"expires_in":1}`: "not a JSON object",
		`{"access_token":"a b","expires_in":1}`: "no access_token",
		`{"access_token":"a\n","expires_in":1}`: "no access_token",
		`{"access_token":"a\u007f","expires_in":1}`:                               "no access_token",
		`{"access_token":"票","expires_in":1}`:                                     "no access_token",
		`{"access_token":"` + strings.Repeat("a", 513) + `","expires_in":1}`:      "no access_token",
		`{"access_token":"t"}`:                                                    "no expires_in",
		`{"access_token":"t","expires_in":null}`:                                  "no expires_in",
		`{"access_token":"t","expires_in":"null"}`:                                "no expires_in",
		`{"access_token":"t","expires_in":0}`:                                     "no expires_in",
		`{"access_token":"t","expires_in":-1}`:                                    "no expires_in",
		`{"access_token":"t","expires_in":0.0009}`:                                "no expires_in",
		`{"access_token":"t","expires_in":1e-400}`:                                "no expires_in",
		`{"access_token":"t","expires_in":-1e308}`:                                "no expires_in",
		`{"access_token":"t","expires_in":2592000.001}`:                           "no expires_in",
		`{"access_token":"t","expires_in":1e12}`:                                  "no expires_in",
		`{"access_token":"t","expires_in":1e999}`:                                 "no expires_in",
		`{"access_token":"t","expires_in":"NaN"}`:                                 "no expires_in",
		`{"access_token":"t","expires_in":"Inf"}`:                                 "no expires_in",
		`{"access_token":"t","expires_in":"0x10"}`:                                "no expires_in",
		`{"access_token":"t","expires_in":"7200s"}`:                               "no expires_in",
		`{"access_token":"t","expires_in":"\"7200\""}`:                            "no expires_in",
		`{"access_token":"t","expires_in":""}`:                                    "no expires_in",
		`{"access_token":"t","expires_in":true}`:                                  "no expires_in",
		`{"access_token":"t","expires_in":{"s":1}}`:                               "no expires_in",
		`{"errcode":true,` + sound + `}`:                                          "errcode that is not a number",
		`{"errcode":"x",` + sound + `}`:                                           "errcode that is not a number",
		`{"errcode":4.5,` + sound + `}`:                                           "errcode that is not a number",
		`{"errcode":99999999999,` + sound + `}`:                                   "errcode that is not a number",
		`{"errcode":{},` + sound + `}`:                                            "errcode that is not a number",
		`{` + sound + `,"pad":"` + strings.Repeat("x", maxBody) + `"}`:            "larger than 64 KiB",
		`{` + sound + `}` + strings.Repeat(" ", maxBody-len(`{`+sound+`}`)) + ` `: "larger than 64 KiB",
	} {
		grant, failure := ok(body).grant()
		if failure == nil {
			t.Errorf("%.80q: accepted as %v for %v", body, grant.Token, grant.ExpiresIn)
			continue
		}
		if failure.Class != ClassGarbage || failure.Issued != MaybeIssued || !failure.Left() || failure.Code != 0 {
			t.Errorf("%.80q: class %s, issued %s, code %d", body, failure.Class, failure.Issued, failure.Code)
		}
		if !strings.Contains(failure.Message, want) {
			t.Errorf("%.80q: %s, want %s", body, failure.Message, want)
		}
	}
	// The largest answer that is accepted.
	full := `{` + sound + `}`
	full += strings.Repeat(" ", maxBody-len(full))
	if _, failure := ok(full).grant(); failure != nil {
		t.Errorf("64 KiB: %v", failure)
	}
}

func TestDecodeErrcode(t *testing.T) {
	for body, want := range map[string]Error{
		`{"errcode":-1,"errmsg":"system error"}`: {
			Code: -1, Class: ClassTransient, Message: "system error", Issued: NotIssued,
		},
		`{"errcode":"40013","errmsg":"invalid appid"}`: {
			Code: 40013, Class: ClassConfig, Message: "invalid appid", Issued: NotIssued,
		},
		`{"errcode":40125}`: {Code: 40125, Class: ClassConfig, Issued: NotIssued},
		`{"errcode":99999,"errmsg":"new"}`: {
			Code: 99999, Class: ClassUnknown, Message: "new", Issued: NotIssued,
		},
		`{"errcode":-1,"access_token":"t","expires_in":7200}`: {Code: -1, Class: ClassTransient, Issued: MaybeIssued},
		`{"errcode":40164,"errmsg":"invalid ip 47.103.62.98 ipv6 ::ffff:47.103.62.98, not in whitelist rid: ` +
			`6125a48e-4bc55df9-6a1d6b57"}`: {
			Code: 40164, Class: ClassIP, Issued: NotIssued, IP: "47.103.62.98",
			Message: "invalid ip 47.103.62.98 ipv6 ::ffff:47.103.62.98, not in whitelist rid: 6125a48e-4bc55df9-6a1d6b57",
		},
		`{"errcode":40164,"errmsg":"invalid ip 8.149.x.108 ipv6 ::ffff:8.149.x.108, not in whitelist"}`: {
			Code: 40164, Class: ClassIP, Issued: NotIssued,
			Message: "invalid ip 8.149.x.108 ipv6 ::ffff:8.149.x.108, not in whitelist",
		},
		`{"errcode":61004,"errmsg":"access clientip is not registered requestIP: 2001:db8::1,"}`: {
			Code: 61004, Class: ClassIP, Issued: NotIssued, IP: "2001:db8::1",
			Message: "access clientip is not registered requestIP: 2001:db8::1,",
		},
		`{"errcode":89503,"errmsg":"ask for ::ffff:1.2.3.4"}`: {
			Code: 89503, Class: ClassAdmin, Issued: NotIssued, IP: "1.2.3.4", Message: "ask for ::ffff:1.2.3.4",
		},
		`{"errcode":40013,"errmsg":"seen from 1.2.3.4"}`: {
			Code: 40013, Class: ClassConfig, Issued: NotIssued, Message: "seen from 1.2.3.4",
		},
		`{"errcode":40013,"errmsg":"a\nb\u0000c\u202ed\u2028e\t"}`: {
			Code: 40013, Class: ClassConfig, Issued: NotIssued, Message: "a bcd e",
		},
	} {
		grant, failure := ok(body).grant()
		if failure == nil || *failure != want {
			t.Errorf("%s:\n got %#v %v\nwant %#v", body, failure, grant.Token, &want)
		}
	}
}

func TestDecodeStatus(t *testing.T) {
	for status, want := range map[int]struct {
		class Class
		says  string
	}{
		201: {ClassGarbage, "HTTP 201 is no answer of WeChat"},
		302: {ClassGarbage, "HTTP 302, a redirect, is not followed"},
		404: {ClassGarbage, "HTTP 404 is no answer of WeChat"},
		412: {ClassGarbage, "HTTP 412 is no answer of WeChat"},
		429: {ClassTransient, "HTTP 429"},
		500: {ClassTransient, "HTTP 500"},
		502: {ClassTransient, "HTTP 502"},
		503: {ClassTransient, "HTTP 503"},
	} {
		a := ok(`{"errcode":40013,"errmsg":"` + canaryToken + `"}`)
		a.status = status
		_, failure := a.grant()
		if failure == nil {
			t.Errorf("HTTP %d was accepted", status)
			continue
		}
		if failure.Class != want.class || failure.Issued != MaybeIssued || failure.Code != 0 ||
			!strings.HasPrefix(failure.Message, want.says) {
			t.Errorf("HTTP %d: %#v", status, failure)
		}
	}
}

func TestDecodeVerdict(t *testing.T) {
	for body, accepted := range map[string]bool{
		`{"ip_list":["101.226.103.0/25"]}`:            true,
		`{"ip_list":[]}`:                              true,
		`{"errcode":0,"errmsg":"ok","ip_list":["1"]}`: true,
		`{"errcode":0,"errmsg":"ok"}`:                 false,
		`{"ip_list":null}`:                            false,
		`{"ip_list":"1.2.3.4"}`:                       false,
		`{}`:                                          false,
		``:                                            false,
		`{"errcode":42001,"errmsg":"expired"}`:        false,
		`{"errcode":-1,"ip_list":["101.226.103.0/25"]}`: false,
	} {
		if failure := ok(body).verdict(); (failure == nil) != accepted {
			t.Errorf("%s: %v", body, failure)
		}
	}
}
