package wechat

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
)

// What a failure may say when no errcode came, apart from the kind and size of the answer.
var plainFailure = regexp.MustCompile(`^(HTTP -?\d+[ a-zA-Z,:./_-]+(wechat.proxy|all of /cgi-bin|is failing)` +
	`|the answer (is empty|is larger than 64 KiB|is not a JSON object of WeChat's form` +
	`|is encoded as .*, which was not asked for|holds an errcode that is not a number|holds no ip_list` +
	`|holds no quota|holds no daily_limit, used and remain of 0 to 2147483647` +
	`|holds no (access_token|ticket) of 1 to 512 printable characters` +
	`|holds no expires_in above 0 and up to 2592000 seconds)` +
	` \(.*, \d+ bytes read\): something between this host and WeChat may have answered)$`)

func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		``, `{`, `null`, `[]`, `{}`, `<html></html>`, canaryToken, "\x1f\x8b\x08\x00",
		`{"access_token":"` + canaryToken + `","expires_in":7200}`,
		`{"access_token":"` + canaryToken + `","expires_in":0}`,
		`{"access_token":"t","expires_in":"7200"}`, `{"access_token":"t","expires_in":1e999}`,
		`{"errcode":40001,"errmsg":"invalid credential ` + canarySecret + ` ` + canaryToken + `"}`,
		`{"errcode":"40164","errmsg":"invalid ip 1.2.3.4, not in whitelist"}`,
		`{"errcode":0,"ticket":"` + canaryToken + `","expires_in":7200}`, `{"errcode":-1,"ticket":"t"}`,
		`{"quota":{"daily_limit":2000,"used":"17","remain":1983}}`, `{"quota":{"used":-1}}`, `{"quota":[1]}`,
		`{"errcode":-1}`, `{"errcode":{}}`, `{"ip_list":[]}`, `{"errcode":99999,"errmsg":"` + canarySecret[:9] + `\u0000` +
			canarySecret[9:] + `"}`,
	} {
		f.Add(200, "application/json; encoding=utf-8", []byte(body))
	}
	f.Add(502, "text/html; charset=gbk", []byte(canaryToken))
	f.Add(302, canaryToken+"/"+canarySecret, []byte(nil))
	f.Add(200, canaryToken+"/"+canarySecret, []byte(nil))
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		if len(body) > maxBody+1 {
			body = body[:maxBody+1] // never more is read
		}
		header := http.Header{"Content-Type": {contentType}}
		if len(contentType)%2 == 1 {
			header.Set("Content-Encoding", contentType)
		}
		a := answer{status: status, header: header, body: body, hide: canarySecret}
		grant, failure := a.grant()
		checkDecoded(t, grant, failure)
		grant, failure = a.ticket()
		checkDecoded(t, grant, failure)
		if failure := a.verdict(); failure != nil {
			checkFailure(t, failure)
		}
		q, failure := a.quota()
		if failure != nil {
			checkFailure(t, failure)
		}
		if q.Limit < 0 || q.Used < 0 || q.Remain < 0 || failure != nil && q != (Quota{}) {
			t.Errorf("%+v beside %v", q, failure)
		}
	})
}

func checkDecoded(t *testing.T, grant Grant, failure *Error) {
	if failure != nil {
		if grant != (Grant{}) {
			t.Errorf("both a grant and %v", failure)
		}
		checkFailure(t, failure)
		return
	}
	token := grant.Token.Reveal()
	if len(token) < 1 || len(token) > 512 ||
		strings.ContainsFunc(token, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		t.Errorf("token %q", token)
	}
	if grant.ExpiresIn < time.Millisecond || grant.ExpiresIn > 2592000*time.Second ||
		grant.ExpiresIn%time.Millisecond != 0 {
		t.Errorf("expires in %v", grant.ExpiresIn)
	}
}

func checkFailure(t *testing.T, failure *Error) {
	for _, k := range []call{{op: opMint}, {op: opVerify}, {op: opTicket}, {op: opQuota}, {op: opTicket, wecom: true}} {
		failure := new(*failure)
		failure.meant(k)
		text := fmt.Sprintf("%v %+v %s", failure, failure, failure.IP)
		if strings.Contains(text, canarySecret) || tokenLike.MatchString(text) {
			t.Errorf("the error holds something secret: %s", text)
		}
		if strings.ContainsFunc(text, unicode.IsControl) || len([]rune(failure.Message)) > 250 {
			t.Errorf("the error is not one short line: %q", text)
		}
	}
	if failure.Code == 0 && !plainFailure.MatchString(failure.Message) {
		t.Errorf("an answer without errcode is quoted: %q", failure.Message)
	}
	if failure.Class == "" || failure.Issued == "" || !failure.Left() {
		t.Errorf("class %q, issued %q, left %v", failure.Class, failure.Issued, failure.Left())
	}
}
