package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/web"
	"wxtokend/daemon/wechat"
)

var spaces = regexp.MustCompile(`\s+`)

// render returns the page of src with every run of white space as one space.
func render(t *testing.T, src source) string {
	t.Helper()
	resp := ask(t, src, http.MethodGet, "/")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %s: %s", resp.StatusCode, resp.Header.Get("Content-Type"), resp.body)
	}
	if !strings.HasSuffix(resp.body, "</html>") {
		t.Fatalf("half a page: %s", resp.body)
	}
	return spaces.ReplaceAllString(resp.body, " ")
}

func contains(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func lacks(t *testing.T, page string, unwanted ...string) {
	t.Helper()
	for _, text := range unwanted {
		if strings.Contains(page, text) {
			t.Errorf("the page has %s", text)
		}
	}
}

func TestPageShowsTheSample(t *testing.T) {
	page := render(t, sample())
	contains(t, page,
		"<p class=\"muted\">1.2.3 on web-1</p>", "Not ready</p>", "<li>WXAccessToken:new: no token is stored</li>",
		"7 credentials · <b>5 to look at</b>", ">2026-01-01 19:04:05 UTC</time>",
		"<strong>1h52m</strong> left", `class="fill" width="93.4%"`, `class="mark" x="3.7%"`,
		"<span>in 1h47m</span>", "<code>1a2b3c4d</code>", "<b>3 in a row</b>",
		"ip <code>40164</code>", `title="2026-01-01 19:03:15 UTC">50s ago</time>`, "<b>What to do</b> <span>Add 203.0.113.7", "设置与开发",
		"<strong>3m12s</strong> past its expiry", "<strong class=\"none\">No token</strong>", "<strong class=\"none\">Not known</strong>",
		"<li>two appids write this key: wx0123456789abcdef and wxfedcba9876543210</li>",
	)
}

// The badge says the state in words: colour alone would exclude people.
func TestPageShowsEveryState(t *testing.T) {
	explanation := map[web.State]string{
		web.Fresh: "", web.Due: "",
		web.Expired:  "Readers of this key have no valid token.",
		web.Missing:  "No token is stored under this key.",
		web.Rejected: "WeChat refuses the stored token.",
		web.Unknown:  "No observation of Redis succeeded",
	}
	for state, text := range explanation {
		t.Run(string(state), func(t *testing.T) {
			page := render(t, source{status: web.Status{Credentials: []web.Credential{credential("k", state)}}})
			contains(t, page, `<article class="`+string(state)+`" aria-label="k">`, `<use href="#`+string(state)+`"></use></svg><span>`+string(state)+"</span>",
				`<symbol id="`+string(state)+`"`, text, "1 credential")
			if text == "" {
				lacks(t, page, `class="explain"`, "to look at")
			}
		})
	}
}

func TestPageOfAFailureThatReadersDoNotFeel(t *testing.T) {
	c := alive("k", web.Fresh, time.Hour)
	c.Failures, c.LastError = 1, &web.LastError{Class: "transient", Message: "system busy"}
	src := source{status: web.Status{Time: at(0), Credentials: []web.Credential{c}}}
	page := render(t, src)
	contains(t, page, `<section class="panel note"><h3>transient </h3><p>system busy</p></section>`, "1 to look at", "Ready</p>")
	lacks(t, page, `class="panel bad"`, "What to do")
}

func TestPageReadiness(t *testing.T) {
	ready := render(t, source{})
	contains(t, ready, "<title>Ready · wxtokend</title>", "Ready</p>")
	lacks(t, ready, "Not ready", "Why not ready")
	stuck := render(t, func() source { s := unready("missing"); s.live = errStuck; return s }())
	contains(t, stuck, "<title>Not ready · wxtokend</title>", "<li>no tick has ended for 14s</li><li>a: missing</li>")
}

func TestPageOfWhatIsNotKnown(t *testing.T) {
	contains(t, render(t, source{}), "No credentials yet")
	c := alive("k", web.Unknown, time.Hour)
	page := render(t, source{status: web.Status{Credentials: []web.Credential{c}}}) // no time
	contains(t, page, "waiting for the first observation of Redis", `<rect class="track none"`, ">2026-01-01 20:04:05 UTC</time>")
	lacks(t, page, `class="fill"`, "<no value>", "%!", "<nil>", "0001-01-01")
	c = alive("k", web.Fresh, time.Hour)
	c.Life, c.Fingerprint = 0, nil // a token that an older state recorded
	page = render(t, source{status: web.Status{Time: at(0), Credentials: []web.Credential{c}}})
	contains(t, page, "<strong>1h</strong> left", "life is left is not known", "<dt>Fingerprint</dt><dd><span class=\"none\">not known</span>")
	lacks(t, page, `class="fill"`)
}

// Keys come from the configuration, messages from a server: neither may become
// markup, and no credential may break out of its own card.
func TestPageEscapes(t *testing.T) {
	const hostile = `"><script>alert('1')</script><img src=x onerror=alert(2)>{{.}}`
	c := alive(hostile, web.Fresh, time.Hour)
	c.AppID, c.Kind, c.API, c.State, c.Fingerprint = hostile, hostile, hostile, hostile, new(hostile)
	c.LastError = &web.LastError{Class: hostile, Message: hostile}
	c.Notes, c.Cure, c.Unready = []string{hostile}, hostile, hostile
	page := render(t, source{
		status: web.Status{Version: hostile, Instance: hostile, Time: at(0), Credentials: []web.Credential{c}},
		live:   errors.New(hostile),
	})
	lacks(t, page, "<script", "<img", `"><`+"script")
	if got := strings.Count(page, "&lt;script&gt;"); got < 10 {
		t.Errorf("the hostile text shows %d times, and should wherever it was put", got)
	}
}

// The message of WeChat's refusals ends in the cure, and a reason why the daemon
// is not ready repeats the message: a person reads the cure once.
func TestPageShowsTheCureOnce(t *testing.T) {
	refusal := &wechat.Error{Op: "mint token", Code: 40164, IP: "203.0.113.7", Message: "invalid ip 203.0.113.7"}
	entry, _ := wechat.Lookup(40164)
	c := alive("k", web.Expired, -time.Minute)
	c.Cure, c.LastError = entry.Cure, &web.LastError{Class: "ip", Code: new(40164), Message: refusal.Error()}
	c.Unready = "expired: " + refusal.Error()
	page := render(t, source{status: web.Status{Time: at(0), Credentials: []web.Credential{c}}})
	page = html.UnescapeString(page)
	contains(t, page, "<b>What to do</b> <span>"+entry.Cure+"</span>", entry.English+"; the address is 203.0.113.7 (WeChat says")
	if got := strings.Count(page, entry.Cure); got != 1 {
		t.Errorf("the cure shows %d times", got)
	}
	c.LastError.Message = "told without a cure"
	contains(t, render(t, source{status: web.Status{Credentials: []web.Credential{c}}}), "<p>told without a cure</p>", "<span>"+entry.Cure+"</span>")
}

func TestPageOfARefusedToken(t *testing.T) {
	c := alive("k", web.Rejected, time.Hour)
	src := source{status: web.Status{Time: at(0), Credentials: []web.Credential{c}}}
	contains(t, render(t, src), "WeChat refuses the stored token. The next refresh draws a new one.", "<b>What to do</b> <span>Nothing, if this happens once.", "another program draws tokens for this appid")
	src.status.Credentials[0].Cure, src.status.Credentials[0].LastError = "do this", &web.LastError{Class: "config", Message: "wrong"}
	page := render(t, src)
	if got := strings.Count(page, "What to do"); got != 1 {
		t.Errorf("%d things to do", got)
	}
	contains(t, page, "<span>do this</span>")
}

// A key that was deleted is not yet put back: its token lives, but no reader has it.
func TestPageOfAKeyThatIsBeingPutBack(t *testing.T) {
	src := source{status: web.Status{Time: at(0), Credentials: []web.Credential{alive("k", web.Missing, 56*time.Second)}}}
	page := render(t, src)
	contains(t, page, "The key is gone or overwritten. Its token is known and is being put back.", "No token</strong>", `aria-label="readers find no token"`, "<span>in 56s</span>")
	lacks(t, page, `class="fill"`, "left</p>", "<strong>56s", "No token is stored")
}

// A long key wraps between its words.
func TestPageWrapsKeysAtTheirWords(t *testing.T) {
	c := credential("{shop}:token_of-a.b/WXAccess2Token<", web.Fresh)
	page := render(t, source{status: web.Status{Credentials: []web.Credential{c, credential("WXAccessToken", web.Fresh)}}})
	contains(t, page, "<h2>{shop}:<wbr>token_<wbr>of-<wbr>a.<wbr>b/<wbr>WXAccess2<wbr>Token&lt;</h2>", `aria-label="{shop}:token_of-a.b/WXAccess2Token&lt;"`,
		"<h2>WXAccessToken</h2>")
}

// The policy lets exactly one style in and nothing else; an attribute such as
// style or onclick would be dead, and a sign that something is wrong.
func TestPolicyFitsThePage(t *testing.T) {
	resp := ask(t, sample(), http.MethodGet, "/")
	styles := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(resp.body, -1)
	if len(styles) != 1 || len(styles[0][1]) < 1000 {
		t.Fatalf("%d styles", len(styles))
	}
	hash := sha256.Sum256([]byte(styles[0][1]))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "';"
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, want) {
		t.Errorf("policy %q, want %q in it", policy, want)
	}
	lacks(t, resp.body, "<script", " style=", " onclick=", " onload=", "<form", "http-equiv=\"Content", "ZgotmplZ")
	contains(t, resp.body, `<meta http-equiv="refresh" content="5">`, `name="viewport"`)
	contains(t, styles[0][1], "prefers-color-scheme: dark")
}
