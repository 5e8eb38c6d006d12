package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
)

func TestDefaultsAreTheContract(t *testing.T) {
	got, err := load(t, minimal, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := got.Credentials[0]
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"log", got.Log, config.Log{Level: "info", Format: "auto"}},
		{"http", got.HTTP, config.HTTP{Listen: ":9477"}},
		{"redis url", got.Redis.URL.Reveal(), "redis://127.0.0.1:6379/0"},
		{"redis timeout", got.Redis.Timeout, 2 * time.Second},
		{"wechat", got.WeChat, config.WeChat{
			BaseURL: "https://api.weixin.qq.com", WeComBaseURL: "https://qyapi.weixin.qq.com", Timeout: 5 * time.Second,
		}},
		{"refresh", got.Refresh, config.Refresh{
			Poll: 2 * time.Second, Lease: 30 * time.Second, BackoffMin: time.Second, BackoffMax: 5 * time.Minute,
			VerifyEvery: 5 * time.Minute,
		}},
		{"credential", c, config.Credential{
			Key: "WXAccessToken", Kind: "official_account", AppID: "a", Secret: "b", API: "stable", Ahead: 270 * time.Second,
			DailyLimit: 10000, Mint: true,
			Format: "json", UTCOffset: "+0800",
			Lease: 30 * time.Second, BackoffMin: time.Second, BackoffMax: 5 * time.Minute, VerifyEvery: 5 * time.Minute,
		}},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%s = %+v, want %+v", check.name, check.got, check.want)
		}
	}
}

func TestOptionsReachTheirFields(t *testing.T) {
	dir := certificate(t)
	got, err := load(t, strings.ReplaceAll(`
log: {level: warn, format: json}
http: {listen: "127.0.0.1:0"}
redis:
  sentinel: {master: m, addrs: ["10.0.0.1:1", "[::1]:2"], username: su, password: sp}
  db: 3
  username: ru
  password: rp
  tls: {ca_file: DIR/cert.pem, cert_file: DIR/cert.pem, key_file: DIR/key.pem, server_name: name}
  timeout: 10ms
wechat: {base_url: "http://127.0.0.1:8080/wx/", wecom_base_url: "https://qy/", timeout: 20ms, proxy: "socks5://u:p@h:1"}
credentials:
  - {key: "a{b}c", appid: a1, secret: s1, api: classic}
  - key: d
    appid: a2
    mint: false
    format: raw
    utc_offset: -0000
    ahead: 1s
    daily_limit: 7
    lease: 1s
    backoff_min: 2ms
    backoff_max: 3ms
    verify_every: 1h
refresh: {poll: 1ms, lease: 40ms, backoff_min: 2s, backoff_max: 3s, verify_every: 4s}
metrics: {per_key: never}
`, "DIR", dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Log:     config.Log{Level: "warn", Format: "json"},
		HTTP:    config.HTTP{Listen: "127.0.0.1:0"},
		Metrics: config.Metrics{PerKey: "never"},
		Redis: config.Redis{
			Sentinel: &config.Sentinel{Master: "m", Addrs: []string{"10.0.0.1:1", "[::1]:2"}, Username: "su", Password: "sp"},
			Username: "ru", Password: "rp", DB: 3,
			TLS: &config.TLS{CAFile: dir + "/cert.pem", CertFile: dir + "/cert.pem", KeyFile: dir + "/key.pem",
				ServerName: "name"},
			Timeout: 10 * time.Millisecond,
		},
		WeChat: config.WeChat{
			BaseURL: "http://127.0.0.1:8080/wx", WeComBaseURL: "https://qy", Timeout: 20 * time.Millisecond,
			Proxy: "socks5://u:p@h:1",
		},
		Refresh: config.Refresh{Poll: time.Millisecond, Lease: 40 * time.Millisecond, BackoffMin: 2 * time.Second,
			BackoffMax: 3 * time.Second, VerifyEvery: 4 * time.Second},
		Credentials: []config.Credential{{
			Key: "a{b}c", Kind: "official_account", AppID: "a1", Secret: "s1", API: "classic", Ahead: 30 * time.Minute,
			DailyLimit: 1000, Mint: true, Format: "json", UTCOffset: "+0800",
			Lease: 40 * time.Millisecond, BackoffMin: 2 * time.Second, BackoffMax: 3 * time.Second, VerifyEvery: 4 * time.Second,
		}, {
			Key: "d", Kind: "official_account", AppID: "a2", API: "stable", Ahead: time.Second, DailyLimit: 7, Format: "raw",
			UTCOffset: "-0000",
			Lease:     time.Second, BackoffMin: 2 * time.Millisecond, BackoffMax: 3 * time.Millisecond, VerifyEvery: time.Hour,
		}},
	}
	if got, want := dump(t, got), dump(t, want); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	for name, pair := range map[string][2]any{
		"secret":            {got.Credentials[0].Secret.Reveal(), "s1"},
		"redis password":    {got.Redis.Password.Reveal(), "rp"},
		"sentinel password": {got.Redis.Sentinel.Password.Reveal(), "sp"},
		"proxy":             {got.WeChat.Proxy.Reveal(), "socks5://u:p@h:1"},
		"url":               {got.Redis.URL.Reveal(), ""},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %v, want %v", name, pair[0], pair[1])
		}
	}
}

// A secret is the text between the quotes or up to the end of the line,
// whatever YAML would make of it.
func TestSecretsAreTakenAsWritten(t *testing.T) {
	for written, want := range map[string]string{
		"0012": "0012", "1e5": "1e5", "0x1f": "0x1f", "1_000": "1_000", "true": "true", "yes": "yes", ".inf": ".inf",
		"2001-01-01": "2001-01-01",
		`"null"`:     "null", "'~'": "~", "'it''s'": "it's", `"\x41"`: "A", "a#b": "a#b", "a # b": "a", "中文": "中文",
		"$HOME": "$HOME", "a: b": "",
	} {
		got, err := load(t, "credentials:\n- appid: a\n  secret: "+written+"\n", nil)
		if want == "" {
			problems(t, err)
		} else if err != nil || got.Credentials[0].Secret.Reveal() != want {
			t.Errorf("secret: %s is %v (%v), want %q", written, got.Credentials, err, want)
		}
	}
}

func TestFilesThatAreGood(t *testing.T) {
	for name, document := range map[string]string{
		"byte order mark":           "\ufeff" + minimal,
		"windows":                   strings.ReplaceAll("log:\n  level: warn\n"+minimal, "\n", "\r\n"),
		"document markers":          "---\n" + minimal + "...\n",
		"empty sections":            minimal + "log:\nhttp: {}\nredis:\n  # url: x\n  sentinel:\n",
		"empty optional texts":      minimal + "wechat: {proxy: \"\"}\nhttp: {token_file: ''}\n",
		"socket with password":      minimal + "redis: {url: 'unix://:p@/run/redis.sock?db=3'}\n",
		"database as parameter":     minimal + "redis: {url: 'rediss://u:p@h?db=3'}\n",
		"embedded":                  minimal + "redis: {url: 'embedded://[::1]:6379/0'}\n",
		"user here, password there": minimal + "redis: {url: 'redis://u@h:1/', password: p}\n",
		"plain http allowed":        minimal + "wechat: {allow_http: true, base_url: 'http://10.0.0.1'}\n",
		"plain http to itself":      minimal + "wechat: {base_url: 'http://localhost:1'}\n",
		"least lease":               minimal + "refresh: {lease: 9s, poll: 9s}\n",
		"no secret, no mint":        "credentials: [{appid: a, mint: false}]",
		"one appid, two keys":       "credentials: [{appid: a, secret: b}, {appid: a, secret: b, key: c}]",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(t, document, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConfigurationFile(t *testing.T) {
	named := map[string]string{"WXTOKEND_APPID": "a", "WXTOKEND_SECRET": "b"}
	for _, c := range []struct {
		name     string
		path     string
		explicit bool
		env      map[string]string
		want     string // the whole error, "" = none
	}{
		{"default file missing, no credential", "config.yaml", false, nil,
			"config.yaml: no such file, and WXTOKEND_APPID is not set: write the file, name another one with --config, or " +
				"set WXTOKEND_APPID and WXTOKEND_SECRET_FILE"},
		{"default file missing, credential in the environment", "config.yaml", false, named, ""},
		{"explicit file missing", "x.yaml", true, named, "x.yaml: cannot read the configuration: no such file or directory"},
		{"default path is a directory", ".", false, named, ".: cannot read the configuration: is a directory"},
		{"larger than 8 MiB", "large.yaml", true, named, "large.yaml: cannot read the configuration: larger than 8192 KiB"},
		{"almost 8 MiB", "almost.yaml", true, named, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "large.yaml", strings.Repeat("#", 8<<20+1))
			write(t, "almost.yaml", strings.Repeat("#", 8<<20))
			_, err := config.Source{Path: c.path, Explicit: c.explicit, Getenv: getenv(c.env)}.Load(t.Context())
			if c.want == "" && err != nil || c.want != "" && (err == nil || problems(t, err)[0] != c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// The file in the repository is what operators copy, so it has to say the truth.
func TestShippedFileIsTheDefaults(t *testing.T) {
	_, err := config.Source{Path: "../../config.yaml", Explicit: true, Getenv: getenv(nil)}.Load(t.Context())
	got := problems(t, err)
	if len(got) != 1 || !strings.Contains(got[0],
		"credentials[0].secret_file: /run/secrets/appsecret: no such file or directory") {
		t.Errorf("as shipped, one thing is missing, the secret; got %q", got)
	}

	file := write(t, filepath.Join(t.TempDir(), "appsecret"), "s\n")
	loaded, err := config.Source{Path: "../../config.yaml", Explicit: true,
		Getenv: getenv(map[string]string{"WXTOKEND_SECRET_FILE": file})}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	example := config.DefaultCredential("stable", want.Refresh)
	example.AppID, example.SecretFile = "wx0123456789abcdef", file
	want.Credentials = []config.Credential{example}
	if got, want := dump(t, loaded), dump(t, want); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestShippedFileNamesEveryOption(t *testing.T) {
	data, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, want := optionsOf(t, uncomment(string(data))), config.OptionPaths()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("config.yaml names\n%s\nthe code knows\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What is commented out there has to be right as well: alternatives exclude
// each other and files are missing, but no name and no value is wrong.
func TestShippedFileWithoutCommentMarks(t *testing.T) {
	data, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = load(t, uncomment(string(data)), nil)
	for _, problem := range problems(t, err) {
		if !strings.Contains(problem, "exclude each other") && !strings.Contains(problem, "no such file") &&
			!strings.Contains(problem, "has no effect on the kind") {
			t.Error(problem)
		}
	}
}

func TestReadSecretWithoutAny(t *testing.T) {
	if got, err := (config.Credential{}).ReadSecret(t.Context()); err == nil || got != secret.Secret("") {
		t.Errorf("got %q, %v; want an error", got.Reveal(), err)
	}
}
