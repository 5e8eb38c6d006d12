package secret_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxtokend/daemon/secret"
)

func TestReadFile(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"nothing added", canary, canary},
		{"line feed", canary + "\n", canary},
		{"as on Windows", canary + "\r\n", canary},
		{"one line break only", canary + "\n\n", canary + "\n"},
		{"spaces belong to it", " " + canary + " \n", " " + canary + " "},
		{"line break inside", "a\nb\n", "a\nb"},
		{"not ASCII", "密码\n", "密码"},
		{"longest", strings.Repeat("x", 4096), strings.Repeat("x", 4096)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := secret.ReadFile(file(t, tt.content))
			if err != nil {
				t.Fatal(err)
			}
			if got.Reveal() != tt.want {
				t.Errorf("secret = %q, want %q", got.Reveal(), tt.want)
			}
		})
	}
}

func TestReadFileRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tt := range []struct {
		name, path string
		want       error
	}{
		{"missing", missing, fs.ErrNotExist},
		{"empty", file(t, ""), secret.ErrEmpty},
		{"only a line break", file(t, "\n"), secret.ErrEmpty},
		{"only a line break of Windows", file(t, "\r\n"), secret.ErrEmpty},
		{"directory", t.TempDir(), nil},
		{"too long", file(t, strings.Repeat(canary, 257)), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := secret.ReadFile(tt.path)
			if err == nil || got != "" {
				t.Fatalf("secret of %d bytes, error %v", len(got.Reveal()), err)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.path) || strings.Contains(err.Error(), canary) {
				t.Errorf("error %q should name the file and nothing of its content", err)
			}
		})
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
