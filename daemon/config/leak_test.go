package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxtokend/daemon/config"
)

// canary looks like an AppSecret.
const canary = "c0ffee0123456789abcdef0123456789"

// withCanary has the canary wherever a secret can be.
const withCanary = `redis:
  url: redis://CANARY:CANARY@127.0.0.1:6379/0
wechat:
  proxy: http://CANARY:CANARY@proxy:3128
credentials:
  - appid: wx1
    secret: CANARY
  - appid: wx2
    key: k2
    secret: "CANARY"
---sentinel
redis:
  sentinel: {master: m, addrs: ["h:1"], username: u, password: CANARY}
  username: u
  password: CANARY
credentials:
  - {appid: wx1, secret: CANARY}
`

func TestNothingGoodLeaks(t *testing.T) {
	for document := range strings.SplitSeq(withCanary, "---sentinel\n") {
		c, err := load(t, strings.ReplaceAll(document, "CANARY", canary), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, out := range map[string]string{"dump": dump(t, c), "%v": fmt.Sprintf("%v", c),
			"%+v": fmt.Sprintf("%+v %+v", c, c.Redis.Sentinel)} {
			if strings.Contains(out, canary) {
				t.Errorf("%s contains the canary:\n%s", name, out)
			}
		}
	}
}

// A key that holds the AppSecret is refused, or shown without it.
func TestNoKeyLeaks(t *testing.T) {
	const document = "credentials: [{appid: wx1, secret_file: FILE, targets: [{key: 'a:CANARY', format: raw MORE}]}]"
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("CANARY", canary, "FILE", file, "MORE", "").Replace(document)
	if _, err := load(t, filled, nil); err == nil ||
		!strings.Contains(err.Error(), "targets[0].key: it holds the AppSecret") ||
		strings.Contains(err.Error(), canary) {
		t.Errorf("%v", err)
	}
	filled = strings.NewReplacer("CANARY", canary, "FILE", file, "MORE", ", secret_in_key: true").Replace(document)
	c, err := load(t, filled, nil)
	if err != nil {
		t.Fatal(err)
	}
	places, err := c.Credentials[0].AllPlaces(t.Context())
	shown := dump(t, c) + fmt.Sprint(places)
	if err != nil || strings.Contains(shown, canary) || strings.Count(shown, "a:[redacted]") != 2 {
		t.Errorf("%v, %s", err, shown)
	}
	// Who only watches has no secret to compare with.
	watcher := strings.Replace(filled, "secret_file: "+file, "mint: false", 1)
	if c, err = load(t, watcher, nil); err != nil || strings.Contains(dump(t, c), canary) {
		t.Errorf("%v", err)
	}
}

// Every way to spoil a line that holds a secret: the message must not repeat it.
func TestNothingBadLeaks(t *testing.T) {
	for _, value := range []string{
		"*CANARY", "&CANARY", "&CANARY x", "!CANARY", "!!CANARY x", "@CANARY", "%CANARY", "`CANARY`", "[CANARY", "[CANARY]",
		"{CANARY}", "{CANARY: x}",
		"'CANARY", `"CANARY\q"`, "CANARY: x", "x\n  CANARY: y", "x\n CANARY", "|\n    CANARY\n    b", "\"CANARY\\n\"",
		"\"CANARY\x00\"", "CANARY\xff", "? CANARY", "- CANARY",
		"http://:CANARY@h", "redis://CANARY:CANARY@h:x", "redis://:CANARY@h/CANARY", "redis://h/CANARY",
		"redis://h?CANARY=CANARY", "redis://:%CANARY@h", "redis://:a#CANARY@h",
		"unix://CANARY", "embedded://CANARY", "ftp://u:CANARY@h", "://CANARY", "CANARY",
	} {
		for _, line := range []string{
			"redis:\n  url: ", "redis:\n  password: ", "redis:\n  cluster: ", "redis:\n  sentinel: ",
			"redis:\n  password_file: ", "wechat:\n  proxy: ", "wechat:\n  base_url: ",
			"http:\n  listen: ", "http:\n  token_file: ", "log:\n  level: ", "refresh:\n  poll: ", "redis: ", "credentials: ",
			"credentials:\n- secret: ", "credentials:\n- api: ",
			"credentials:\n- key: k\n  daily_limit: ", "credentials:\n- mint: ", "credentials:\n- key: ",
			"credentials:\n- secret:", "", "redis:\n",
		} {
			document := strings.ReplaceAll(line+value+"\nhttp: {zzz: 1}\n", "CANARY", canary)
			_, err := load(t, document, nil)
			if strings.HasSuffix(line, "_file: ") && strings.ContainsAny(value, "/.") {
				continue // that is a path, and a message about a file has to name it
			}
			if err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("%q gives: %v", document, err)
			}
		}
	}
}

func TestNothingInTheEnvironmentLeaks(t *testing.T) {
	for _, name := range []string{"APPID", "SECRET", "SECRET_FILE", "KEY", "API", "REDIS_URL", "REDIS_PASSWORD_FILE",
		"HTTP_LISTEN", "LOG_LEVEL", "LOG_FORMAT"} {
		for _, value := range []string{canary, canary + "\n", "redis://:" + canary + "@h/x", "http://" + canary + "@h"} {
			if strings.HasSuffix(name, "_FILE") && strings.Contains(value, "/") {
				continue // a path
			}
			env := map[string]string{"WXTOKEND_" + name: value}
			if _, err := load(t, "log: {level: wrong}\n", env); err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("%v gives: %v", env, err)
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	for document := range strings.SplitSeq(withCanary, "---sentinel\n") {
		f.Add(document)
	}
	for _, c := range badConfigs() {
		f.Add(strings.ReplaceAll(c.document, "secret: b", "secret: CANARY"))
	}
	shipped, err := os.ReadFile("../../config.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(shipped))
	f.Add(uncomment(string(shipped)))
	f.Add("a: &a [*a, *a]\n" + strings.Repeat("[", 500))
	path := filepath.Join(f.TempDir(), "config.yaml")
	f.Fuzz(func(t *testing.T, document string) {
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(document, "CANARY", canary)), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Source{Path: path, Explicit: true, Getenv: getenv(nil)}.Load(t.Context())
		switch {
		case err == nil:
			dump(t, c)
		case len(problems(t, err)) == 0:
			t.Error("an error without a problem")
		case strings.Contains(document, "_file"): // names a path, which may be anything
		case strings.Contains(err.Error(), canary):
			t.Errorf("%q leaks into: %v", document, err)
		}
	})
}
