package web

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most characters that are shown of a text that came from outside: somebody
// may have written 100 KB into Redis.
const (
	nameLimit = 200  // a key, an appid
	textLimit = 1000 // a message, a note
)

// printable makes text safe for a terminal, a page and a protocol of lines:
// an escape sequence could rewrite the screen, a line feed could forge a reason,
// and a bidirectional override could turn a word around. White space becomes a
// space, whatever else has no glyph of its own is escaped as in Go, and what
// exceeds most characters is cut off.
func printable(text string, most int) string {
	var out strings.Builder
	written := 0
	for i, r := range text {
		if written == most {
			out.WriteString("… (" + strconv.Itoa(len(text)-i) + " bytes more)")
			break
		}
		written++
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			out.WriteByte(' ')
		case r != utf8.RuneError && unicode.IsGraphic(r):
			out.WriteRune(r)
		case r == utf8.RuneError:
			out.WriteRune(unicode.ReplacementChar)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return out.String()
}
