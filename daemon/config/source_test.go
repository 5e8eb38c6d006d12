package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
)

// directory is one with these files, by their paths, as the working directory.
func directory(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, text)
	}
}

// here is the configuration of the working directory.
func here(env map[string]string) config.Source {
	return config.Source{Path: "config.yaml", Getenv: getenv(env)}
}

const one = "- {key: a, appid: wxa, secret: s}\n"

// TestDirectory: the lists beside the file come after it, in the order of their names.
func TestDirectory(t *testing.T) {
	two, three := "- {key: b, appid: wxb, secret: s}\n- {key: c, appid: wxc, secret: s}\n",
		"- {key: d, appid: wxd, secret: s, ahead: 1m}\n"
	for name, c := range map[string]struct {
		files map[string]string
		env   map[string]string
		want  string
	}{
		"file and lists": {map[string]string{"config.yaml": "credentials:\n" + one, "credentials.d/y.yaml": three,
			"credentials.d/x.yaml": two}, nil, "a b c d"},
		"lists without a file": {map[string]string{"credentials.d/x.yaml": two}, nil, "b c"},
		"no list": {map[string]string{"config.yaml": "credentials:\n" + one,
			"credentials.d/x.yaml": "# nobody yet\n"}, nil, "a"},
		"what others keep there": {map[string]string{
			"config.yaml": "credentials:\n" + one, "credentials.d/..old/x.yaml": two, "credentials.d/.x.yaml.swp": two,
			"credentials.d/.hidden.yaml": two, "credentials.d/x.yaml~": two, "credentials.d/README": "text",
		}, nil, "a"},
		"the environment sets the only one": {map[string]string{"credentials.d/x.yaml": "- {appid: wxb, secret: s}\n"},
			map[string]string{"WXTOKEND_KEY": "e"}, "e"},
		"the environment names the file": {map[string]string{"other/config.yaml": "credentials:\n" + one,
			"other/credentials.d/x.yaml": two, "credentials.d/y.yaml": three},
			map[string]string{"WXTOKEND_CONFIG": "other/config.yaml"}, "a b c"},
	} {
		t.Run(name, func(t *testing.T) {
			directory(t, c.files)
			loaded, err := here(c.env).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, credential := range loaded.Credentials {
				keys = append(keys, credential.Key)
				if credential.Lease != loaded.Refresh.Lease || !credential.Mint {
					t.Errorf("%s inherits nothing: %+v", credential.Key, credential)
				}
			}
			if got := strings.Join(keys, " "); got != c.want {
				t.Errorf("keys %q, want %q", got, c.want)
			}
		})
	}
}

// TestDirectoryMistakes are told with their place, all of them at once, and spoil all.
func TestDirectoryMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"two files": {map[string]string{
			"config.yaml":          "credentials:\n" + one,
			"credentials.d/x.yaml": "- {key: b, appid: wxb, secret: s}\n\n- {key: c, appid: wxc, secret: s, api: fast}\n",
			"credentials.d/y.yaml": "- {key: d, apid: wxd, secret: s}\n",
		}, []string{
			"credentials.d/x.yaml:3: credentials[2].api: must be stable or classic",
			"credentials.d/y.yaml:1: credentials[3].apid: unknown option, did you mean appid?",
		}},
		"one key twice": {map[string]string{"config.yaml": "credentials:\n" + one, "credentials.d/x.yaml": one},
			[]string{"credentials.d/x.yaml:1: credentials[1].key: shares a Redis key with credentials[0]: give each " +
				"credential a key of its own"}},
		"a whole configuration": {map[string]string{"credentials.d/x.yaml": "credentials:\n" + one},
			[]string{"credentials.d/x.yaml:1: credentials: must be a list (- item)"}},
		"no YAML": {map[string]string{"config.yaml": "credentials:\n" + one, "credentials.d/x.yaml": "- a: b: c\n"},
			[]string{"credentials.d/x.yaml:1: credentials: this line or the next is not YAML: mapping values are not " +
				"allowed in this context (put a value with special characters in 'quotes')"}},
		"two documents": {map[string]string{"credentials.d/x.yaml": one + "---\n" + one},
			[]string{"credentials.d/x.yaml:2: credentials: must be a single YAML document: remove the second one"}},
		"no text": {map[string]string{"credentials.d/x.yaml": one + "\xff\n"},
			[]string{"credentials.d/x.yaml:2: credentials: is not plain UTF-8 text"}},
		"another name": {map[string]string{"config.yaml": "credentials:\n" + one, "credentials.d/x.yml": one},
			[]string{"credentials.d/x.yml: credentials: cannot read the list: the name of a list of credentials has " +
				"to end in .yaml"}},
		"a directory in it": {map[string]string{"config.yaml": "credentials:\n" + one, "credentials.d/x.yaml/y": ""},
			[]string{"credentials.d/x.yaml: credentials: cannot read the list: not a regular file"}},
		"no directory": {map[string]string{"config.yaml": "credentials:\n" + one, "credentials.d": ""},
			[]string{"credentials.d: credentials: cannot read the list: not a directory"}},
		"too much": {map[string]string{"config.yaml": "credentials:\n" + one,
			"credentials.d/x.yaml": strings.Repeat("#", 5<<20), "credentials.d/y.yaml": strings.Repeat("#", 4<<20)},
			[]string{"credentials.d/y.yaml: credentials: cannot read the list: larger than 3071 KiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			directory(t, c.files)
			loaded, err := here(nil).Load(t.Context())
			if got := problems(t, err); !slices.Equal(got, c.want) || loaded.Credentials != nil {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
			if http, err := here(nil).Addresses(t.Context()); err != nil || http.Listen != ":9477" {
				t.Errorf("http.listen is %q, %v: a mistake in a list is none in it", http.Listen, err)
			}
		})
	}
}

// TestDigest: it is another one after each change that Load would see, and the
// same else. Kubernetes swaps a link to a directory and leaves the files' names.
func TestDigest(t *testing.T) {
	directory(t, map[string]string{
		"v1/config.yaml":     "credentials:\n" + one,
		"v2/config.yaml":     "credentials:\n" + strings.Replace(one, "key: a", "key: b", 1),
		"credentials.d/keep": "",
	})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink("v1", "..data"))
	must(os.Symlink("..data/config.yaml", "config.yaml"))
	loaded, err := here(nil).Load(t.Context())
	must(err)
	seen := map[config.Digest]bool{loaded.Digest(): true}
	for _, step := range []struct {
		what string
		do   func()
		same bool
	}{
		{"nothing", func() {}, true},
		{"times", func() { must(os.Chtimes("v1/config.yaml", time.Now(), time.Now().Add(time.Hour))) }, true},
		{"what nobody reads", func() { write(t, "credentials.d/.x.yaml.swp", one) }, true},
		{"swap", func() { must(os.Symlink("v2", "tmp")); must(os.Rename("tmp", "..data")) }, false},
		{"a list", func() { write(t, "credentials.d/x.yaml", one) }, false},
		{"its content", func() { write(t, "credentials.d/x.yaml", one+"# more") }, false},
		{"its name", func() { must(os.Rename("credentials.d/x.yaml", "credentials.d/y.yaml")) }, false},
		{"no file", func() { must(os.Remove("config.yaml")) }, false},
	} {
		step.do()
		digest := here(nil).Digest(t.Context())
		if digest != here(nil).Digest(t.Context()) || seen[digest] != step.same {
			t.Errorf("after a change of %s the digest is one seen before: %v", step.what, seen[digest])
		}
		if loaded, err := here(nil).Load(t.Context()); err != nil || loaded.Digest() != digest {
			t.Errorf("after a change of %s Load read something else: %v", step.what, err)
		}
		seen[digest] = true
	}
}

// TestReloadWhatHasSettled: nothing counts that was written after the last look.
func TestReloadWhatHasSettled(t *testing.T) {
	directory(t, map[string]string{"config.yaml": "credentials:\n" + one, "credentials.d/x.yaml": "# nobody yet\n"})
	settled := here(nil).Digest(t.Context())
	if c, err := here(nil).Reload(t.Context(), settled); err != nil || c.Digest() != settled {
		t.Errorf("nothing has changed: %v", err)
	}
	write(t, "credentials.d/x.yaml", "# nob")
	if _, err := here(nil).Reload(t.Context(), settled); err == nil ||
		!strings.Contains(err.Error(), "has changed again") {
		t.Errorf("half a file: %v", err)
	}
}

// TestLost: a file that was emptied and a directory that has gone are losses, once.
func TestLost(t *testing.T) {
	directory(t, map[string]string{"config.yaml": "credentials:\n" + one,
		"credentials.d/x.yaml": "- {key: b, appid: wxb, secret: s}\n",
		"credentials.d/y.yaml": "# nobody yet\n"})
	read := func() config.Config {
		c, err := here(map[string]string{"WXTOKEND_APPID": "wxe", "WXTOKEND_SECRET": "s"}).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	write(t, "credentials.d/x.yaml", "# nobody\n")
	before := read()
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return nil }, ""},
		{func() error { return os.Remove("credentials.d/y.yaml") }, ""},
		{func() error { return os.Truncate("config.yaml", 0) }, "config.yaml is empty"},
		{func() error { return os.Truncate("credentials.d/x.yaml", 0) }, "credentials.d/x.yaml is empty"},
		{func() error { return os.Rename("credentials.d", "x") }, "credentials.d is gone"},
		{func() error { return os.Remove("config.yaml") }, "config.yaml is gone"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		now := read()
		if got := strings.Join(now.Lost(before), ", "); got != step.want || now.Lost(now) != nil {
			t.Errorf("got %q, want %q", got, step.want)
		}
		before = now
	}
}

func TestDifferences(t *testing.T) {
	a := config.Default()
	if got := config.Differences(a, a); got != nil {
		t.Errorf("nothing differs, got %q", got)
	}
	b := a
	b.Credentials = []config.Credential{{Key: "k"}}
	b.Refresh.Lease, b.Refresh.Poll = time.Minute, time.Minute
	b.Redis.URL, b.Redis.TLS, b.HTTP.Listen, b.Log.Level = "redis://:s3cret@h", &config.TLS{CAFile: "f"}, ":1", "debug"
	want := []string{"log.level", "http.listen", "redis.url", "redis.tls", "refresh.poll"}
	if got := config.Differences(a, b); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDigestOfWhatCannotBeRead: it is another one than that of nothing, or a file that can be read
// again, and is empty, would be no change.
func TestDigestOfWhatCannotBeRead(t *testing.T) {
	directory(t, map[string]string{"config.yaml": ""})
	empty := here(nil).Digest(t.Context())
	if err := os.Remove("config.yaml"); err != nil {
		t.Fatal(err)
	}
	if gone := here(nil).Digest(t.Context()); gone == empty {
		t.Error("a file that is gone has the digest of an empty one")
	}
}
