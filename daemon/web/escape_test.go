package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/web"
)

// everywhere is a daemon with text in every field that can hold any: of one
// credential, which is a card, and of many, most of which are rows.
func everywhere(text string, n int) source {
	s := source{
		status: web.Status{Overview: web.Overview{Version: text, Instance: text, Time: at(0), Notes: []string{text}}},
		live:   errors.New(text),
	}
	for range n {
		c := alive(text, keeper.State(text), time.Hour)
		c.AppID, c.Kind, c.API, c.Fingerprint, c.Unready, c.Failures = text, text, text, new(text), text, 1
		c.LastError = &web.LastError{Class: text, Code: new(1), Message: text, At: at(0)}
		c.Notes, c.Cure = []string{text}, "do "+text
		s.status.Credentials = append(s.status.Credentials, c)
	}
	return s
}

// markup is the page without what is no markup: the characters that make up
// tags and attributes, in their order. Where a key may wrap is not compared.
func markup(t *testing.T, src source, query string) string {
	t.Helper()
	page := strings.ReplaceAll(ask(t, src, http.MethodGet, "/?"+query).body, "<wbr>", "")
	_, body, found := strings.Cut(page, "<body>")
	if !found {
		t.Fatalf("no page: %s", page)
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>"`, r) {
			return r
		}
		return -1
	}, body)
}

// Whatever text comes from a configuration, from Redis, from WeChat or from a
// link that somebody was sent: it adds no tag and ends no attribute.
func FuzzPageEscapes(f *testing.F) {
	for _, text := range []string{
		"plain", `"><script>alert('1')</script>`, `' onload='alert(1)`, "javascript:alert(1)", "data:text/html,<b>",
		"</title><b>", "<!--", "&lt;b&gt;", "&#34;",
		"{{.}}", "{ x }", "a\x00b", "\xff<", "\u202e", "</style><b>", "`", "a.b:c/d_e-fGh<iJ\"k", "\u2028<", "&quot", "<wbr",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		// An empty one may leave its element out.
		text = "x" + text
		for _, n := range []int{1, 20} {
			if got, want := markup(t, everywhere(text, n), ""), markup(t, everywhere("x", n), ""); got != want {
				t.Errorf("%q changes the markup of %d", text, n)
			}
		}
		if got, want := markup(t, crowd(20), "key="+url.QueryEscape("~"+text)), markup(t, crowd(20), "key=~"); got != want {
			t.Errorf("%q as a filter changes the markup", text)
		}
	})
}

// A link leads to a place on this page alone, whatever the state is called.
func TestLinksStayHere(t *testing.T) {
	page := ask(t, everywhere("javascript:alert(1)", 20), http.MethodGet, "/?state=fresh,due&key=javascript:alert(1)").body
	for _, attribute := range []string{`href="javascript:`, `src=`, `action=`, `href="//`} {
		if strings.Contains(page, attribute) {
			t.Errorf("the page has %s", attribute)
		}
	}
}

// Somebody may have written 100 KB into Redis.
func TestLongTextsAreBounded(t *testing.T) {
	long := strings.Repeat("长", 40_000)
	c := alive("k", keeper.Expired, -time.Minute)
	c.LastError = &web.LastError{Class: long, Message: long}
	c.Notes, c.Cure, c.Unready = []string{long}, "do "+long, long
	src := source{status: web.Status{Credentials: []web.Credential{c}}, live: errors.New(long)}
	for path, most := range map[string]int{"/": 60_000, "/status": 20_000, "/readyz": 4_000, "/healthz": 4_000} {
		if body := ask(t, src, http.MethodGet, path).body; len(body) > most {
			t.Errorf("%s has %d bytes", path, len(body))
		}
	}
	if text := table(t, src.status); len(text) > 20_000 {
		t.Errorf("the table has %d bytes", len(text))
	}
}
