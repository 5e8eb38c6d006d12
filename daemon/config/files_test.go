package config_test

import (
	"os"
	"slices"
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
			if (err == nil) != (c.problem == "") || err != nil && !strings.HasPrefix(err.Error(), path+": "+c.problem+": ") {
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
		"redis": func() (string, error) {
			s, err := config.Redis{PasswordFile: path}.ReadPassword(t.Context())
			return s.Reveal(), err
		},
		"sentinel": func() (string, error) {
			s, err := config.Sentinel{PasswordFile: path}.ReadPassword(t.Context())
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
	if got, err := (config.Redis{Password: "s"}).ReadPassword(t.Context()); got != "s" || err != nil {
		t.Errorf("redis: %q, %v", got.Reveal(), err)
	}
	if got, err := (config.Redis{}).ReadPassword(t.Context()); got != "" || err != nil {
		t.Errorf("no password is no error: %q, %v", got.Reveal(), err)
	}
}

// To open a named pipe without a writer would hang the start for ever.
func TestPipeIsNoSecretFile(t *testing.T) {
	path := t.TempDir() + "/pipe"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (config.Credential{SecretFile: path}).ReadSecret(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}

func TestFileModeWarnings(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"token", "password", "sentinel", "key", "secret", "tight"} {
		write(t, "./"+name, "s")
	}
	const document = `
http: {token_file: ./token}
redis:
  password_file: ./password
  sentinel: {master: m, addrs: ["h:1"], password_file: ./sentinel}
  tls: {cert_file: ./cert, key_file: ./key}
credentials:
  - {appid: a, secret_file: ./secret}
  - {appid: a, secret_file: ./tight, key: k}
`
	write(t, "config.yaml", document)
	warnings := func(more string, env map[string]string) []string {
		t.Helper()
		write(t, "config.yaml", document+more)
		c, err := config.Load("config.yaml", true, getenv(env))
		if err != nil {
			t.Fatal(err)
		}
		return c.FileModeWarnings()
	}
	if got := warnings("", nil); len(got) != 0 {
		t.Errorf("mode 600 is fine, got %q", got)
	}
	for name, mode := range map[string]os.FileMode{"token": 0o644, "password": 0o640, "sentinel": 0o604, "key": 0o610, "secret": 0o666, "config.yaml": 0o644} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"./token holds a secret and has mode 0644: chmod 600 ./token",
		"./password holds a secret and has mode 0640: chmod 600 ./password",
		"./sentinel holds a secret and has mode 0604: chmod 600 ./sentinel",
		"./key holds a secret and has mode 0610: chmod 600 ./key",
		"./secret holds a secret and has mode 0666: chmod 600 ./secret",
	}
	if got := warnings("", nil); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	inline := "config.yaml holds a secret and has mode 0644: chmod 600 config.yaml"
	if got := warnings("  - {appid: a, secret: s, key: l}\n", nil); !slices.Contains(got, inline) {
		t.Errorf("got %q, want a warning about the file itself", got)
	}
	// The environment wins, but the password stays in the file for all to read.
	env := map[string]string{"WXTOKEND_REDIS_URL": "redis://h"}
	write(t, "config.yaml", minimal+"redis: {url: 'redis://:p@h'}")
	c, err := config.Load("config.yaml", true, getenv(env))
	if err != nil || !slices.Contains(c.FileModeWarnings(), inline) {
		t.Errorf("got %q, %v, want a warning about the file itself", c.FileModeWarnings(), err)
	}
}
