// Package secret holds the types of everything that must never be read in a
// log line, an error, a metric or a page.
//
// The compiler keeps them apart from plain strings, and every formatting path
// of the standard library (fmt with any verb, log/slog, encoding/json,
// encoding.TextMarshaler) goes through the methods here. The one way to the
// text is Reveal, so that a reader can list the places that use it.
package secret

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
)

// Token is a credential that WeChat issued. It prints its fingerprint, because
// a person who hunts a bad token has to recognise it. Tokens are long and
// random: nobody can guess one from 32 bits of a hash.
type Token string

// maxToken is the storage that WeChat asks to reserve for a token, in bytes.
const maxToken = 512

// NewToken is text as a token: 1 to 512 bytes of printable ASCII without a
// blank. It is "" for all that no platform can have issued.
func NewToken(text string) Token {
	if len(text) > maxToken || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return Token(text)
}

// Reveal returns the token itself.
func (t Token) Reveal() string { return string(t) }

// Fingerprint is the first 8 hex digits of the token's SHA-256, "" of an empty token.
func (t Token) Fingerprint() string { return fingerprint(string(t)) }

// Is says that the token has that fingerprint; no token has "". It is asked at
// every look, where there is mostly nothing to compare with and no need to hash.
func (t Token) Is(fingerprint string) bool {
	return fingerprint != "" && t.Fingerprint() == fingerprint
}

// String is what every formatting verb prints: "token:1a2b3c4d".
func (t Token) String() string { return "token:" + t.Fingerprint() }

// Format keeps verbs such as %x and %q from reaching the text.
func (t Token) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, t.String()) }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps JSON and YAML encoders from reaching the text.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Secret is an AppSecret, a password or an address that contains one. It
// prints no fingerprint: a password can be short, and even a few bits of its
// hash would let an attacker check guesses.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Fingerprint is the first 8 hex digits of the secret's SHA-256, "" of an
// empty secret. Only for an AppSecret, which is 128 random bits.
func (s Secret) Fingerprint() string { return fingerprint(string(s)) }

// String is what every formatting verb prints.
func (s Secret) String() string { return redacted }

// Format keeps verbs such as %x and %q from reaching the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, redacted) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps JSON and YAML encoders from reaching the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func fingerprint(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
