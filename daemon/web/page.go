package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // page.html and page.css
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// page renders the status for people. It has no script, so that its policy can
// forbid them all: whatever a key or an errmsg holds, nothing of it runs.
type page struct {
	template *template.Template
	policy   string
}

func newPage() page {
	hash := sha256.Sum256([]byte(pageCSS))
	return page{
		template: template.Must(template.New("page").Funcs(template.FuncMap{"words": words}).Parse(pageHTML)), // embedded: a test parses it
		policy: fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			base64.StdEncoding.EncodeToString(hash[:])),
	}
}

// serve renders into memory first: a failure must not leave half a page with
// the status 200.
func (p page) serve(w http.ResponseWriter, src Source) {
	var body bytes.Buffer
	if err := p.template.Execute(&body, newView(src)); err != nil {
		http.Error(w, "render page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes())
}

// view is everything that page.html shows.
type view struct {
	Status
	CSS     template.CSS
	Now     moment
	Reasons []string // why not alive, then why not ready
	Trouble int      // credentials that a person should look at
	Cards   []card
}

// card is one credential.
type card struct {
	Credential
	Explain   string // the state in a sentence or two; "" for the normal ones
	Message   string // of LastError, without the cure
	Advice    string // what to do about the state, where no Cure says it
	Usable    bool   // a reader gets a valid token, whatever fails meanwhile
	Trouble   bool   // a person should look at it
	Big, Unit string // the life that is left, in large type; without a unit there is none to tell
	Left      string // the same as a length of the bar, such as "62.5%"; "" is not known
	Mark      string // where on the bar the next refresh stands; "" is nowhere
	Times     []moment
	Failed    *moment // when LastError happened
}

// moment is one time in words and exactly; a label alone if it is not known.
type moment struct{ Label, Words, Exact, ISO string }

func newMoment(label string, at *time.Time, words string) moment {
	if at == nil {
		return moment{Label: label}
	}
	utc := at.UTC()
	return moment{label, words, utc.Format("2006-01-02 15:04:05 UTC"), utc.Format(time.RFC3339)}
}

func newView(src Source) view {
	s := src.Status()
	v := view{Status: s, CSS: template.CSS(pageCSS), Now: newMoment("", s.Time, ""), Reasons: slices.Clone(src.Ready())}
	if err := src.Live(); err != nil {
		v.Reasons = append([]string{err.Error()}, v.Reasons...)
	}
	for _, c := range s.Credentials {
		for i, reason := range v.Reasons {
			v.Reasons[i] = withoutCure(reason, c.Cure)
		}
		v.Cards = append(v.Cards, newCard(c, s.Time))
		if v.Cards[len(v.Cards)-1].Trouble {
			v.Trouble++
		}
	}
	return v
}

func newCard(c Credential, now *time.Time) card {
	out := card{
		Credential: c, Explain: explain(c), Usable: c.State == Fresh || c.State == Due, Big: "Not known",
		Times: []moment{
			newMoment("Expires", c.ExpiresAt, relative(c.ExpiresAt, now)),
			newMoment("Next refresh", c.DueAt, dueWords(c.DueAt, now)),
			newMoment("Last refresh", c.RefreshedAt, relative(c.RefreshedAt, now)),
		},
	}
	out.Trouble = !out.Usable || c.Failures > 0 || len(c.Notes) > 0
	if c.State == Missing {
		out.Big = "No token"
	}
	if c.LastError != nil {
		out.Message = withoutCure(c.LastError.Message, c.Cure)
	}
	if c.State == Rejected && c.Cure == "" {
		out.Advice = "Nothing, if this happens once. If it comes back, another program draws tokens for this appid and ends these: find it and stop it."
	}
	if c.LastError != nil && c.LastError.At != nil {
		out.Failed = new(newMoment("", c.LastError.At, relative(c.LastError.At, now)))
	}
	if c.ExpiresAt != nil && now != nil && c.State != Missing { // a life that no reader has is none
		out.setLife(*c.ExpiresAt, *now)
	}
	return out
}

func (c *card) setLife(expiry, now time.Time) {
	left := expiry.Sub(now)
	c.Big, c.Unit = humane(left), "left"
	if left <= 0 {
		c.Unit = "past its expiry"
	}
	if c.Life <= 0 {
		return
	}
	c.Left = percent(left, c.Life)
	if c.DueAt != nil && c.DueAt.Before(expiry) {
		c.Mark = percent(expiry.Sub(*c.DueAt), c.Life)
	}
}

// percent is part of whole as a length for SVG, within 0 and 100.
func percent(part, whole time.Duration) string {
	share := min(max(part.Seconds()/whole.Seconds(), 0), 1)
	return strconv.FormatFloat(math.Floor(share*1000)/10, 'f', -1, 64) + "%"
}

func explain(c Credential) string {
	switch c.State {
	case Fresh, Due:
		return ""
	case Expired:
		return "The stored token has expired. Readers of this key have no valid token."
	case Missing:
		if c.Fingerprint != nil {
			return "The key is gone or overwritten. Its token is known and is being put back."
		}
		return "No token is stored under this key."
	case Rejected:
		return "WeChat refuses the stored token. The next refresh draws a new one."
	}
	return "No observation of Redis succeeded within the last lease, so nothing here is certain."
}

// withoutCure takes the cure out of a message of WeChat's refusal, which names
// it between the meaning and WeChat's own words: the page shows it by itself.
func withoutCure(message, cure string) string {
	if cure == "" {
		return message
	}
	return strings.ReplaceAll(message, "; "+cure, "")
}

// word is the end of one in a key: a separator, or small letters before a
// capital one.
var word = regexp.MustCompile(`[:._/-]+|[a-z0-9][A-Z]`)

// words cuts a key where a long one may wrap, which is not in the middle of a
// word. A short key stays whole.
func words(key string) []string {
	const short = 16
	var parts []string
	for from := 0; from < len(key); {
		to := len(key)
		if found := word.FindStringIndex(key[from:]); found != nil && len(key) > short {
			to = from + found[1]
			if last := key[to-1]; last >= 'A' && last <= 'Z' {
				to-- // it begins the next word
			}
		}
		parts, from = append(parts, key[from:to]), to
	}
	return parts
}
