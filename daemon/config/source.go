package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
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
func (s Source) Digest(ctx context.Context) Digest { return digestOf(contents(ctx, s.resolved().Path)) }

// content is that of one file, or why it cannot be read.
type content struct {
	path string
	data []byte
	err  error
}

// contents reads the file at path, and those of the directory beside it in the
// order of their names.
func contents(ctx context.Context, path string) []content {
	data, err := secret.Read(ctx, path, maxFiles)
	all, room := []content{{path, data, err}}, maxFiles-int64(len(data))
	dir := filepath.Join(filepath.Dir(path), "credentials.d")
	names, err := secret.List(ctx, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return append(all, content{path: dir, err: err})
	}
	for _, name := range names {
		c := content{path: filepath.Join(dir, name)}
		switch ext := filepath.Ext(name); {
		case strings.HasPrefix(name, "."), ext != ".yaml" && ext != ".yml":
			// What Kubernetes and editors keep beside the files that people mean.
			continue
		case ext == ".yml":
			c.err = errors.New("the name of a list of credentials has to end in .yaml")
		default:
			c.data, c.err = secret.Read(ctx, c.path, room)
			room -= int64(len(c.data))
		}
		all = append(all, c)
	}
	return all
}

func digestOf(all []content) Digest {
	hash := sha256.New()
	for _, c := range all {
		_, _ = fmt.Fprintf(hash, "%q %d %v\n", c.path, len(c.data), c.err)
		_, _ = hash.Write(c.data)
	}
	return Digest(hash.Sum(nil))
}
