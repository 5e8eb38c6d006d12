package layout

import (
	"crypto/md5"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf16"
)

// Key is the name of a key in Redis. Some SDKs put the AppSecret there, so it prints itself without it.
type Key struct{ text, shown string }

// Reveal returns the key itself.
func (k Key) Reveal() string { return k.text }

// String is what every formatting verb prints.
func (k Key) String() string { return k.shown }

// Format keeps verbs such as %x and %#v from reaching the text.
func (k Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, k.shown) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.shown) }

// MarshalText keeps JSON and YAML encoders from reaching the text.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.shown), nil }

// redacted stands for the secret in a key that is shown.
const redacted = "[redacted]"

// ShownKey is a key of its own as it may be shown. Who may not know the AppSecret
// shows nothing either that could be one, where the key is said to hold it.
func (t Target) ShownKey() string {
	if !t.SecretInKey {
		return t.Key
	}
	return tokenWithin.ReplaceAllLiteralString(t.Key, redacted)
}

// keyOf fills in a template of the table:
//
//	{appid}, {corpid}       the account
//	{agentid}               the agent of WeCom; {_agentid} and {:agentid} are empty with it
//	{secret}, {secret10}    the AppSecret, and its first ten characters
//	{"appid"}, {"secret"}   as strings of PHP's json_encode
//	{prefix…}               see prefixed
//	md5(…), MD5(…)          the hash of what is filled in, in small or capital hex digits
func keyOf(template, prefix string, s Subject) Key {
	real, shown := filling{s, prefix, s.Secret.Reveal()}, filling{s, prefix, redacted}
	for name, verb := range map[string]string{"md5(": "%x", "MD5(": "%X"} {
		if before, rest, found := strings.Cut(template, name); found {
			inner, after, _ := strings.Cut(rest, ")")
			template = before + fmt.Sprintf(verb, md5.Sum([]byte(real.fill(inner)))) + after
		}
	}
	return Key{real.fill(template), shown.fill(template)}
}

// filling is what stands for the names in a template.
type filling struct {
	Subject
	prefix, secret string
}

// fill leaves a brace alone that begins no name, as one of JSON does.
func (f filling) fill(template string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		value, known := f.value(name)
		if !known {
			value, after = "{", rest
		}
		b.WriteString(value)
		template = after
	}
}

func (f filling) value(name string) (value string, known bool) {
	switch name {
	case "appid", "corpid":
		return f.Account, true
	case `"appid"`, `"corpid"`:
		return phpJSON(f.Account), true
	case "agentid":
		return f.AgentID, true
	case "_agentid", ":agentid":
		if f.AgentID == "" {
			return "", true
		}
		return name[:1] + f.AgentID, true
	case "secret":
		return f.secret, true
	case "secret10":
		return f.secret[:min(10, len(f.secret))], true
	case `"secret"`:
		return phpJSON(f.secret), true
	}
	place, known := strings.CutPrefix(name, "prefix")
	return prefixed(place, f.prefix), known
}

// NoPrefix is the Prefix of a target whose app has none, where its SDK has one by default.
const NoPrefix = "none"

// prefixed is what stands for {prefix|default}, or {prefix:|default} of a layout that puts a colon behind a prefix
// which does not end with one. {prefix:_-} leaves an underline and a hyphen as they are too. Without a | there is no
// default.
func prefixed(place, prefix string) string {
	ends, byDefault, _ := strings.Cut(place, "|")
	switch prefix {
	case "":
		prefix = byDefault
	case NoPrefix:
		prefix = ""
	}
	if ends != "" && prefix != "" && !strings.ContainsAny(prefix[len(prefix)-1:], ends) {
		prefix += ends[:1]
	}
	return prefix
}

// prefixPlace returns what stands between {prefix and } in a template.
func prefixPlace(template string) (place string, found bool) {
	_, rest, found := strings.Cut(template, "{prefix")
	place, _, _ = strings.Cut(rest, "}")
	return place, found
}

// phpJSON is text as PHP's json_encode writes it: with \/ and \u, which a hash over it needs to the byte.
func phpJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\' || r == '/':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r <= 0x7f:
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return `"` + b.String() + `"`
}
