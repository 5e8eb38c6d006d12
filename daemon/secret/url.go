package secret

import (
	"fmt"
	"log/slog"
	"net/url"
)

// URL is an address that may hold a user and a password. It prints itself
// without both: of two operators who put a password there, one writes it where
// the name belongs.
type URL string

// Reveal returns the address itself.
func (u URL) Reveal() string { return string(u) }

// HasPassword tells whether it holds one. A user alone is no secret: its
// password may come from a file.
func (u URL) HasPassword() bool {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return false
	}
	_, set := parsed.User.Password()
	return set
}

// String is what every formatting verb prints.
func (u URL) String() string {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return redacted
	}
	if parsed.User != nil {
		parsed.User = url.User("redacted")
	}
	return parsed.String()
}

// Format keeps verbs such as %x and %q from reaching the text.
func (u URL) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, u.String()) }

// LogValue implements slog.LogValuer.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText keeps JSON and YAML encoders from reaching the text.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
