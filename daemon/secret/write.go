package secret

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Write makes content that of the file at path. Readers find the old content or
// the new one and never a part: it is written beside and renamed, and is on the
// disk before it has the name. It ends with ctx, as Read does; what hangs then ends
// later, or never, but before anything else begins in its directory. The error is
// an *fs.PathError.
func Write(ctx context.Context, path string, content Secret, mode fs.FileMode) error {
	_, err := bounded(ctx, path, func() (struct{}, error) { return struct{}{}, replace(path, content, mode) })
	return changing(err)
}

// Remove removes the file at path, and says whether there was one. It ends with
// ctx, as Read does.
func Remove(ctx context.Context, path string) (removed bool, err error) {
	removed, err = bounded(ctx, path, func() (bool, error) {
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
	return removed, changing(err)
}

// changing says of err that it was no reading that failed.
func changing(err error) error {
	if inPath, ok := errors.AsType[*fs.PathError](err); ok {
		inPath.Op = "write"
	}
	return err
}

// beside marks what is written beside a file.
const beside = ".wxtokend-"

func replace(path string, content Secret, mode fs.FileMode) error {
	dir, name := filepath.Split(path)
	sweep(dir, "."+name+beside)
	f, err := os.CreateTemp(dir, "."+name+beside+"*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(content.Reveal())
	// Nobody reads an empty file after the host has died.
	err = cmp.Or(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// sweep removes what processes have left behind that died between the two. What
// is younger may be another process' at work.
func sweep(dir, prefix string) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasPrefix(entry.Name(), prefix) && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
}
