package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxSecret bounds a secret's file, in bytes: whoever names the wrong file gets
// an error instead of a gigabyte.
const maxSecret = 4 << 10

// ReadFile reads the secret in a regular file and cuts one trailing newline,
// which editors and `echo` add. It ends with ctx, as Read does. The error is an
// *fs.PathError that says what Flaw found, never the content.
func ReadFile(ctx context.Context, path string) (Secret, error) {
	content, err := Read(ctx, path, maxSecret)
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if err := Flaw(text); err != nil {
		return "", &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return Secret(text), nil
}

// Flaw says why text can be no secret, nil if it can. All of it was seen in
// files that were written by an editor of Windows or by a shell.
func Flaw(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("is empty")
	case strings.HasPrefix(text, "\ufeff"):
		return errors.New("begins with a byte order mark: remove it")
	case strings.ContainsRune(text, 0) || !utf8.ValidString(text):
		return errors.New("is not UTF-8 text, as UTF-16 and GBK are not")
	case strings.ContainsAny(text, "\r\n"):
		return errors.New("must not contain a line break: it has to be one line")
	case strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("must not contain a control character")
	}
	return nil
}

// ErrNotRegular says that a pipe, a directory or a device has the name of a file.
var ErrNotRegular = errors.New("not a regular file")

// Read returns the content of a regular file of at most limit bytes. It ends
// with ctx or after ten seconds, whatever the file system does; an earlier
// read that hangs in the same directory counts. The error is an *fs.PathError.
func Read(ctx context.Context, path string, limit int64) ([]byte, error) {
	content, _, err := ReadWithMode(ctx, path, limit)
	return content, err
}

// ReadWithMode is Read, and says who else may read and write the file.
func ReadWithMode(ctx context.Context, path string, limit int64) ([]byte, fs.FileMode, error) {
	type file struct {
		content []byte
		mode    fs.FileMode
	}
	found, err := bounded(ctx, path, func() (file, error) {
		// Before it is opened: opening a pipe waits for its writer, and opening
		// a device may do anything.
		info, err := os.Stat(path)
		if err != nil {
			return file{}, err
		}
		if !info.Mode().IsRegular() {
			return file{}, ErrNotRegular
		}
		content, err := readAll(path, limit)
		return file{content, info.Mode().Perm()}, err
	})
	return found.content, found.mode, err
}

// ReadAny is Read for whatever can be opened: a shell hands over a pipe when it
// is told <(command).
func ReadAny(ctx context.Context, path string, limit int64) ([]byte, error) {
	return bounded(ctx, path, func() ([]byte, error) { return readAll(path, limit) })
}

func readAll(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("larger than %d KiB", limit>>10)
	}
	return content, err
}

// patience is for one file. A file system that answers at all answers sooner.
const patience = 10 * time.Second

// List returns the names in a directory, in their order. It ends with ctx, as Read does.
func List(ctx context.Context, dir string) ([]string, error) {
	return bounded(ctx, dir, func() (names []string, err error) {
		entries, err := os.ReadDir(dir)
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return names, err
	})
}

// bounded runs read in a goroutine of its own and leaves it behind when time is
// up: nobody can call off a system call that waits for a dead server.
func bounded[T any](ctx context.Context, path string, read func() (T, error)) (none T, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	leave, err := files.enter(ctx, path)
	if err != nil {
		return none, failed(path, err)
	}
	var content T
	done := make(chan error, 1)
	go func() {
		var err error
		content, err = read()
		leave()
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return none, failed(path, err)
	}
	return content, nil
}

// Reason is err without the path, which a message names by itself or keeps back.
func Reason(err error) error {
	if inPath, ok := errors.AsType[*fs.PathError](err); ok {
		return inPath.Err
	}
	return err
}

// failed gives every error one form.
func failed(path string, err error) error {
	err = Reason(err)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer: a file system that hangs, or a pipe into which nobody writes (%w)", err)
	}
	return &fs.PathError{Op: "read", Path: path, Err: err}
}
