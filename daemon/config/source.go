package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"wxtokend/daemon/secret"
)

// Source is where a configuration comes from: a file, the directory
// credentials.d beside it, and the environment.
type Source struct {
	// Path is that of the file. WXTOKEND_CONFIG names another one, unless somebody
	// chose this one, which is Explicit then and has to be there.
	Path     string
	Explicit bool
	Getenv   func(string) string
}

// resolved is s with the path that counts.
func (s Source) resolved() Source {
	if path := s.Getenv("WXTOKEND_CONFIG"); !s.Explicit && path != "" {
		s.Path, s.Explicit = path, true
	}
	return s
}

// Digest tells one content of the configuration's files from another.
type Digest [sha256.Size]byte

// Digest is that of what c was read from.
func (c Config) Digest() Digest { return c.digest }

// Digest is that of what Load would read now. A pipe, which nobody can read
// twice, counts as unchanged.
func (s Source) Digest(ctx context.Context) Digest {
	all, _ := contents(ctx, s.resolved().Path)
	return digestOf(all)
}

// content is that of one file, or why it cannot be read.
type content struct {
	path string
	data []byte
	err  error
}

// trace is what a configuration remembers of a file, or of the directory of lists.
type trace struct{ empty, list bool }

// traces of what was found: dir is "" if there is no directory of lists.
func traces(all []content, dir string) map[string]trace {
	left := map[string]trace{}
	for i, c := range all {
		if c.err == nil {
			left[c.path] = trace{empty: len(bytes.TrimSpace(c.data)) == 0, list: i > 0}
		}
	}
	if dir != "" {
		left[dir] = trace{}
	}
	return left
}

// Lost says what before was read from and is empty or gone now. A list that has
// gone is no loss, as this is how an account is taken away.
func (c Config) Lost(before Config) (all []string) {
	for _, path := range slices.Sorted(maps.Keys(before.traces)) {
		was := before.traces[path]
		now, there := c.traces[path]
		switch {
		case there && now.empty && !was.empty:
			all = append(all, path+" is empty")
		case !there && !was.list:
			all = append(all, path+" is gone")
		}
	}
	return all
}

// contents reads the file at path, and those of the directory beside it in the
// order of their names. It names the directory as well, or "" if there is none.
func contents(ctx context.Context, path string) (all []content, dir string) {
	data, err := secret.Read(ctx, path, maxFiles)
	all = []content{{path, data, err}}
	room := maxFiles - int64(len(data))
	dir = listsBeside(path)
	names, err := secret.List(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return all, ""
	}
	if err != nil {
		return append(all, content{path: dir, err: err}), dir
	}
	for _, name := range names {
		c := content{path: filepath.Join(dir, name)}
		switch {
		case strings.HasPrefix(name, "."), !endsAsList(name):
			// What Kubernetes and editors keep beside the files that people mean.
			continue
		case filepath.Ext(name) == ".yml":
			c.err = errors.New("the name of a list of credentials has to end in .yaml")
		default:
			c.data, c.err = secret.Read(ctx, c.path, room)
			room -= int64(len(c.data))
		}
		all = append(all, c)
	}
	return all, dir
}

// endsAsList says that a file is meant as a list of credentials, or close to it.
func endsAsList(name string) bool {
	return slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name))
}

// listsBeside is the directory of lists of credentials for the configuration at path.
func listsBeside(path string) string { return filepath.Join(filepath.Dir(path), "credentials.d") }

func digestOf(all []content) Digest {
	hash := sha256.New()
	for _, c := range all {
		_, _ = fmt.Fprintf(hash, "%q %d %v\n", c.path, len(c.data), c.err)
		_, _ = hash.Write(c.data)
	}
	return Digest(hash.Sum(nil))
}
