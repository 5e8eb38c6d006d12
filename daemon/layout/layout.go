// Package layout knows how a token lies in Redis for its readers.
package layout

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// Format is how a token is written under the key that readers read.
type Format string

const (
	// JSON is {"access_token":"…","expires_in":7200,"expiresAt":"\/Date(1479300000000+0800)\/"},
	// byte for byte what ServiceStack.Text v3 writes for a local DateTime.
	JSON Format = "json"
	// Raw is the token alone.
	Raw Format = "raw"
	// JSONString is the token in quotes.
	JSONString Format = "json_string"
	// JSONObject is {"access_token":"…","expires_in":7200}, of a ticket {"ticket":"…","expires_in":7200}.
	JSONObject Format = "json_object"
	// PHPString is the token as PHP's serialize writes it.
	PHPString Format = "php_string"
	// PHPArray is the array of the members of JSONObject, as PHP's serialize writes it.
	PHPArray Format = "php_array"
	// Hash is a hash of Redis with the members of JSONObject, and expires_at in seconds since 1970.
	Hash Format = "hash"
)

// Formats returns all formats.
func Formats() []Format {
	return []Format{JSON, Raw, JSONString, JSONObject, PHPString, PHPArray, Hash}
}

// Target is where a reader looks, and in which form: one of Layout, Key and File. The zero value of the rest is what
// a credential's own key has, in the formats JSON and Raw.
type Target struct {
	// Format of a layout is its own, or "".
	Format Format
	// UTCOffset is that of expiresAt in JSON as "+hhmm" or "-hhmm": a reader of 2016 takes
	// the date in its own zone and ignores the instant unless the two agree;
	// "-0000" is right in every zone.
	UTCOffset string
	// Layout is the name of one; see Layouts.
	Layout string
	// Key is a key in Redis, and File the path of a file.
	Key, File string
	// Prefix replaces the one that an SDK puts before its keys by default; NoPrefix is none at all.
	Prefix string
	// Mini says that the app has a mini program, where its SDK has other keys for it.
	Mini bool
	// SecretInKey permits keys that hold the AppSecret itself, and keeps them from being shown.
	SecretInKey bool
}

// Encode renders a token as JSON or Raw. expiresIn is the lifetime that WeChat
// sent with it.
func (t Target) Encode(token secret.Token, expiresIn time.Duration, expiresAt time.Time) string {
	if t.Format == Raw {
		return token.Reveal()
	}
	// Of printable ASCII, ServiceStack.Text escapes these two. encoding/json would also turn <, > and & into \u escapes.
	escaped := strings.ReplaceAll(strings.ReplaceAll(token.Reveal(), `\`, `\\`), `"`, `\"`)
	return fmt.Sprintf(`{"access_token":"%s","expires_in":%s,`+dated+`%d%s)\/"}`,
		escaped, strconv.FormatFloat(expiresIn.Seconds(), 'f', -1, 64), expiresAt.UnixMilli(), t.UTCOffset)
}

// tokenForm is what a bare string must look like to be taken for somebody's
// token: the shortest seen had 86 characters, always of this alphabet.
const tokenForm = `[A-Za-z0-9_-]{32,}`

var tokenLike, tokenWithin = regexp.MustCompile(`^` + tokenForm + `$`), regexp.MustCompile(tokenForm)

// HoldsToken says that there is something in the text that could be a token, in whatever form.
func HoldsToken(text string) bool { return tokenWithin.MatchString(text) }

// Decode finds the token in whatever lies under the key, in either format
// and whoever wrote it, so that replicas with different formats agree. It
// returns "" for garbage. A token inside a JSON object was put there on
// purpose; a bare string, in quotes or not, has to look like a token.
func Decode(text string) secret.Token {
	if strings.HasPrefix(text, "{") {
		var object struct {
			AccessToken string `json:"access_token"`
		}
		if json.Unmarshal([]byte(text), &object) != nil {
			return ""
		}
		return secret.NewToken(object.AccessToken)
	}
	// What is no JSON string stays as it is.
	_ = json.Unmarshal([]byte(text), &text)
	if !tokenLike.MatchString(text) {
		return ""
	}
	return secret.NewToken(text)
}

// dated is how the JSON that Encode makes names its end: in milliseconds since 1970.
const dated = `"expiresAt":"\/Date(`

// End is when the token under the key ends, if the text names that.
func End(text string) (at time.Time, named bool) {
	_, date, _ := strings.Cut(text, dated)
	digits := len(date) - len(strings.TrimLeft(date, "0123456789"))
	milliseconds, err := strconv.ParseInt(date[:digits], 10, 64)
	return time.UnixMilli(milliseconds), err == nil
}
