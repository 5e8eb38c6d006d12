package web

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"plain, 公众号　and é":      "plain, 公众号　and é",
		"two\r\nlines\tand tab": "two  lines and tab",
		"\x1b[31mred\x00\x7f":   `\x1b[31mred\x00\x7f`,
		"a\u202eb\u2066c\ufeff": `a\u202eb\u2066c\ufeff`,
		"a\u2028b\u200bc":       `a\u2028b\u200bc`,
		"\xff\xfe ok":           "\ufffd\ufffd ok",
		"\U000e0041":            `\U000e0041`,
		"exactly-20-chars-公众号":  "exactly-20-chars-公众号",
		"one more than 20 公众号x": "one more than 20 公众号… (1 bytes more)",
	} {
		if got := printable(text, 20); got != want {
			t.Errorf("printable(%q) = %q, want %q", text, got, want)
		}
	}
	if got := printable(strings.Repeat("公", 100_000), 3); got != "公公公… (299991 bytes more)" {
		t.Errorf("%q", got)
	}
}

// Whatever comes in, what goes out has only what a person can see, on one line
// of a bounded length.
func FuzzPrintable(f *testing.F) {
	for _, text := range []string{"", "plain", "公众号", "a\r\nb\tc", "\x1b]0;title\x07", "\u202eabc",
		"\x85", "\xff\xfe"} {
		f.Add(text, 5)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = max(0, most%1000)
		got := printable(text, most)
		for _, r := range got {
			if !unicode.IsGraphic(r) {
				t.Fatalf("printable(%q) = %q", text, got)
			}
		}
		longest := most*len(`\U0010ffff`) + len("… (1000000000 bytes more)")
		if !utf8.ValidString(got) || len(got) > longest {
			t.Errorf("printable(%q) = %q", text, got)
		}
	})
}
