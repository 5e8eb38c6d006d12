package secret_test

import (
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/testnet"
)

// What libraries pass over in silence is legal text, or else an error that names the line.
func TestReadPEM(t *testing.T) {
	signed, key, err := testnet.SelfSigned(&x509.Certificate{SerialNumber: big.NewInt(1)})
	if err != nil {
		t.Fatal(err)
	}
	cert, bom := string(signed), "\ufeff"
	lines := strings.SplitAfter(cert, "\n")
	second := func(line string) string { return cert + strings.Replace(cert, lines[1], line, 1) }
	next := strings.Count(cert, "\n") + 1
	var wide strings.Builder
	for _, unit := range utf16.Encode([]rune(cert)) {
		wide.Write([]byte{byte(unit), byte(unit >> 8)})
	}
	for _, tt := range []struct {
		name, content string
		line          int // of the error, 0 for none
	}{
		{"one block", cert, 0},
		{"lines of Windows", strings.ReplaceAll(cert, "\n", "\r\n"), 0},
		{"a key and its parameters", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" +
			string(key), 0},
		{"a mark at the start", bom + cert, 0},
		{"a mark amid a bundle", cert + bom + cert, 0},
		{"a mark on the last line", strings.TrimSuffix(cert, "\n") + "\n" + bom + cert, 0},
		{"text between", "Certificate:\n    Data: é\xe9\n" + cert + "subject=CN = a\n# -----BEGIN of the next\n" + cert, 0},
		{"text alone", "no certificate", 0},
		{"nothing", "", 0},
		{"a file without an end of its line before", strings.TrimSuffix(cert, "\n") + cert, 1},
		{"a cut block", cert + cert[:len(cert)-40], next},
		{"a cut block before another", cert + cert[:len(cert)/2] + "\n" + cert, next},
		{"a character that is none", second("!" + lines[1][1:]), next},
		{"a line that is missing", second(""), next},
		{"another end", cert + strings.Replace(cert, "END CERTIFICATE", "END CERTIFICAT", 1), next},
		{"an indented block", cert + "  " + strings.ReplaceAll(cert, "\n", "\n  "), next},
		{"UTF-16 behind", cert + wide.String(), next},
	} {
		path := filepath.Join(t.TempDir(), "a.pem")
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		content, err := secret.ReadPEM(t.Context(), path)
		switch {
		case tt.line == 0 && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.line == 0 && (strings.Contains(string(content), bom) ||
			len(content) != len(strings.ReplaceAll(tt.content, bom, ""))):
			t.Errorf("%s: read %q", tt.name, content)
		case tt.line > 0:
			want := "read " + path + ": line " + big.NewInt(int64(tt.line)).String() + ": "
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", tt.name, err, want)
			}
		}
	}
}
