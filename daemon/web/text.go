package web

import (
	"strconv"
	"strings"
	"unicode"
)

// The most characters that are shown of a text that came from outside: somebody
// may have written 100 KB into Redis.
const (
	// A key, an appid.
	nameLimit = 200
	// A message, a note.
	textLimit = 1000
)

// printable makes text safe for a terminal, a page and a protocol of lines:
// an escape sequence could rewrite the screen, a line feed could forge a reason,
// and a bidirectional override could turn a word around. White space becomes a
// space, whatever else has no glyph of its own is escaped as in Go, and what
// exceeds most characters is cut off.
func printable(text string, most int) string {
	var out strings.Builder
	for i, r := range text {
		if most == 0 {
			out.WriteString("… (" + strconv.Itoa(len(text)-i) + " bytes more)")
			break
		}
		most--
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			out.WriteByte(' ')
		case unicode.IsGraphic(r):
			out.WriteRune(r)
		default:
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return out.String()
}
