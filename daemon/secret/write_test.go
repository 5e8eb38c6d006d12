package secret_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxtokend/daemon/secret"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	for _, tt := range []struct {
		content secret.Secret
		mode    fs.FileMode
	}{{"first", 0o640}, {"another", 0o440}, {"", 0o600}, {secret.Secret(strings.Repeat("x", 4096)), 0o604}} {
		if err := secret.Write(t.Context(), path, tt.content, tt.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != tt.content.Reveal() {
			t.Errorf("%q, %v", got, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != tt.mode {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// Who reads while others write finds one of the two contents, whole.
func TestNobodyReadsHalf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	contents := []string{strings.Repeat("a", 4096), strings.Repeat("b", 512)}
	write := func(i int) {
		if err := secret.Write(t.Context(), path, secret.Secret(contents[i%2]), 0o600); err != nil {
			t.Error(err)
		}
	}
	write(0)
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for i := range 50 {
				write(i)
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != contents[0] && string(got) != contents[1] {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
}

func TestRemove(t *testing.T) {
	path := file(t, "x")
	for _, want := range []bool{true, false} {
		if removed, err := secret.Remove(t.Context(), path); err != nil || removed != want {
			t.Errorf("%v, %v", removed, err)
		}
	}
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing", "token")
	full := filepath.Join(dir, "full")
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{missing, full} {
		err := secret.Write(t.Context(), path, "CANARY", 0o600)
		inPath, ok := errors.AsType[*fs.PathError](err)
		if !ok || inPath.Op != "write" || inPath.Path != path || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%v", err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// One of a hundred is enough to show a mistake.
	for range 100 {
		path := filepath.Join(dir, "token")
		if err := secret.Write(ctx, path, "x", 0o600); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		// Its turn comes after that of what was called off.
		if _, err := secret.Read(t.Context(), path, 1); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%v: what was called off was written", err)
		}
	}
}

// What a process left beside that died is swept away; what another one is at
// work with stays.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{
		".token.wxtokend-1": 2 * time.Minute, ".token.wxtokend-2": 0, ".other.wxtokend-1": 2 * time.Minute,
		"token.old": 2 * time.Minute,
	} {
		path, at := filepath.Join(dir, name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := secret.Write(t.Context(), filepath.Join(dir, "token"), "x", 0o600); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if got := strings.Join(names, " "); got != ".other.wxtokend-1 .token.wxtokend-2 token token.old" {
		t.Error(got)
	}
}
