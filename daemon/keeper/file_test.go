package keeper

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// TestFileTarget is written, asserted, left to who knows more, and removed in the end.
func TestFileTarget(t *testing.T) {
	inWorld(t, func(w *world) {
		path := filepath.Join(t.TempDir(), "token")
		w.aim(layout.Target{File: path, Format: layout.Raw}, 0o640)
		content := func() string {
			text, _ := os.ReadFile(path)
			return string(text)
		}
		look := func(err error) {
			r := w.looked()
			if err != nil {
				r = store.Result{Err: err}
			}
			w.errands, w.actions = nil, nil
			w.Take(r, w.spawn)
			w.run()
		}
		for range 4 {
			look(nil)
		}
		check(w, "the file", content(), "98_new")
		check(w, "written", w.counted("wxtokend_target_writes_total", "written"), 1)
		w.must(os.Remove(path))
		look(nil)
		check(w, "the file", content(), "98_new")
		// While Redis is away what is missing is written, and nothing else: who shares it may know more.
		w.must(os.WriteFile(path, []byte(newest), 0o600))
		time.Sleep(time.Minute)
		look(errAway)
		check(w, "somebody else's", content(), newest.Reveal())
		w.must(os.Remove(path))
		look(errAway)
		check(w, "the file", content(), "98_new")
		time.Sleep(2 * time.Hour)
		look(errAway)
		check(w, "after its end", content(), "")
		w.must(os.WriteFile(path, []byte(newest), 0o600))
		look(errAway)
		check(w, "somebody else's", content(), newest.Reveal())
		w.must(os.Remove(path))
		w.must(os.Mkdir(path, 0o700))
		look(nil)
		check(w, "said", w.said("could not write the file"), 1)
		look(nil)
		check(w, "said", w.said("could not write the file"), 1)
	})
}

// TestFileMode is brought back as content is, is nobody's token, and is not fought
// for where a file system has modes of its own.
func TestFileMode(t *testing.T) {
	inWorld(t, func(w *world) {
		path := filepath.Join(t.TempDir(), "token")
		w.aim(layout.Target{File: path, Format: layout.Raw}, 0o640)
		file := w.targets.files[0]
		look := func() {
			w.errands, w.actions = nil, nil
			w.Take(w.looked(), w.spawn)
			w.run()
		}
		for range 3 {
			look()
		}
		for _, tt := range []struct {
			found, configured, want fs.FileMode
			writes                  float64
		}{
			{0o640, 0o640, 0o640, 1}, {0o666, 0o640, 0o640, 2}, {0o640, 0o640, 0o640, 2}, {0o666, 0o640, 0o640, 3},
			{0o640, 0o604, 0o604, 4}, {0o604, 0o604, 0o604, 4},
		} {
			if tt.writes > 1 {
				w.must(os.Chmod(path, tt.found))
			}
			file.Mode = tt.configured
			look()
			info, err := os.Stat(path)
			w.must(err)
			check(w, "the mode", info.Mode(), tt.want)
			check(w, "written", w.counted("wxtokend_target_writes_total", "written"), tt.writes)
		}
		check(w, "an app that fetches its own token", w.said("an app fetches"), 0)
		for range 3 {
			w.must(os.Chmod(path, 0o777))
			look()
			w.must(os.Chmod(path, 0o777))
		}
		check(w, "written without modes", w.counted("wxtokend_target_writes_total", "written"), 5)
	})
}

// TestFileSystemThatHangs is left alone for a while, and said once: F4. It hangs in
// the kernel, of which virtual time knows nothing.
func TestFileSystemThatHangs(t *testing.T) {
	b := newBench(t, policyOf("stable"), false)
	b.redisTimeout = 50 * time.Millisecond
	dir := t.TempDir()
	pipe, path := filepath.Join(dir, "pipe"), filepath.Join(dir, "token")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), b.redisTimeout)
	defer cancel()
	if _, err := secret.ReadAny(ctx, pipe, 1); err == nil {
		t.Fatal("it does not hang")
	}
	// Whoever waits for its writer has the turn of the whole directory.
	defer func() { _ = os.WriteFile(pipe, nil, 0o600) }()
	w := &world{bench: b}
	w.aim(layout.Target{File: path, Format: layout.Raw}, 0o600)
	for range 3 {
		b.take()
		for _, action := range b.actions {
			action(t.Context())
		}
	}
	check(t, "said", b.said("could not write the file"), 1)
	check(t, "to do", b.toFile(), 0)
	check(t, "ready", b.Brief().Ready, true)
}
