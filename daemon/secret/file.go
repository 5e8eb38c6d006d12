package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxFile bounds a secret's file, in bytes: whoever names the wrong file gets
// an error instead of a gigabyte.
const maxFile = 4096

// ReadFile reads a secret from a file and cuts one trailing newline, which
// editors and `echo` add. Errors name the path, never the content.
func ReadFile(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err // *os.PathError: operation, path and reason
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxFile {
		return "", fmt.Errorf("%s: longer than %d bytes, so not a secret's file", path, maxFile)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	return Secret(text), nil
}

// ErrEmpty says that a secret's file has no content.
var ErrEmpty = errors.New("the file is empty")
