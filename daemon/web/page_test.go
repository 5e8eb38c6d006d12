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

	"wxtokend/daemon/keeper"
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
		"<p class=\"muted\">1.2.3 on web-1</p>", "Not ready</span>", "<p>4 of 7 credentials are not ready</p>",
		`Credentials: 7 · to look at: <b class="many">5</b>`, "<span>2026-01-01 19:04:05 UTC</span>",
		"<strong>1h52m</strong> left", `class="fill" width="93.4%"`, `class="mark" x="3.8%"`,
		"<span>in 1h47m</span>", "<code>1a2b3c4d</code>", `class="many">3</span>`,
		"<h3>ip 40164, 50s ago</h3>", "<h3>what to do</h3><p>Add 203.0.113.7", "设置与开发",
		"<strong>3m12s</strong> past its expiry", "none\"><strong>No token</strong>", "none\"><strong>Not known</strong>",
		"<h3>note</h3><p>two appids write this key: wx0123456789abcdef and wxfedcba9876543210</p>",
	)
}

// The badge says the state in words: colour alone would exclude people.
func TestPageShowsEveryState(t *testing.T) {
	explanation := map[keeper.State]string{
		keeper.Fresh: "", keeper.Due: "",
		keeper.Expired:  "Readers of this key have no valid token.",
		keeper.Missing:  "No token is stored under this key.",
		keeper.Rejected: "WeChat refuses the stored token.",
		keeper.Unknown:  "No observation of Redis succeeded",
	}
	for state, text := range explanation {
		t.Run(string(state), func(t *testing.T) {
			page := render(t, source{status: web.Status{Credentials: []web.Credential{credential("k", state)}}})
			contains(t, page, `<article class="`+string(state)+`" aria-label="k">`,
				`<use href="#`+string(state)+`"></use></svg><span>`+string(state)+"</span>",
				`<symbol id="`+string(state)+`"`, text, "Credentials: 1")
			if text == "" {
				contains(t, page, `<p class="explain"></p>`, `to look at: <b class="">0</b>`)
			}
		})
	}
}

func TestPageOfAFailureThatReadersDoNotFeel(t *testing.T) {
	c := alive("k", keeper.Fresh, time.Hour)
	c.Failures, c.LastError = 1, &web.LastError{Class: "transient", Message: "system busy"}
	src := source{status: web.Status{Overview: web.Overview{Time: at(0)}, Credentials: []web.Credential{c}}}
	page := render(t, src)
	contains(t, page, `<section class="panel"><h3>transient</h3><p>system busy</p></section>`,
		`to look at: <b class="many">1</b>`, "Ready</span>")
	lacks(t, page, `class="panel bad"`, "what to do")
}

func TestPageReadiness(t *testing.T) {
	ready := render(t, source{})
	contains(t, ready, "<title>Ready · wxtokend</title>", "Ready</span>")
	lacks(t, ready, "Not ready", "Why not ready")
	stuck := render(t, func() source { s := unready("missing"); s.live = errStuck; return s }())
	contains(t, stuck, "<title>Not ready · wxtokend</title>", "<p>no tick has ended for 14s</p>")
	one := render(t, unready("missing"))
	contains(t, one, "Not ready</span>")
	// The card says it.
	lacks(t, one, "Why not ready")
	contains(t, render(t, unready("missing", "rejected", "")), "Not ready</span>", "Why not ready",
		"<p>2 of 3 credentials are not ready</p>")
}

func TestPageOfWhatIsNotKnown(t *testing.T) {
	contains(t, render(t, source{}), "Credentials: 0")
	c := alive("k", keeper.Unknown, time.Hour)
	// No time.
	page := render(t, source{status: web.Status{Credentials: []web.Credential{c}}})
	contains(t, page, "waiting for the first observation of Redis", `<rect class="track"`,
		`<span></span> <span class="muted">2026-01-01 20:04:05 UTC</span>`)
	lacks(t, page, `class="fill"`, "<no value>", "%!", "<nil>", "0001-01-01")
	c = alive("k", keeper.Fresh, time.Hour)
	// A token that an older state recorded.
	c.Life, c.Fingerprint = 0, nil
	page = render(t, source{status: web.Status{Overview: web.Overview{Time: at(0)}, Credentials: []web.Credential{c}}})
	contains(t, page, "<strong>1h</strong> left", `<rect class="track"`, "<dt>Fingerprint</dt><dd><code></code></dd>")
	lacks(t, page, `class="fill"`)
}

// Keys come from the configuration, messages from a server: neither may become
// markup, and no credential may break out of its own card.
func TestPageEscapes(t *testing.T) {
	const hostile = `"><script>alert('1')</script><img src=x onerror=alert(2)>{{.}}`
	c := alive(hostile, keeper.Fresh, time.Hour)
	c.AppID, c.Kind, c.API, c.State, c.Fingerprint = hostile, hostile, hostile, hostile, new(hostile)
	c.LastError = &web.LastError{Class: hostile, Message: hostile}
	c.Notes, c.Cure, c.Unready = []string{hostile}, hostile, hostile
	page := render(t, source{
		status: web.Status{Overview: web.Overview{Version: hostile, Instance: hostile, Time: at(0)},
			Credentials: []web.Credential{c}},
		live: errors.New(hostile),
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
	c := alive("k", keeper.Expired, -time.Minute)
	c.Cure, c.LastError = entry.Cure, &web.LastError{Class: "ip", Code: new(40164), Message: refusal.Error()}
	c.Unready = "expired: " + refusal.Error()
	page := render(t, source{status: web.Status{Overview: web.Overview{Time: at(0)}, Credentials: []web.Credential{c}}})
	page = html.UnescapeString(page)
	contains(t, page, "<h3>what to do</h3><p>"+entry.Cure+"</p>",
		entry.English+"; the address is 203.0.113.7 (WeChat says")
	if got := strings.Count(page, entry.Cure); got != 1 {
		t.Errorf("the cure shows %d times", got)
	}
	c.LastError.Message = "told without a cure"
	contains(t, render(t, source{status: web.Status{Credentials: []web.Credential{c}}}), "<p>told without a cure</p>",
		"<p>"+entry.Cure+"</p>")
	c.Cure, c.LastError.Message = "", "no cure; and all of it shows"
	contains(t, render(t, source{status: web.Status{Credentials: []web.Credential{c}}}),
		"<p>no cure; and all of it shows</p>")
}

func TestPageOfARefusedToken(t *testing.T) {
	c := alive("k", keeper.Rejected, time.Hour)
	src := source{status: web.Status{Overview: web.Overview{Time: at(0)}, Credentials: []web.Credential{c}}}
	contains(t, render(t, src), "WeChat refuses the stored token. The next refresh draws a new one.",
		"If this comes back, another program draws tokens for this appid")
	src.status.Credentials[0].Cure, src.status.Credentials[0].LastError = "do this",
		&web.LastError{Class: "config", Message: "wrong"}
	page := render(t, src)
	if got := strings.Count(page, "what to do"); got != 1 {
		t.Errorf("%d things to do", got)
	}
	contains(t, page, "<p>do this</p>")
}

// A key that was deleted is not yet put back: its token lives, but no reader has it.
func TestPageOfAKeyThatIsBeingPutBack(t *testing.T) {
	src := source{status: web.Status{Overview: web.Overview{Time: at(0)},
		Credentials: []web.Credential{alive("k", keeper.Missing, 56*time.Second)}}}
	page := render(t, src)
	contains(t, page, "The key is gone or overwritten. Its token is known and is being put back.", "No token</strong>",
		"<span>in 56s</span>")
	lacks(t, page, `class="fill"`, "left</p>", "<strong>56s", "No token is stored")
}

// A long key wraps between its words.
func TestPageWrapsKeysAtTheirWords(t *testing.T) {
	c := credential("{shop}:token_of-a.b/WXAccess2Token<", keeper.Fresh)
	page := render(t, source{status: web.Status{Credentials: []web.Credential{c,
		credential("WXAccessToken", keeper.Fresh)}}})
	contains(t, page, "<h2>{shop}:<wbr>token_<wbr>of-<wbr>a.<wbr>b/<wbr>WXAccess2<wbr>Token&lt;</h2>",
		`aria-label="{shop}:token_of-a.b/WXAccess2Token&lt;"`,
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

// TestPageTellsOfTheDaemon: a note is shown, and makes nothing unready.
func TestPageTellsOfTheDaemon(t *testing.T) {
	const note = "the new configuration is refused"
	page := render(t, source{status: web.Status{Overview: web.Overview{Notes: []string{note}}}})
	if !strings.Contains(page, "<p>"+note+"</p>") || strings.Contains(page, "Not ready") {
		t.Errorf("want a note, and ready, in\n%s", page)
	}
}
