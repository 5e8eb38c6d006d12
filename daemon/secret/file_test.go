package secret_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxtokend/daemon/secret"
)

func TestReadFile(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"nothing added", canary, canary},
		{"line feed", canary + "\n", canary},
		{"as on Windows", canary + "\r\n", canary},
		{"spaces belong to it", " " + canary + " \n", " " + canary + " "},
		{"not ASCII", "密码\n", "密码"},
		{"longest", strings.Repeat("x", 4096), strings.Repeat("x", 4096)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := secret.ReadFile(t.Context(), file(t, tt.content))
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
		name, path, want string
	}{
		{"missing", missing, "no such file"},
		{"empty", file(t, ""), "is empty"},
		{"only a line break", file(t, "\n"), "is empty"},
		{"only a line break of Windows", file(t, "\r\n"), "is empty"},
		{"only blanks", file(t, " \t\n"), "is empty"},
		{"directory", t.TempDir(), "not a regular file"},
		{"device", "/dev/zero", "not a regular file"},
		{"pipe", pipe(t), "not a regular file"},
		{"socket", socket(t), "not a regular file"},
		{"byte order mark", file(t, "\ufeff"+canary), ""},
		{"UTF-16", file(t, "\xff\xfe"+strings.Join(strings.Split(canary, ""), "\x00")+"\x00"), ""},
		{"GBK", file(t, canary+"\xc3\xdc"), ""},
		{"NUL at the end", file(t, canary+"\x00"), ""},
		{"second line", file(t, canary+"\nb\n"), ""},
		{"second line break", file(t, canary+"\n\n"), ""},
		{"tabulator", file(t, canary+"\tb"), ""},
		{"too long", file(t, strings.Repeat(canary, 257)), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := secret.ReadFile(t.Context(), tt.path)
			if err == nil || got != "" {
				t.Fatalf("secret of %d bytes, error %v", len(got.Reveal()), err)
			}
			if text := err.Error(); !strings.Contains(text, tt.path) || !strings.Contains(text, tt.want) ||
				strings.Contains(text, canary) {
				t.Errorf("error %q should name the file, %q and nothing of its content", text, tt.want)
			}
		})
	}
}

// TestReadAnyTakesAPipe: a configuration may come from a shell's <(command).
func TestReadAnyTakesAPipe(t *testing.T) {
	path := pipe(t)
	go func() { _ = os.WriteFile(path, []byte(canary), 0o600) }()
	if got, err := secret.ReadAny(t.Context(), path, 100); string(got) != canary || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A pipe that is opened without a writer hangs as a dead mount does: in a
// system call that nobody can call off. Its directory is closed until then,
// all others are open, and asking again costs no further thread.
func TestAHangingFileSystemCostsItsTimeAlone(t *testing.T) {
	path := pipe(t)
	sibling := filepath.Join(filepath.Dir(path), "sibling")
	if err := os.WriteFile(sibling, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := secret.ReadAny(ctx, path, 100); !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("error = %v", err)
		}
		if _, err := secret.ReadFile(ctx, sibling); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a file beside it: error = %v", err)
		}
		cancel()
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if n := strings.Count(string(stacks), "created by wxtokend/daemon/secret.bounded"); n != 1 {
		t.Errorf("%d goroutines hang, want 1", n)
	}
	if _, err := secret.ReadFile(t.Context(), file(t, canary)); err != nil {
		t.Errorf("a file elsewhere: %v", err)
	}
	// Ends the wait.
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.ReadFile(t.Context(), sibling); err != nil {
		t.Errorf("a file beside it, later: %v", err)
	}
}

func pipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func socket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return path
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
