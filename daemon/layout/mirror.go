package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// Mirror is one key or file that shows a token. It is comparable, and says all that its bytes depend on but the token.
type Mirror struct {
	// Key is one in Redis, or File is the path of a file.
	Key  Key
	File string
	// Reader is the name of the layout, "" of a free target.
	Reader string
	// Form is Hash for a hash of Redis, every other one for a string.
	Form Format

	holds, offset string
	early         time.Duration
	shared        bool
	// whose tells credentials apart.
	whose string
}

// String says where it is.
func (m Mirror) String() string {
	if m.File != "" {
		return m.File
	}
	return m.Key.String()
}

// Entry is what a Mirror holds for one token. It prints itself as its place.
type Entry struct {
	Mirror
	// TTL is how long it may lie there: to the token's end, or some seconds less. What is not longer than 0 must
	// not be written.
	TTL time.Duration

	token  secret.Token
	ends   time.Time
	value  string
	fields []string
}

// Entry returns what the mirror holds for a token. expiresIn is the life that WeChat sent with it; now and expiresAt
// are of one clock. The bytes do not depend on now.
func (m Mirror) Entry(token secret.Token, expiresIn time.Duration, expiresAt, now time.Time) Entry {
	g := grant{token, expiresIn, expiresAt}
	e := Entry{Mirror: m, TTL: expiresAt.Add(-m.early).Sub(now), token: token, ends: expiresAt}
	if token == "" {
		// Some SDKs hand out an empty token.
		e.TTL = 0
	}
	switch m.Form {
	case JSON:
		e.value = Target{Format: JSON, UTCOffset: m.offset}.Encode(token, expiresIn, expiresAt)
	case JSONObject:
		e.value = jsonObject(g.members(m.holds))
	case PHPArray:
		e.value = phpArray(g.members(m.holds))
	case Hash:
		for _, member := range g.members(m.holds) {
			e.fields = append(e.fields, member.name, member.text)
		}
	case JSONString:
		e.value = g.value(m.holds).json()
	case PHPString:
		e.value = g.value(m.holds).php()
	default:
		e.value = g.value(m.holds).text
	}
	return e
}

// Reveal returns what is to be written: a string, or the fields of a hash as name, value, name, value …
func (e Entry) Reveal() (value string, fields []string) { return e.value, e.fields }

// Format keeps every verb from reaching the token.
func (e Entry) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, e.String()) }

// grant is a token with its times.
type grant struct {
	token     secret.Token
	expiresIn time.Duration
	expiresAt time.Time
}

// value is one part of an entry.
type value struct {
	name, text string
	number     bool
}

// members reads the holds of a row.
func (g grant) members(holds string) []value {
	var all []value
	for _, field := range strings.Fields(holds) {
		name, what, _ := strings.Cut(field, "=")
		v := g.value(what)
		v.name = name
		all = append(all, v)
	}
	return all
}

// value returns what a row calls by that name. Times are whole seconds, as every SDK writes them.
func (g grant) value(what string) value {
	number := func(n int64) value { return value{text: strconv.FormatInt(n, 10), number: true} }
	switch what {
	case "life":
		return number(int64(g.expiresIn / time.Second))
	case "ends":
		return number(g.expiresAt.Unix())
	case "endsMilli":
		return number(g.expiresAt.UnixMilli())
	case "began":
		return number(g.expiresAt.Add(-g.expiresIn).Unix())
	case "zero":
		return number(0)
	case "ok":
		return value{text: "ok"}
	case "nonce":
		// Nobody can guess it who does not know the token, and every replica writes the same.
		sum := sha256.Sum256([]byte("nonce of " + g.token.Reveal()))
		return value{text: hex.EncodeToString(sum[:16])}
	}
	return value{text: g.token.Reveal()}
}

// json renders printable ASCII; see Target.Encode for why not with encoding/json.
func (v value) json() string {
	if v.number {
		return v.text
	}
	return strconv.Quote(v.text)
}

// php renders a value as PHP's serialize does, which counts bytes and escapes nothing.
func (v value) php() string {
	if v.number {
		return "i:" + v.text + ";"
	}
	return fmt.Sprintf(`s:%d:"%s";`, len(v.text), v.text)
}

func jsonObject(members []value) string {
	var parts []string
	for _, m := range members {
		parts = append(parts, strconv.Quote(m.name)+":"+m.json())
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func phpArray(members []value) string {
	var b strings.Builder
	for _, m := range members {
		b.WriteString(value{text: m.name}.php() + m.php())
	}
	return fmt.Sprintf("a:%d:{%s}", len(members), b.String())
}
