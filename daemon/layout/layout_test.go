package layout_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

func TestEncodeGolden(t *testing.T) {
	noon := time.UnixMilli(1479300000000)
	for _, tt := range []struct {
		name      string
		format    layout.Format
		token     secret.Token
		expiresIn time.Duration
		expiresAt time.Time
		offset    string
		want      string
	}{
		{"as the C# code of 2016 writes it", layout.JSON, "57_abc", 2 * time.Hour, noon, "+0800",
			`{"access_token":"57_abc","expires_in":7200,"expiresAt":"\/Date(1479300000000+0800)\/"}`},
		{"milliseconds", layout.JSON, "57_abc", 2 * time.Hour, noon.Add(123 * time.Millisecond), "+0800",
			`{"access_token":"57_abc","expires_in":7200,"expiresAt":"\/Date(1479300000123+0800)\/"}`},
		{"any zone", layout.JSON, "57_abc", 2 * time.Hour, noon, "-0000",
			`{"access_token":"57_abc","expires_in":7200,"expiresAt":"\/Date(1479300000000-0000)\/"}`},
		{"the instant does not depend on its location", layout.JSON, "57_abc", 2 * time.Hour,
			noon.In(time.FixedZone("", -9*3600)), "-0930",
			`{"access_token":"57_abc","expires_in":7200,"expiresAt":"\/Date(1479300000000-0930)\/"}`},
		{"a fraction of a second", layout.JSON, "57_abc", 7199500 * time.Millisecond, noon, "+0800",
			`{"access_token":"57_abc","expires_in":7199.5,"expiresAt":"\/Date(1479300000000+0800)\/"}`},
		{"never an exponent", layout.JSON, "57_abc", 2592000 * time.Second, noon, "+0800",
			`{"access_token":"57_abc","expires_in":2592000,"expiresAt":"\/Date(1479300000000+0800)\/"}`},
		{"before 1970", layout.JSON, "57_abc", 0, time.UnixMilli(-1), "+0800",
			`{"access_token":"57_abc","expires_in":0,"expiresAt":"\/Date(-1+0800)\/"}`},
		{"quote, backslash and what HTML minds", layout.JSON, `a"b\c<>&'/d`, 2 * time.Hour, noon, "+0800",
			`{"access_token":"a\"b\\c<>&'/d","expires_in":7200,"expiresAt":"\/Date(1479300000000+0800)\/"}`},
		{"raw", layout.Raw, `a"b\c<>&`, 2 * time.Hour, noon, "+0800", `a"b\c<>&`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, "value", layout.Target{Format: tt.format, UTCOffset: tt.offset}.Encode(
				tt.token, tt.expiresIn, tt.expiresAt), tt.want)
		})
	}
}

// readCSharp reads a value by the rules of the reader of 2016 (ServiceStack.Text
// v3: DateTimeSerializer.ParseWcfJsonDate) in its zone: a wall clock without a
// zone, which it then compares with DateTime.Now. The result is the instant at
// which that comparison turns.
func readCSharp(t testing.TB, value string, zone *time.Location) time.Time {
	t.Helper()
	var object struct {
		ExpiresAt string `json:"expiresAt"`
	}
	if err := json.Unmarshal([]byte(value), &object); err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`^/Date\((-?\d+)([+-]\d{4})?\)/$`).FindStringSubmatch(object.ExpiresAt)
	if parts == nil {
		t.Fatalf("%q is no date of WCF", object.ExpiresAt)
	}
	ms, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	utc := time.UnixMilli(ms).UTC()
	var wall time.Time // its fields count, its location does not
	switch offset := parts[2]; offset {
	case "":
		wall = utc // "when no timezone offset is supplied, then treat the time as UTC"
	case "-0000":
		wall = utc.In(zone) // UnspecifiedOffset: ToLocalTime
	default:
		hours, _ := strconv.Atoi(offset[1:3])
		minutes, _ := strconv.Atoi(offset[3:])
		span := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
		if offset[0] == '-' {
			span = -span
		}
		wall = utc.Add(span)
	}
	year, month, day := wall.Date()
	hour, minute, second := wall.Clock()
	return time.Date(year, month, day, hour, minute, second, wall.Nanosecond(), zone)
}

func TestReaderOf2016ReadsTheSameInstant(t *testing.T) {
	shanghai, utc := time.FixedZone("Asia/Shanghai", 8*3600), time.UTC
	kolkata, marquesas := time.FixedZone("Asia/Kolkata", 5*3600+1800), time.FixedZone("Pacific/Marquesas", -9*3600-1800)
	instant := time.UnixMilli(1479300000123).UTC()
	for _, tt := range []struct {
		offset string
		zone   *time.Location
		wrong  time.Duration // 0: the reader is right
	}{
		{"+0800", shanghai, 0},
		{"-0000", shanghai, 0},
		{"-0000", utc, 0},
		{"-0000", kolkata, 0},
		{"-0000", marquesas, 0},
		{"+0000", utc, 0},
		{"+0530", kolkata, 0},
		{"-0930", marquesas, 0},
		// Why utc_offset can be configured:
		{"+0800", utc, 8 * time.Hour},
		{"+0000", shanghai, -8 * time.Hour},
	} {
		t.Run(tt.offset+" in "+tt.zone.String(), func(t *testing.T) {
			value := layout.Target{Format: layout.JSON, UTCOffset: tt.offset}.Encode("57_abc", 2*time.Hour, instant)
			check(t, "instant", readCSharp(t, value, tt.zone).Sub(instant), tt.wrong)
		})
	}
}

func TestDecode(t *testing.T) {
	long := token(1).Reveal()
	for _, tt := range []struct{ name, text, want string }{
		{"raw", long, long},
		{"raw, as a JSON string", `"` + long + `"`, long},
		{"raw, with everything a token has", strings.Repeat("aZ09_-", 14), strings.Repeat("aZ09_-", 14)},
		{"raw, shortest", strings.Repeat("x", 32), strings.Repeat("x", 32)},
		{"raw, longest", strings.Repeat("x", 512), strings.Repeat("x", 512)},
		{"our JSON", layout.Target{Format: layout.JSON, UTCOffset: "+0800"}.Encode(
			token(1), 2*time.Hour, time.UnixMilli(1479300000000)), long},
		{"JSON, other members", `{"errcode":0,"access_token":"57_abc","x":{"y":[null]}}`, "57_abc"},
		{"JSON, names as C# matches them", `{"Access_Token":"57_abc"}`, "57_abc"},
		{"JSON, spaces", "{\n \"access_token\" : \"57_abc\"\n}\n", "57_abc"},
		{"JSON, escapes", `{"access_token":"a\"b\\c\u003c\/"}`, `a"b\c</`},
		{"JSON, longest", `{"access_token":"` + strings.Repeat("~", 512) + `"}`, strings.Repeat("~", 512)},

		{"nothing", "", ""},
		{"a word", "garbage", ""},
		{"null", "null", ""},
		{"a number", "1479300000123", ""},
		{"raw, too short", strings.Repeat("x", 31), ""},
		{"raw, too long", strings.Repeat("x", 513), ""},
		{"raw, line break", long + "\n", ""},
		{"raw, space", long + " x", ""},
		{"raw, not a token's letter", long + "=", ""},
		{"raw, Chinese", strings.Repeat("中", 40), ""},
		{"an open quote", `"` + long, ""},
		{"a JSON array", `["` + long + `"]`, ""},
		{"empty object", `{}`, ""},
		{"JSON, empty token", `{"access_token":""}`, ""},
		{"JSON, null", `{"access_token":null}`, ""},
		{"JSON, a number", `{"access_token":7}`, ""},
		{"JSON, an object", `{"access_token":{}}`, ""},
		{"JSON, too long", `{"access_token":"` + strings.Repeat("x", 513) + `"}`, ""},
		{"JSON, space", `{"access_token":"a b"}`, ""},
		{"JSON, line break at the end", `{"access_token":"abc\n"}`, ""},
		{"JSON, control character", `{"access_token":"abc\u0000"}`, ""},
		{"JSON, Chinese", `{"access_token":"中"}`, ""},
		{"JSON, truncated", `{"access_token":"57_abc"`, ""},
		{"JSON, something behind", `{"access_token":"57_abc"} x`, ""},
		{"JSON, another name", `{"AccessToken":"57_abc"}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := layout.Decode(tt.text); got.Reveal() != tt.want {
				t.Errorf("token of %q = %q, want %q", tt.text, got.Reveal(), tt.want)
			}
		})
	}
}

// usable says what a token may be, by hand.
func usable(text string) bool {
	for _, b := range []byte(text) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return len(text) >= 1 && len(text) <= 512
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "garbage", token(1).Reveal(), `"` + token(1).Reveal() + `"`, `{"access_token":"a\u0000b"}`,
		`{"access_token":"` + "\xff" + `"}`,
		layout.Target{Format: layout.JSON, UTCOffset: "-0000"}.Encode(token(1), time.Hour, time.UnixMilli(1479300000000)),
		`{"access_token":"x","access_token":"\n"}`, "{", `"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := layout.Decode(text).Reveal()
		if got != "" && !usable(got) {
			t.Errorf("token of %q = %q", text, got)
		}
		// Two replicas with different formats must agree.
		if got != "" && layout.Decode(layout.Target{Format: layout.JSON, UTCOffset: "+0800"}.Encode(
			secret.Token(got), time.Hour, time.UnixMilli(0))).Reveal() != got {
			t.Errorf("%q is not read back from the other format", got)
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add(token(1).Reveal(), int64(7200000), int64(1479300000123))
	f.Add(`a"b\c<>&'/`, int64(7199500), int64(0))
	f.Add(strings.Repeat("~", 512), int64(1), int64(4102444800000))
	bare := regexp.MustCompile(`^[0-9A-Za-z_-]{32,}$`)
	f.Fuzz(func(t *testing.T, text string, life, expires int64) {
		if !usable(text) || life <= 0 || life > 2592000_000 || expires < 0 || expires > 1<<42 {
			t.Skip("nothing that WeChat could send")
		}
		for _, offset := range []string{"+0800", "-0000"} {
			at := time.UnixMilli(expires)
			value := layout.Target{Format: layout.JSON, UTCOffset: offset}.Encode(
				secret.Token(text), time.Duration(life)*time.Millisecond, at)
			if got := layout.Decode(value).Reveal(); got != text {
				t.Errorf("%q is read back as %q", text, got)
			}
			var object struct {
				ExpiresIn float64 `json:"expires_in"`
			}
			if err := json.Unmarshal([]byte(value), &object); err != nil || int64(object.ExpiresIn*1000+0.5) != life {
				t.Errorf("expires_in of %s = %v (%v), want %d ms", value, object.ExpiresIn, err, life)
			}
			if end, named := layout.End(value); !named || !end.Equal(at) {
				t.Errorf("%s ends at %v, want %v", value, end, at)
			}
			if got := readCSharp(t, value, time.FixedZone("", 8*3600)); !got.Equal(at) {
				t.Errorf("a reader in China takes %v for %v", at, got)
			}
		}
		raw := layout.Target{Format: layout.Raw, UTCOffset: ""}.Encode(secret.Token(text), time.Hour, time.UnixMilli(0))
		check(t, "raw", raw, text)
		if bare.MatchString(text) {
			check(t, "raw, read back", layout.Decode(raw).Reveal(), text)
		}
	})
}

func check[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// token is as long as WeChat's are.
func token(n int) secret.Token { return secret.Token(fmt.Sprintf("57_%0109d", n)) }
