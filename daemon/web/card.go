package web

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"time"

	"wxtokend/daemon/keeper"
)

// card is one credential, ready to be shown.
type card struct {
	Credential
	Now *time.Time
	// Alone is the query that shows this credential.
	Alone string
	// Big is the life that is left, in large type; without a Unit there is none to tell.
	Big, Unit string
	// Left is the same as a length of the bar, such as "62.5%", and Mark is where on
	// it the next refresh stands; "" is not known.
	Left, Mark string
}

func newCard(c Credential, now *time.Time) card {
	out := card{Credential: c, Now: now, Alone: query{key: c.Key, limit: defaultLimit}.at(1), Big: "Not known"}
	out.Key = printable(c.Key, nameLimit)
	switch {
	case c.State == keeper.Missing:
		// A life that no reader has is none.
		out.Big = "No token"
	case c.ExpiresAt != nil && now != nil:
		left := c.ExpiresAt.Sub(*now)
		out.Big, out.Unit = humane(left), "left"
		if left <= 0 {
			out.Unit = "past its expiry"
		}
		if c.Life > 0 && c.DueAt != nil {
			out.Left, out.Mark = percent(left, c.Life), percent(c.ExpiresAt.Sub(*c.DueAt), c.Life)
		}
	}
	return out
}

// percent is part of whole as a length for SVG, within 0 and 100.
func percent(part, whole time.Duration) string {
	return fmt.Sprintf("%.1f%%", 100*min(max(part.Seconds()/whole.Seconds(), 0), 1))
}

// explanation is the state in a sentence or two; "" for the normal ones.
func (c card) explanation() string {
	if c.State == keeper.Missing && c.Fingerprint != nil {
		return "The key is gone or overwritten. Its token is known and is being put back."
	}
	return map[keeper.State]string{
		keeper.Expired: "The stored token has expired. Readers of this key have no valid token.",
		keeper.Missing: "No token is stored under this key.",
		keeper.Rejected: "WeChat refuses the stored token. The next refresh draws a new one. If this comes back, " +
			"another program draws tokens for this appid and ends these: find it and stop it.",
		keeper.Unknown: "No observation of Redis succeeded within the last lease, so nothing here is certain.",
	}[c.State]
}

// why is the trouble in one line, "" if there is none.
func (c card) why() string {
	why := c.explanation()
	if all := c.remarks(c.Now); len(all) > 0 {
		why = all[0].Title + ": " + all[0].Text
	}
	// So many characters a row has room for.
	return printable(why, 160)
}

// wordEnd is the end of one in a key: a separator, or a small letter before a
// capital one.
var wordEnd = regexp.MustCompile(`([:._/-]+)|([a-z0-9])([A-Z])`)

// wrapping is a printable key as HTML that may wrap where a long one should, which
// is not in the middle of a word. A short key stays whole.
func wrapping(key string) string {
	if len(key) > 16 {
		key = strings.TrimSuffix(wordEnd.ReplaceAllString(key, "$1$2\n$3"), "\n")
	}
	return strings.ReplaceAll(html.EscapeString(key), "\n", "<wbr>")
}
