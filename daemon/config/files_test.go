package config_test

import (
	"strings"
	"syscall"
	"testing"

	"wxtokend/daemon/config"
)

func TestReadSecretFile(t *testing.T) {
	for _, c := range []struct {
		name, content, want, problem string
	}{
		{"plain", "s", "s", ""},
		{"newline", "s\n", "s", ""},
		{"windows newline", "s\r\n", "s", ""},
		{"other space is part of it", " s ", " s ", ""},
		{"as long as allowed", strings.Repeat("s", 4096), strings.Repeat("s", 4096), ""},
		{"too long", strings.Repeat("s", 4097), "", "larger than 4 KiB"},
		{"empty", "", "", "is empty"},
		{"newline alone", "\n", "", "is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, t.TempDir()+"/secret", c.content)
			got, err := config.Credential{SecretFile: path}.ReadSecret(t.Context())
			if got.Reveal() != c.want {
				t.Errorf("got %q, want %q", got.Reveal(), c.want)
			}
			if (err == nil) != (c.problem == "") || err != nil && !strings.HasPrefix(err.Error(), path+": "+c.problem) {
				t.Errorf("error %v, want %q", err, c.problem)
			}
		})
	}
}

// A rotated secret must serve the next mint without a restart.
func TestSecretFileIsReadAgain(t *testing.T) {
	path := write(t, t.TempDir()+"/secret", "old")
	readers := map[string]func() (string, error){
		"credential": func() (string, error) {
			s, err := config.Credential{SecretFile: path}.ReadSecret(t.Context())
			return s.Reveal(), err
		},
		"http": func() (string, error) {
			s, err := config.HTTP{TokenFile: path}.ReadToken(t.Context())
			return s.Reveal(), err
		},
	}
	for _, content := range []string{"old", "new"} {
		write(t, path, content)
		for name, read := range readers {
			if got, err := read(); got != content || err != nil {
				t.Errorf("%s: got %q, %v, want %q", name, got, err, content)
			}
		}
	}
}

func TestInlineSecretsNeedNoFile(t *testing.T) {
	if got, err := (config.Credential{Secret: "s"}).ReadSecret(t.Context()); got != "s" || err != nil {
		t.Errorf("credential: %q, %v", got.Reveal(), err)
	}
}

// To open a named pipe without a writer would hang the start for ever.
func TestPipeIsNoSecretFile(t *testing.T) {
	path := t.TempDir() + "/pipe"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (config.Credential{SecretFile: path}).ReadSecret(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}
