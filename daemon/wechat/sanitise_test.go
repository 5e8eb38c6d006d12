package wechat

import (
	"strings"
	"testing"
)

func TestSanitise(t *testing.T) {
	for text, want := range map[string]string{
		"invalid appsecret " + canarySecret:              "invalid appsecret [redacted]",
		"x" + canarySecret + "y" + canarySecret:          "x[redacted]y[redacted]",
		canarySecret[:5] + "\x00" + canarySecret[5:]:     "[redacted]",
		"token " + canaryToken + ".":                     "token [redacted].",
		"cut at its end: " + canarySecret[:31]:           "cut at its end: [redacted]",
		"cut at its start: " + canarySecret[1:] + "!":    "cut at its start: [redacted]!",
		"shouted: " + strings.ToUpper(canarySecret):      "shouted: [redacted]",
		"half: " + canarySecret[8:24]:                    "half: [redacted]",
		"a mask: 5ec2********900d":                       "a mask: 5ec2********900d",
		"half a mask: 5ec2e7c4a4a2****5ec2e7c4a4a2900d":  "half a mask: [redacted]****[redacted]",
		"seven: 5ec2e7c, eight: 5ec2e7c4":                "seven: 5ec2e7c, eight: [redacted]",
		"密钥" + canarySecret[3:] + "无效":                   "密钥[redacted]无效",
		strings.Repeat("x", 39):                          strings.Repeat("x", 39),
		strings.Repeat("系", 300):                         strings.Repeat("系", 200),
		strings.Repeat("ab ", 65) + canarySecret:         strings.Repeat("ab ", 65) + "[reda",
		"bad \xff\xfe utf-8":                             "bad  utf-8",
		"rid: 6125a48e-4bc55df9-6a1d6b57 https://a.cn/s": "rid: 6125a48e-4bc55df9-6a1d6b57 https://a.cn/s",
	} {
		if got := sanitise(text, canarySecret); got != want {
			t.Errorf("%q:\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestSanitiseKnowsTheFormInAURL(t *testing.T) {
	if got := sanitise("a+b%2Fc a%2Bb%252Fc", "a+b%2Fc"); got != "[redacted] [redacted]" {
		t.Error(got)
	}
	if got := sanitise("nothing to hide", ""); got != "nothing to hide" {
		t.Error(got)
	}
}

// A part of a secret that is not ASCII leaves no half of a character behind.
func TestRedactWithinACharacter(t *testing.T) {
	const hidden = "密码密码密码"
	for text, want := range map[string]string{
		"a密码密码b": "a[redacted]b",
		"码密码密":   "[redacted]",
		"密码是密码":  "密码是密码",
		"密码对":    "[redacted]",
	} {
		if got := redact(text, hidden); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// An errmsg of 64 KiB and the longest token: the time that a failure may take.
func BenchmarkRedact(b *testing.B) {
	text, hidden := strings.Repeat("abcdefg", maxBody/7), strings.Repeat("abcdefh", 512/7)
	for b.Loop() {
		redact(text, hidden)
	}
}
