package web

import (
	"cmp"
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// card is one credential, ready to be shown.
type card struct {
	Credential
	Name      string // the key, fit to be shown
	Alone     string // the query that shows this credential
	Explain   string // the state in a sentence or two; "" for the normal ones
	Message   string // of LastError, without the cure
	Advice    string // what to do about the state, where no Cure says it
	Usable    bool   // a reader gets a valid token, whatever fails meanwhile
	Trouble   bool   // a person should look at it
	Big, Unit string // the life that is left, in large type; without a unit there is none to tell
	Left      string // the same as a length of the bar, such as "62.5%"; "" is not known
	Mark      string // where on the bar the next refresh stands; "" is nowhere
	Times     []moment
	Failed    moment // when LastError happened
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

// either is the time in words, or else exactly.
func (m moment) either() string { return cmp.Or(m.Words, m.Exact) }

func newCard(c Credential, now *time.Time) card {
	out := card{
		Credential: c, Name: printable(c.Key, nameLimit), Alone: query{key: c.Key, page: 1, limit: defaultLimit}.String(),
		Explain: explain(c), Usable: c.State.usable(), Trouble: c.trouble(), Big: "Not known",
		Times: []moment{
			newMoment("Expires", c.ExpiresAt, relative(c.ExpiresAt, now)),
			newMoment("Next refresh", c.DueAt, dueWords(c.DueAt, now)),
			newMoment("Last refresh", c.RefreshedAt, relative(c.RefreshedAt, now)),
		},
	}
	if c.State == Missing {
		out.Big = "No token"
	}
	if e := c.LastError; e != nil {
		out.Message, out.Failed = withoutCure(e.Message, c.Cure), newMoment("", e.At, relative(e.At, now))
	}
	if c.State == Rejected && c.Cure == "" {
		out.Advice = "Nothing, if this happens once. If it comes back, " +
			"another program draws tokens for this appid and ends these: find it and stop it."
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

// wrapping is key as HTML that may wrap where a long one should, which is not in
// the middle of a word. A short key stays whole.
func wrapping(key string) string {
	const short = 16
	var out strings.Builder
	for from := 0; from < len(key); {
		to := len(key)
		if found := word.FindStringIndex(key[from:]); found != nil && len(key) > short {
			to = from + found[1]
			if last := key[to-1]; last >= 'A' && last <= 'Z' {
				to-- // it begins the next word
			}
		}
		if from > 0 {
			out.WriteString("<wbr>")
		}
		out.WriteString(html.EscapeString(key[from:to]))
		from = to
	}
	return out.String()
}

// ofLife tells the bar to those who cannot see it.
func (c card) ofLife() string {
	switch {
	case c.Left != "":
		return c.Left + " of the token's life is left"
	case c.State == Missing:
		return "readers find no token"
	}
	return "how much of the token's life is left is not known"
}

// tone is how loud a failure is shown.
func (c card) tone() string {
	if c.Usable {
		return "note"
	}
	return "bad"
}

// why is the trouble in one line.
func (c card) why() string {
	switch {
	case c.LastError != nil:
		return c.LastError.Class + ": " + printable(c.Message, whyLimit)
	case len(c.Notes) > 0:
		return printable(c.Notes[0], whyLimit)
	}
	return c.Explain
}

// whyLimit is how many characters of a trouble a row has room for.
const whyLimit = 160
