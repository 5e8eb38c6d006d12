package config_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxtokend/daemon/config"
)

// expectOne wants one problem, with all these parts and nothing of a secret.
func expectOne(t *testing.T, err error, parts ...string) {
	t.Helper()
	got := problems(t, err)
	if len(got) != 1 {
		t.Errorf("got %q, want one problem", got)
	}
	for _, part := range parts {
		if !strings.Contains(got[0], part) {
			t.Errorf("got %q, want …%s…", got[0], part)
		}
	}
	if strings.Contains(got[0], "hunter2") {
		t.Errorf("%q repeats a value", got[0])
	}
}

// A terminal in GBK, an editor of Windows, a manifest with one line too many:
// the variable is named, whichever it is.
func TestEveryVariableIsText(t *testing.T) {
	for _, name := range config.Variables() {
		for what, value := range map[string]string{
			"GBK": "hunter2\xc3\xdc", "control character": "hunter2\x1b[2J", "line break": "hunter2\nx",
			"byte order mark": "\ufeffhunter2",
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Chdir(t.TempDir())
				write(t, "config.yaml", minimal)
				_, err := config.Source{Path: "config.yaml", Explicit: false,
					Getenv: getenv(map[string]string{name: value})}.Load(t.Context())
				expectOne(t, err, name+": ", map[string]string{"GBK": "not UTF-8", "control character": "control character",
					"line break": "line break", "byte order mark": "byte order mark"}[what])
			})
		}
	}
}

func TestBlanksAndInvisibleCharacters(t *testing.T) {
	for name, want := range map[string]string{
		`key: "k "`:      "credentials[0].key: must not begin or end with a blank",
		`key: " k"`:      "credentials[0].key: must not begin or end with a blank",
		`key: "k\u202e"`: "credentials[0].key: must not contain an invisible character",
		`key: .`:         "credentials[0].key: must not be . or ..",
		`key: ..`:        "credentials[0].key: must not be . or ..",
		`api: "stable "`: "credentials[0].api: must not begin or end with a blank",
	} {
		_, err := load(t, "credentials:\n- appid: a\n  secret: b\n  "+name+"\n", nil)
		expectOne(t, err, "config.yaml:4: "+want)
	}
	_, err := load(t, "credentials: [{appid: \"a\\u200b\", secret: b}]\n", nil)
	expectOne(t, err, "config.yaml:1: credentials[0].appid: must not contain an invisible character")
	if _, err := load(t, "credentials: [{appid: a, secret: \" b \", key: \"a b\"}]\n", nil); err != nil {
		t.Errorf("a blank within a key, and any in a secret: %v", err)
	}
}

func TestSecretFilesThatHoldNoSecret(t *testing.T) {
	for content, want := range map[string]string{
		"\ufeffhunter2": "byte order mark", "hunter2\nx\n": "line break", "hunter2\x00": "not UTF-8",
		"\xff\xfeh\x00u\x00n\x00": "not UTF-8", "  \n": "is empty",
		"hunter2\x1b": "control character",
	} {
		for option, document := range map[string]string{
			"credentials[0].secret_file":   "credentials: [{appid: a, secret_file: FILE}]\n",
			"http.token_file":              minimal[:len(minimal)-1] + "\nhttp: {token_file: FILE}\n",
			"redis.password_file":          minimal + "redis: {password_file: FILE}\n",
			"redis.sentinel.password_file": minimal + "redis: {sentinel: {master: m, addrs: ['h:1'], password_file: FILE}}\n",
		} {
			path := write(t, t.TempDir()+"/secret", content)
			_, err := load(t, strings.Replace(document, "FILE", path, 1), nil)
			expectOne(t, err, "config.yaml:", option+": "+path+": ", want)
		}
	}
	for _, content := range []string{"hunter2 \n", " hunter2", "hun ter2", "hunter2密"} {
		path := write(t, t.TempDir()+"/token", content)
		_, err := load(t, minimal+"http: {token_file: "+path+"}\n", nil)
		expectOne(t, err, "config.yaml:2: http.token_file: "+path+": must be ASCII without blanks")
	}
}

// Somebody wrote the password where the name of its file belongs.
func TestAShortPasswordOnAWrongLine(t *testing.T) {
	for _, line := range []string{
		"http: {token_file: hunter2}", "redis: {password_file: hunter2}", "redis: {timeout: hunter2}",
		"redis: {url: hunter2}", "redis: {tls: hunter2}",
		"redis: {cluster: [hunter2]}", "redis: {url: 'rediss://h', tls: {ca_file: hunter2}}", "log: {level: hunter2}",
		"log: {format: hunter2}",
		"wechat: {base_url: hunter2}", "wechat: {proxy: hunter2}", "wechat: {allow_http: hunter2}", "redis: {db: hunter2}",
		"http: {listen: hunter2}",
		"log: {hunter2: info}", "redis: hunter2",
	} {
		_, err := load(t, minimal+line+"\n", nil)
		expectOne(t, err, "config.yaml:2: ")
	}
}

func TestDatabaseIsForSentinel(t *testing.T) {
	const want = "config.yaml:2: redis.db: is for sentinel"
	for _, redis := range []string{"db: 0", "db: 3, url: 'redis://h/3'", "db: 0, cluster: ['h:1']"} {
		_, err := load(t, minimal+"redis: {"+redis+"}\n", nil)
		expectOne(t, err, want)
	}
	for _, db := range []string{"-1", "01", "70000", "x", "'1'"} {
		_, err := load(t, minimal+"redis: {sentinel: {master: m, addrs: ['h:1']}, db: "+db+"}\n", nil)
		expectOne(t, err, "config.yaml:2: redis.db: must be ")
	}
}

func TestConfigurationFromTheEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "config.yaml", "http: {listen: ':1'}\n"+minimal)
	write(t, "env.yaml", "http: {listen: ':2'}\n"+minimal)
	env := getenv(map[string]string{"WXTOKEND_CONFIG": "env.yaml"})
	for explicit, want := range map[bool]string{false: ":2", true: ":1"} {
		source := config.Source{Path: "config.yaml", Explicit: explicit, Getenv: env}
		c, err := source.Load(t.Context())
		addresses, addressErr := source.Addresses(t.Context())
		if err != nil || addressErr != nil || c.HTTP.Listen != want || addresses.Listen != want {
			t.Errorf("explicit %v: %q (%v), %q (%v), want %q", explicit, c.HTTP.Listen, err, addresses.Listen, addressErr, want)
		}
	}
	named := getenv(map[string]string{"WXTOKEND_CONFIG": "none.yaml", "WXTOKEND_APPID": "a", "WXTOKEND_SECRET": "b"})
	_, err := config.Source{Path: "config.yaml", Explicit: false, Getenv: named}.Load(t.Context())
	expectOne(t, err, "none.yaml: cannot read the configuration: no such file")
}

// wxtokend --config <(vault read …) is a pipe.
func TestConfigurationFromAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(path, []byte(minimal), 0o600) }()
	if c, err := (config.Source{Path: path, Explicit: true, Getenv: getenv(nil)}).Load(t.Context()); err != nil ||
		c.Credentials[0].AppID != "a" {
		t.Errorf("got %v, %v", c.Credentials, err)
	}
}

// A pipe in the place of the file is refused at once by a process that runs,
// and what lies beside it can still be read.
func TestReloadOpensNoPipe(t *testing.T) {
	directory(t, map[string]string{"secret": "s", "credentials.d/x.yaml": one})
	if err := syscall.Mkfifo("config.yaml", 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	want := []string{"config.yaml: cannot read the configuration: not a regular file, and all else is read at " +
		"the start alone: " +
		"put a file there, or restart"}
	if _, err := here(nil).Reload(ctx, here(nil).Digest(ctx)); !slices.Equal(problems(t, err), want) {
		t.Errorf("got %v", err)
	}
	if got, err := (config.Credential{SecretFile: "secret"}).ReadSecret(ctx); got != "s" || err != nil {
		t.Errorf("the secret beside it: %v", err)
	}
	if err := os.Remove("config.yaml"); err != nil {
		t.Fatal(err)
	}
	write(t, "config.yaml", minimal)
	if c, err := here(nil).Reload(ctx, here(nil).Digest(ctx)); err != nil || len(c.Credentials) != 2 {
		t.Errorf("a file again: %v, %v", c.Credentials, err)
	}
}

// A fleet of accounts fits, with every option of each.
func TestTenThousandCredentials(t *testing.T) {
	loadMany(t, 10_000)
}

// BenchmarkLoad shows that loading takes time in proportion.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				loadMany(b, n)
			}
		})
	}
}

func loadMany(t testing.TB, n int) {
	file := filepath.Join(t.TempDir(), "appsecret")
	if err := os.WriteFile(file, []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	var document bytes.Buffer
	document.WriteString("credentials:\n")
	for i := range n {
		fmt.Fprintf(&document, "  - key: %q\n    appid: wx%016d\n    secret_file: %s\n    api: classic\n    ahead: 30m\n"+
			"    daily_limit: 1000\n    mint: true\n    format: json\n    utc_offset: \"+0800\"\n    lease: 30s\n"+
			"    backoff_min: 1s\n    backoff_max: 5m\n    verify_every: 5m\n",
			fmt.Sprintf("some:application:of:ours:%d", i), i, file)
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, document.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Source{Path: path, Explicit: true, Getenv: getenv(nil)}.Load(t.Context())
	if err != nil || len(c.Credentials) != n {
		t.Fatalf("%d credentials, %v", len(c.Credentials), err)
	}
}

// A wrong file of the largest size is refused, soon and in few lines.
func TestFilesThatAreNoConfiguration(t *testing.T) {
	var names, bomb strings.Builder
	for i := range 400_000 {
		fmt.Fprintf(&names, "name%d: 1\n", i)
	}
	bomb.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := range 30 {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 10))
	}
	for name, document := range map[string]string{
		"names": names.String(), "aliases": bomb.String(), "nested": strings.Repeat("[", 1<<20),
		"one line": strings.Repeat("x", 8<<20),
	} {
		start := time.Now()
		_, err := load(t, document, nil)
		if got := problems(t, err); len(got) > 51 || len(err.Error()) > 10_000 {
			t.Errorf("%s: %d problems, %d bytes", name, len(got), len(err.Error()))
		}
		t.Logf("%s: %v", name, time.Since(start))
	}
}

func TestVariablesAreNamedInTheShippedFile(t *testing.T) {
	data, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names := config.Variables()
	if slices.Sort(names); len(slices.Compact(names)) != len(config.Variables()) {
		t.Errorf("a variable sets two options: %q", names)
	}
	for _, name := range names {
		if !strings.Contains(string(data), name) {
			t.Errorf("config.yaml does not name %s", name)
		}
	}
}
