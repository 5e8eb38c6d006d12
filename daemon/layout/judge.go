package layout

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// Found is what lies at a mirror's place.
type Found struct {
	// Value is that of a string or a file, and Fields are those of a hash; both are empty where nothing lies.
	Value  secret.Secret
	Fields map[string]secret.Secret
	// TTL is negative of a key without one. Of a file it has no meaning.
	TTL time.Duration
	// Other says that something of another type lies there, such as a hash where a string is expected.
	Other bool
}

// Verdict is what a look at a mirror says.
type Verdict string

const (
	// Ours is what the entry says, and ends when it does.
	Ours Verdict = "ours"
	// Missing is nothing at all.
	Missing Verdict = "missing"
	// Outdated is of the same token, or of one before it, but not what the entry says: it was written before a
	// refresh or with another form, or ends at another time.
	Outdated Verdict = "outdated"
	// Foreign is somebody else's: an app fetched its own token, or keeps something else there.
	Foreign Verdict = "foreign"
)

// slack is by how much two measurements of the same end may differ.
const slack = time.Second

// Judge compares what lies there with the entry, which has to be made with the same now as found was looked at.
// before are tokens that this mirror may have held earlier: right after a refresh the last one still lies there.
func (e Entry) Judge(found Found, before ...secret.Token) Verdict {
	text := found.text()
	switch {
	case text == "" && !found.Other:
		return Missing
	case !found.Other && e.same(found):
		return Ours
	case e.isExpiry():
		// An expiry holds no token, so that nobody can tell whose it is.
		return Outdated
	}
	for _, token := range append(before, e.token) {
		if token != "" && strings.Contains(text, token.Reveal()) {
			return Outdated
		}
	}
	return Foreign
}

// isExpiry tells whether the mirror holds the end of a token without the token.
func (m Mirror) isExpiry() bool { return m.Form == Raw && m.holds != "" }

func (e Entry) same(found Found) bool {
	ends := e.File != "" || (found.TTL-e.TTL).Abs() <= slack
	if e.shared {
		// Another agent's later end does for ours: each token ends with its own key.
		until, err := strconv.ParseInt(found.Value.Reveal(), 10, 64)
		return err == nil && until >= e.ends.Unix() && (found.TTL < 0 || found.TTL >= e.TTL-slack)
	}
	if e.Form != Hash {
		return ends && found.Value.Reveal() == e.value
	}
	for i := 0; i < len(e.fields); i += 2 {
		if found.Fields[e.fields[i]].Reveal() != e.fields[i+1] {
			return false
		}
	}
	return ends
}

// text is all that was found, in which a token may be.
func (f Found) text() string {
	var b strings.Builder
	b.WriteString(f.Value.Reveal())
	for value := range maps.Values(f.Fields) {
		b.WriteString("\n" + value.Reveal())
	}
	return b.String()
}

// Clash says why two mirrors cannot both be, "" if they can: they have one place, and differ in what they put there.
func Clash(a, b Mirror) string {
	switch {
	case a.Key.text != b.Key.text || a.File != b.File || a.shared && b.shared:
		return ""
	case a.whose != b.whose:
		return fmt.Sprintf("two credentials would write %v", a)
	case a.Form == b.Form && a.holds == b.holds && a.offset == b.offset:
		return ""
	}
	const cure = "give one of the apps a prefix or a Redis database of its own"
	return fmt.Sprintf("%s looks for %s at %v, and %s for %s: %s", a.reader(), a.form(), a, b.reader(), b.form(), cure)
}

func (m Mirror) reader() string {
	if m.Reader == "" {
		return "a target with a key of its own"
	}
	return m.Reader
}

// form describes the bytes.
func (m Mirror) form() string {
	if m.holds == "" {
		return string(m.Form)
	}
	return fmt.Sprintf("%s with %s", m.Form, m.holds)
}
