package wechat

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessage is the length in characters to which a server's text is cut. The
// longest known errmsg of WeChat has 186.
const maxMessage = 200

// minPart is the length in bytes from which on a part of something hidden is
// hidden too. A secret has 32 hex digits: eight of them appear in no text by
// chance, and what is left unknown cannot be guessed.
const minPart = 8

// tokenLike matches what is too long for a word or a request id (26
// characters). Tokens and tickets have 86 characters and more.
var tokenLike = regexp.MustCompile(`[A-Za-z0-9_-]{40,}`)

// sanitise makes a server's text fit for a log: one line, bounded, without any
// part of hide in it, plainly or escaped for a URL, and without anything that
// looks like a token.
func sanitise(text, hide string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = redact(redact(text, hide), url.QueryEscape(hide))
	text = tokenLike.ReplaceAllString(text, "[redacted]")
	if runes := []rune(text); len(runes) > maxMessage {
		text = string(runes[:maxMessage])
	}
	return strings.TrimSpace(text)
}

// redact replaces all that text has in common with hidden: the whole of it, or
// a part of minPart bytes or more. A server may cut off the end of what it
// repeats, put stars over some of it, or write hex digits in capital letters.
func redact(text, hidden string) string {
	window := min(len(hidden), minPart)
	if window == 0 {
		return text
	}
	low := lower(text)
	hidden = lower(hidden)
	var out strings.Builder
	kept := 0
	for i := 0; i+window <= len(text); i++ {
		end := i + window
		if !strings.Contains(hidden, low[i:end]) {
			continue
		}
		for end < len(text) && strings.Contains(hidden, low[end+1-window:end+1]) {
			end++
		}
		out.WriteString(text[kept:i] + "[redacted]")
		kept, i = end, end-1
	}
	out.WriteString(text[kept:])
	return strings.ToValidUTF8(out.String(), "")
}

// lower has the capital letters of ASCII in small ones, and as many bytes as text.
func lower(text string) string {
	bytes := []byte(text)
	for i, b := range bytes {
		if 'A' <= b && b <= 'Z' {
			bytes[i] = b + 'a' - 'A'
		}
	}
	return string(bytes)
}
