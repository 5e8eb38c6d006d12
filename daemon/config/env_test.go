package config_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"wxtokend/daemon/config"
)

// inFile sets everything that a variable can set.
const inFile = `log: {level: warn, format: json}
http: {listen: ":1"}
redis: {url: redis://file/1, username: file, password: file}
wechat: {base_url: "https://file", proxy: "http://file:1"}
credentials:
  - {key: file, appid: file, secret: file, api: classic}
`

func TestEnvironmentWinsOverFile(t *testing.T) {
	for _, c := range []struct {
		variable, value string
		get             func(config.Config) string
	}{
		{"WXTOKEND_APPID", "env", func(c config.Config) string { return c.Credentials[0].AppID }},
		{"WXTOKEND_SECRET", "env", func(c config.Config) string { return c.Credentials[0].Secret.Reveal() }},
		{"WXTOKEND_KEY", "env", func(c config.Config) string { return c.Credentials[0].Key }},
		{"WXTOKEND_API", "stable", func(c config.Config) string { return c.Credentials[0].API }},
		{"WXTOKEND_REDIS_URL", "redis://env/2", func(c config.Config) string { return c.Redis.URL.Reveal() }},
		{"WXTOKEND_HTTP_LISTEN", ":2", func(c config.Config) string { return c.HTTP.Listen }},
		{"WXTOKEND_MINT", "false", func(c config.Config) string { return strconv.FormatBool(c.Credentials[0].Mint) }},
		{"WXTOKEND_WECHAT_BASE_URL", "https://env", func(c config.Config) string { return c.WeChat.BaseURL }},
		{"WXTOKEND_WECHAT_PROXY", "http://env:1", func(c config.Config) string { return c.WeChat.Proxy.Reveal() }},
		{"WXTOKEND_REDIS_USERNAME", "env", func(c config.Config) string { return c.Redis.Username }},
		{"WXTOKEND_LOG_LEVEL", "error", func(c config.Config) string { return c.Log.Level }},
		{"WXTOKEND_LOG_FORMAT", "text", func(c config.Config) string { return c.Log.Format }},
	} {
		t.Run(c.variable, func(t *testing.T) {
			got, err := load(t, inFile, map[string]string{c.variable: c.value})
			if err != nil || c.get(got) != c.value {
				t.Fatalf("got %q (%v), want %q", c.get(got), err, c.value)
			}
			// Unset and empty are the same.
			got, err = load(t, inFile, map[string]string{c.variable: ""})
			if err != nil || c.get(got) == c.value || c.get(got) == "" {
				t.Errorf("set to the empty text: got %q (%v), want what the file says", c.get(got), err)
			}
		})
	}
}

func TestEnvironmentReplacesChoices(t *testing.T) {
	file := write(t, t.TempDir()+"/secret", "from file\n")
	for _, c := range []struct {
		name, document string
		env            map[string]string
		ok             func(config.Config) bool
	}{
		{"secret file for secret", minimal, map[string]string{"WXTOKEND_SECRET_FILE": file},
			func(c config.Config) bool {
				return c.Credentials[0].Secret == "" && c.Credentials[0].SecretFile == file
			}},
		{"secret for secret file", "credentials: [{appid: a, secret_file: ./missing}]",
			map[string]string{"WXTOKEND_SECRET": "s"},
			func(c config.Config) bool { return c.Credentials[0].Secret == "s" && c.Credentials[0].SecretFile == "" }},
		{"secret file for both", "credentials: [{appid: a, secret: b, secret_file: ./missing}]",
			map[string]string{"WXTOKEND_SECRET_FILE": file},
			func(c config.Config) bool {
				return c.Credentials[0].Secret == "" && c.Credentials[0].SecretFile == file
			}},
		{"password file for password", minimal + "redis: {password: p}",
			map[string]string{"WXTOKEND_REDIS_PASSWORD_FILE": file},
			func(c config.Config) bool { return c.Redis.Password == "" && c.Redis.PasswordFile == file }},
		{"url for sentinel", minimal + "redis: {sentinel: {master: m, addrs: ['h:1']}}",
			map[string]string{"WXTOKEND_REDIS_URL": "redis://env"},
			func(c config.Config) bool { return c.Redis.Sentinel == nil && c.Redis.URL == "redis://env" }},
		{"url for the database of sentinel", minimal + "redis: {sentinel: {master: m, addrs: ['h:1']}, db: 3}",
			map[string]string{"WXTOKEND_REDIS_URL": "redis://env"},
			func(c config.Config) bool { return c.Redis.DB == 0 }},
		{"a sidecar without a file or a secret", "", map[string]string{"WXTOKEND_APPID": "a", "WXTOKEND_MINT": "false"},
			func(c config.Config) bool { return !c.Credentials[0].Mint && c.Credentials[0].AppID == "a" }},
		{"url for cluster", minimal + "redis: {cluster: ['h:1']}", map[string]string{"WXTOKEND_REDIS_URL": "redis://env"},
			func(c config.Config) bool { return c.Redis.Cluster == nil && c.Redis.URL == "redis://env" }},
		{"api decides what is not set", minimal, map[string]string{"WXTOKEND_API": "classic"},
			func(c config.Config) bool { return c.Credentials[0].DailyLimit == 1000 }},
		{"a credential of its own", "credentials: []",
			map[string]string{"WXTOKEND_APPID": "a", "WXTOKEND_SECRET": "0012", "WXTOKEND_KEY": "k"},
			func(c config.Config) bool {
				got := c.Credentials[0]
				return got.AppID == "a" && got.Secret == "0012" && got.Key == "k" && got.API == "stable" && got.Mint
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := load(t, c.document, c.env)
			if err != nil || !c.ok(got) {
				t.Errorf("got %v\n%s", err, dump(t, got))
			}
		})
	}
}

func TestBadEnvironment(t *testing.T) {
	const two = "credentials: [{appid: a, secret: b}, {key: k, appid: a, secret: b}]"
	for _, c := range []struct {
		name, document string
		env            map[string]string
		want           []string
	}{
		{"values", minimal, map[string]string{
			"WXTOKEND_API": "both", "WXTOKEND_LOG_LEVEL": "loud", "WXTOKEND_LOG_FORMAT": "xml", "WXTOKEND_HTTP_LISTEN": "80",
			"WXTOKEND_REDIS_URL": "http://u:p@h", "WXTOKEND_KEY": "{", "WXTOKEND_SECRET": "a\nb",
		}, []string{
			`WXTOKEND_LOG_LEVEL: log.level: must be debug, info, warn or error`,
			`WXTOKEND_LOG_FORMAT: log.format: must be auto, text or json`,
			`WXTOKEND_HTTP_LISTEN: http.listen: must be host:port, such as ":9477" or "127.0.0.1:9477"`,
			"WXTOKEND_REDIS_URL: redis.url: must be a URL such as redis://127.0.0.1:6379/0, with scheme redis, rediss, unix " +
				"or embedded; percent-encode special characters of the password",
			"WXTOKEND_KEY: credentials[0].key: braces in a key must be one non-empty {tag}, as Redis Cluster places keys by it",
			"WXTOKEND_SECRET: credentials[0].secret: must not contain a line break: it has to be one line",
			`WXTOKEND_API: credentials[0].api: must be stable or classic`,
		}},
		{"two credentials", two, map[string]string{"WXTOKEND_APPID": "x", "WXTOKEND_SECRET": "x"}, []string{
			"WXTOKEND_APPID: credentials[0].appid: sets the only credential, but 2 are configured: unset the variable",
			"WXTOKEND_SECRET: credentials[0].secret: sets the only credential, but 2 are configured: unset the variable",
		}},
		{"both secrets", minimal, map[string]string{"WXTOKEND_SECRET": "x", "WXTOKEND_SECRET_FILE": "./x"}, []string{
			"WXTOKEND_SECRET_FILE: credentials[0].secret_file: secret and secret_file exclude each other: keep one",
		}},
		{"no secret", "", map[string]string{"WXTOKEND_APPID": "x"}, []string{
			"WXTOKEND_APPID: credentials[0].secret: missing: set secret_file (or secret), or mint: false for a replica that " +
				"never calls WeChat",
		}},
		{"no appid", "", map[string]string{"WXTOKEND_SECRET": "x", "WXTOKEND_KEY": "x"}, []string{
			"config.yaml: credentials: none is configured: add one to config.yaml, or set WXTOKEND_APPID and " +
				"WXTOKEND_SECRET_FILE",
		}},
		{"password in url and file", minimal + "redis: {password: x}",
			map[string]string{"WXTOKEND_REDIS_URL": "redis://:p@h"}, []string{
				"WXTOKEND_REDIS_URL: redis.url: holds a password, and so does an option of its own: keep one",
			}},
		{"file first", minimal + "log: {level: x}", map[string]string{"WXTOKEND_API": "x"}, []string{
			`config.yaml:2: log.level: must be debug, info, warn or error`,
			`WXTOKEND_API: credentials[0].api: must be stable or classic`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.document, c.env)
			if got := problems(t, err); !slices.Equal(got, c.want) {
				t.Errorf("got:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}
