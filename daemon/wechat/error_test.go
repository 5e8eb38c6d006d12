package wechat_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"wxtokend/daemon/wechat"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// checkCanaries looks for the secret and the token in everything that a
// program can print of an error.
func checkCanaries(t *testing.T, err error) {
	t.Helper()
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v\n%+v\n%#v\n%q\n%s\n", err, err, err, err, err)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Error("failed", "err", err, "group", slog.GroupValue(slog.Any("err", err)))
	}
	for _, canary := range []string{canarySecret, canaryToken, canaryToken[:40], canarySecret[:12],
		fmt.Sprintf("%x", canarySecret)} {
		if strings.Contains(out.String(), canary) {
			t.Errorf("%s is in:\n%s", canary, out.String())
		}
	}
	text := err.Error()
	if strings.ContainsFunc(text, unicode.IsControl) || len(text) > 1200 ||
		strings.Count(text, "mint token: ")+strings.Count(text, "verify token: ") != 1 {
		t.Errorf("not one clear line: %q", text)
	}
}

// A hostile or broken server repeats what it was sent, in every place it can.
func TestNothingSecretIsRepeated(t *testing.T) {
	echo := canarySecret + " " + canaryToken
	header := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, strings.ReplaceAll(echo, " ", "/"))
			_, _ = io.WriteString(w, "{}")
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.URL.String())
			w.WriteHeader(code)
			_, _ = io.WriteString(w, echo+r.URL.String())
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"errmsg":           answer(`{"errcode":40013,"errmsg":"invalid ` + echo + `"}`),
		"errmsg, escaped":  answer(`{"errcode":-1,"errmsg":"\u0035` + echo[1:] + `"}`),
		"errmsg, split":    answer(`{"errcode":99999,"errmsg":"` + echo[:9] + `\u0000\u200b` + echo[9:] + `"}`),
		"errmsg, unknown":  answer(`{"errcode":99998,"errmsg":"` + echo + `","access_token":"` + canaryToken + `"}`),
		"errmsg, cut":      answer(`{"errcode":40125,"errmsg":"invalid ` + canarySecret[:31] + ` ` + canarySecret[1:] + `"}`),
		"errmsg, ip":       answer(`{"errcode":40164,"errmsg":"invalid ip ` + echo + `"}`),
		"token, no life":   answer(`{"access_token":"` + canaryToken + `"}`),
		"life is secret":   answer(`{"access_token":"t","expires_in":"` + echo + `"}`),
		"errcode":          answer(`{"errcode":"` + echo + `"}`),
		"html":             answer(`<html><title>` + echo + `</title></html>`),
		"truncated":        answer(granted[:len(granted)-1] + " " + canarySecret),
		"content type":     header("Content-Type"),
		"content encoding": header("Content-Encoding"),
		"date":             header("Date"),
		"301":              status(301),
		"400":              status(400),
		"403":              status(403),
		"429":              status(429),
		"500":              status(500),
		"502":              status(502),
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, wechat.Options{BaseURL: serve(t, handler)})
			for _, api := range []string{"stable", "classic"} {
				_, err := mint(within(t), c, api)
				if e := failure(t, err); e.Op != "mint token" || !e.Left() {
					t.Errorf("%#v", e)
				}
				checkCanaries(t, err)
			}
			err := c.Verify(within(t), canaryToken)
			if e := failure(t, err); e.Op != "verify token" || e.Refused() {
				t.Errorf("%#v", e)
			}
			// Verify does not know the secret; only the token can come back to it.
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), canaryToken[:40]) {
				t.Errorf("the token is in %v", err)
			}
		})
	}
}

func TestPartOfTheTokenIsNotRepeated(t *testing.T) {
	for _, part := range []string{canaryToken[:39], canaryToken[60:], canaryToken[3:11]} {
		c := client(t, wechat.Options{BaseURL: serve(t, answer(`{"errcode":40014,"errmsg":"invalid token `+part+`"}`))})
		if e := failure(t, c.Verify(within(t), canaryToken)); e.Message != "invalid token [redacted]" {
			t.Errorf("%q", e.Message)
		}
	}
}

// Every code of the table, as the daemon meets it.
func TestEveryErrcode(t *testing.T) {
	var code int
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"errcode":%d,"errmsg":"some words rid: 6125a48e-4bc55df9-6a1d6b57"}`, code)
	})
	c := client(t, wechat.Options{BaseURL: base})
	for _, entry := range wechat.Codes() {
		if entry.Code == 0 {
			continue
		}
		code = entry.Code
		_, err := mint(within(t), c, "stable")
		e := failure(t, err)
		if e.Code != entry.Code || e.Class != entry.Class || e.Issued != wechat.NotIssued || !e.Left() {
			t.Errorf("%d: %#v", entry.Code, e)
		}
		want := fmt.Sprintf(`mint token: errcode %d: %s; %s (WeChat says "some words rid: 6125a48e-4bc55df9-6a1d6b57")`,
			entry.Code, entry.English, entry.Cure)
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*wechat.Error{
		"mint token: timed out; WeChat may have issued a token": {
			Op: "mint token", Class: wechat.ClassTransport, Message: "timed out", Issued: wechat.MaybeIssued},
		"mint token: connection refused": {
			Op: "mint token", Class: wechat.ClassTransport, Message: "connection refused", Issued: wechat.NotIssued},
		"mint token: errcode 99999: this code is not in the table of return codes; look it up in WeChat's documentation": {
			Op: "mint token", Code: 99999},
		`verify token: errcode 42001: WeChat refuses this token; a new token has to be minted ` +
			`(WeChat says "access_token expired")`: {
			Op: "verify token", Code: 42001, Message: "access_token expired"},
		"verify token: errcode 48001: this account has no permission for the interface, or the token belongs to " +
			"another kind of account; " +
			`check the account's permissions in its console, and that the token is that account's ` +
			`(WeChat says "api unauthorized")`: {
			Op: "verify token", Class: wechat.ClassConfig, Code: 48001, Message: "api unauthorized"},
		"verify token: errcode 45009: the day's questions about a token are used up; set verify_every longer, and let " +
			"fewer programs ask; " +
			"until the next day in Beijing time nobody notices if the token is replaced": {
			Op: "verify token", Class: wechat.ClassQuota, Code: 45009},
	} {
		if e.Error() != want {
			t.Errorf("got  %s\nwant %s", e, want)
		}
	}
	blocked := (&wechat.Error{Op: "mint token", Code: 40164, IP: "47.103.62.98"}).Error()
	if !strings.Contains(blocked, "IP 白名单") || !strings.HasSuffix(blocked, "; the address is 47.103.62.98") {
		t.Error(blocked)
	}
}

func TestLeft(t *testing.T) {
	for _, test := range []struct {
		e    wechat.Error
		left bool
	}{
		{wechat.Error{Issued: wechat.NotIssued}, false},
		{wechat.Error{Issued: wechat.NotIssued, Code: -1}, true},
		{wechat.Error{Issued: wechat.MaybeIssued}, true},
	} {
		if got := test.e.Left(); got != test.left {
			t.Errorf("%#v: left is %v", test.e, got)
		}
	}
}

func TestWait(t *testing.T) {
	for code, want := range map[int]time.Duration{
		0: 0, 40164: 0, 45009: 0, 89503: 0, 89506: 24 * time.Hour, 89507: time.Hour,
	} {
		if got := (&wechat.Error{Code: code}).Wait(); got != want {
			t.Errorf("%d: %v, want %v", code, got, want)
		}
	}
}
