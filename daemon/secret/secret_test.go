package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"wxtokend/daemon/secret"
)

const canary = "CANARY0123456789"

func TestNoFormattingPathReachesTheText(t *testing.T) {
	type holder struct {
		Token  secret.Token
		Secret secret.Secret
		URL    secret.URL
		Nested []any
	}
	address := secret.URL("redis://" + canary + ":" + canary + "@h:1/0")
	h := holder{canary, canary, address, []any{secret.Token(canary), secret.Secret(canary), address}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s"} {
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+verb+verb+"\n", h.Token, h.Secret, h.URL)
		fmt.Fprintf(&out, verb+"\n", &h)
	}
	fmt.Fprintln(&out, fmt.Errorf("wrapped: %w", fmt.Errorf("inner %v", h)))
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("log", "holder", h, "token", h.Token, "secret", h.Secret, "url", h.URL)
	}
	encoded, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)

	hex := fmt.Sprintf("%x", canary)
	for _, leak := range []string{canary, hex, strings.ToUpper(hex), canary[:3]} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("output contains %q:\n%s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), "token:"+h.Token.Fingerprint()) {
		t.Errorf("a token should print its fingerprint:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "redis://redacted@h:1/0") {
		t.Errorf("an address should print itself without user and password:\n%s", out.String())
	}
}

func TestFingerprint(t *testing.T) {
	// printf abc | sha256sum
	if got := secret.Token("abc").Fingerprint(); got != "ba7816bf" {
		t.Errorf("fingerprint = %q", got)
	}
	if got := secret.Token("").Fingerprint(); got != "" {
		t.Errorf("fingerprint of nothing = %q", got)
	}
}

func TestIs(t *testing.T) {
	token := secret.Token(canary)
	if !token.Is(token.Fingerprint()) || token.Is("00000000") || token.Is("") || secret.Token("").Is("") {
		t.Error("a token is known by its fingerprint, and no other one by that")
	}
}

func TestNewToken(t *testing.T) {
	for text, want := range map[string]bool{
		"!": true, "57_a-Z~": true, strings.Repeat("~", 512): true,
		"": false, strings.Repeat("~", 513): false, "a b": false, "a\n": false, "a\x7f": false, "票": false, "\xff": false,
	} {
		if got := secret.NewToken(text).Reveal(); (got != "") != want || want && got != text {
			t.Errorf("%q: %q", text, got)
		}
	}
}
