package check_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxtokend/daemon/check"
	"wxtokend/daemon/config"
)

// kubernetes are the variables of Services named wxtokend and wxtokend-api.
func kubernetes() []string {
	return []string{
		"WXTOKEND_SERVICE_HOST=10.0.0.1", "WXTOKEND_SERVICE_PORT=9477", "WXTOKEND_SERVICE_PORT_HTTP=9477",
		"WXTOKEND_PORT=tcp://10.0.0.1:9477",
		"WXTOKEND_PORT_9477_TCP=tcp://10.0.0.1:9477", "WXTOKEND_PORT_9477_TCP_PROTO=tcp", "WXTOKEND_PORT_9477_TCP_PORT=9477",
		"WXTOKEND_PORT_9477_TCP_ADDR=10.0.0.1", "WXTOKEND_API_SERVICE_HOST=10.0.0.2", "WXTOKEND_API_SERVICE_PORT=1",
		"WXTOKEND_API_PORT=tcp://10.0.0.2:1",
		"WXTOKEND_API_PORT_1_UDP=udp://10.0.0.2:1", "WXTOKEND_API_PORT_1_UDP_PROTO=udp",
	}
}

// TestWarnings wants the same from check and, in the log, from a daemon that starts.
func TestWarnings(t *testing.T) {
	const wechat = "wechat: {base_url: 'https://api.weixin.qq.com'}\n"
	for _, tt := range []struct {
		name, document string
		environ        []string
		secret         string
		want           []string // of each warning the subject and a part of what is said, "" for none
	}{
		{"nothing", wechat, []string{"WXTOKEND_API=stable", "WXTOKEND_CONFIG=x", "WXTOKEND_MINT=false", "WXTOKEND_UNSET=",
			"HOME=/"}, "", nil},
		{"a variable that is none", wechat, []string{"WXTOKEND_FORMAT=raw", "WXTOKEND_REDIS_PORT=6379"}, "",
			[]string{`environment: the variable "WXTOKEND_FORMAT" sets nothing`,
				`environment: the variable "WXTOKEND_REDIS_PORT" sets nothing`}},
		{"a name that no terminal should get", wechat, []string{"WXTOKEND_\x1b[2J" + strings.Repeat("x", 1000) + "=1"}, "",
			[]string{`environment: the variable "WXTOKEND_\x1b[2Jxxx`}},
		{"a port that somebody wrote", wechat, []string{"WXTOKEND_PORT=8080"}, "",
			[]string{`environment: the variable "WXTOKEND_PORT" sets nothing`}},
		{"a Service in Kubernetes", wechat, kubernetes(), "", nil},
		{"a proxy that is not used", wechat, []string{"HTTPS_PROXY=http://:hunter2@p:1"}, "",
			[]string{"proxy: the variable HTTPS_PROXY is set"}},
		{"in small letters", wechat, []string{"https_proxy=p:1"}, "", []string{"proxy: the variable https_proxy is set"}},
		{"a proxy that is used", "wechat: {proxy: 'http://p:1'}\n", []string{"HTTPS_PROXY=http://p:1"}, "", nil},
		{"a simulator", "wechat: {base_url: 'http://127.0.0.1:1'}\nrefresh: {verify_every: 2s}\n",
			[]string{"HTTPS_PROXY=http://p:1"}, "", nil},
		{"a proxy for what is not asked by https", "wechat: {base_url: 'http://wechat.test', allow_http: true}\n",
			[]string{"HTTPS_PROXY=p:1"}, "", nil},
		{"a proxy for plain http", "wechat: {base_url: 'http://wechat.test', allow_http: true}\n", []string{"http_proxy=p:1"},
			"", []string{"proxy: the variable http_proxy is set and wechat.proxy is not: http://wechat.test is asked directly"}},
		{"a proxy for all", wechat, []string{"ALL_PROXY=socks5://p:1"}, "", []string{"proxy: the variable ALL_PROXY is set"}},
		{"a proxy that curl would not use", wechat, []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=localhost,.weixin.qq.com"},
			"", nil},
		{"a proxy for nobody", wechat, []string{"https_proxy=http://p:1", "no_proxy=*"}, "", nil},
		{"a proxy for others", wechat, []string{"https_proxy=http://p:1", "no_proxy=10.0.0.0/8"}, "",
			[]string{"proxy: the variable https_proxy is set"}},
		{"the most frequent questions", wechat + "refresh: {verify_every: 204s}\n", nil, "", nil},
		{"too frequent questions", wechat + "refresh: {verify_every: 203s}\n", nil, "",
			[]string{"verify_every WXAccessToken: 3m23s: up to 425 questions a day and 576 more"}},
		{"some keystrokes in the secret", wechat, nil, `"` + appSecret + `"`, []string{"secret WXAccessToken: from "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.options.Online, w.options.Environ = false, tt.environ
			if tt.secret != "" {
				w.write("appsecret", tt.secret, 0o600)
			}
			text := tt.document + "credentials:\n" + w.credential("")
			output, findings := w.document(text)
			w.expect(output, findings, 0, tt.want...)
			if got := strings.Count(output, "warn  "); got != len(tt.want) {
				t.Errorf("%d warnings, want %d:\n%s", got, len(tt.want), output)
			}
			if strings.Contains(output, "hunter2") || strings.Contains(output, "\x1b") {
				t.Errorf("the output repeats a value or a control character:\n%s", output)
			}

			c, err := config.Source{Path: w.dir + "/config.yaml", Explicit: true,
				Getenv: func(string) string { return "" }}.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			warner := check.NewWarner(slog.New(slog.NewJSONHandler(&log, nil)), tt.environ)
			warner.Warn(t.Context(), c)
			// What is as before is not said again.
			warner.Warn(t.Context(), c)
			if got := strings.Count(log.String(), `"level":"WARN"`); got != len(tt.want) ||
				strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), appSecret) {
				t.Errorf("%d lines, want %d:\n%s", got, len(tt.want), log.String())
			}
		})
	}
}

func TestOneCredentialAsksTooOften(t *testing.T) {
	w := newWorld(t)
	w.options.Online = false
	output, findings := w.document("credentials:\n" + w.credential(", verify_every: 10s"))
	w.expect(output, findings, 0, "warn  verify_every WXAccessToken: 10s: up to 8640 questions a day",
		"-> set it to 3m24s or more", "1 warn")
}

// Each platform has an address of its own, and a credential that draws nothing asks none.
func TestWarningsOfWhatIsAsked(t *testing.T) {
	const simulator, shop, corp = "http://127.0.0.1:1", "  - {key: Shop, appid: wx1, secret: " + appSecret,
		"  - {key: Corp, kind: wecom, corpid: ww1, secret: " + appSecret + "12345678901"
	atWeChat, atWeCom := "https://api.weixin.qq.com", "https://qyapi.weixin.qq.com"
	for _, tt := range []struct {
		name, baseURL, weComURL, credentials string
		want                                 []string
	}{
		{"both", atWeChat, atWeCom, shop + "}\n" + corp + "}\n", []string{
			"proxy: the variable HTTPS_PROXY is set and wechat.proxy is not: " + atWeChat + " is asked directly",
			"proxy: the variable HTTPS_PROXY is set and wechat.proxy is not: " + atWeCom + " is asked directly",
			"verify_every Shop: 10s"}},
		{"WeCom beside a simulator", simulator, atWeCom, shop + "}\n" + corp + "}\n", []string{
			atWeCom + " is asked directly", "verify_every Corp: 10s"}},
		{"a simulator of WeCom", atWeChat, simulator, corp + "}\n", nil},
		{"nothing is drawn", atWeChat, atWeCom, shop + ", mint: false}\n" + corp + ", mint: false}\n", nil},
	} {
		w := newWorld(t)
		w.options.Online, w.options.Environ = false, []string{"HTTPS_PROXY=http://p:1"}
		output, findings := w.document("refresh: {verify_every: 10s}\nwechat: {base_url: '" + tt.baseURL +
			"', wecom_base_url: '" + tt.weComURL + "'}\ncredentials:\n" + tt.credentials)
		w.expect(output, findings, 0, tt.want...)
		if got := strings.Count(output, "warn  "); got != len(tt.want) {
			t.Errorf("%s: %d warnings, want %d:\n%s", tt.name, got, len(tt.want), output)
		}
	}
}

func TestReaderDrawsItsOwn(t *testing.T) {
	for ahead, want := range map[string]int{"2m": 1, "3m": 1, "181s": 0} {
		w := newWorld(t)
		w.options.Online = false
		output, findings := w.document("credentials:\n" + w.credential(", ahead: "+ahead+
			", targets: [{layout: eric_guo, secret_in_key: true}, {layout: wechatpy}, {layout: wxjava}]"))
		w.expect(output, findings, 0, fmt.Sprintf("%d warn", want))
		if said := "eric_guo draws its own up to 3m0s before the end"; strings.Count(output, said) != want {
			t.Errorf("ahead %s:\n%s", ahead, output)
		}
	}
}

// TestTheLogIsNotFloodedAtTheStart: ten thousand wrong secrets are a mistake and no news.
func TestTheLogIsNotFloodedAtTheStart(t *testing.T) {
	c := config.Default()
	for i := range 1000 {
		credential := config.DefaultCredential("stable", c.Refresh)
		credential.Key, credential.Secret = fmt.Sprint("key", i), "short"
		c.Credentials = append(c.Credentials, credential)
	}
	var log bytes.Buffer
	w := check.NewWarner(slog.New(slog.NewJSONHandler(&log, nil)), nil)
	w.Warn(t.Context(), c)
	if got := strings.Count(log.String(), "\n"); got != 21 || !strings.Contains(log.String(), `"more":980`) {
		t.Errorf("%d lines:\n%s", got, log.String())
	}
	log.Reset()
	c.Credentials[999].Secret = "another"
	w.Warn(t.Context(), c)
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "key999") {
		t.Errorf("after a change:\n%s", got)
	}
}

// TestFilesOfACorrectPod: the volume of a Secret is readable for all in the
// pod, and a user name in an address is no secret.
func TestFilesOfACorrectPod(t *testing.T) {
	w := newWorld(t)
	w.options.Online = false
	dir := filepath.Join(w.dir, "..2024_01_02_03_04_05.123")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.write(filepath.Join(filepath.Base(dir), "secret"), appSecret, 0o644)
	for link, target := range map[string]string{"..data": filepath.Base(dir), "secret": "..data/secret"} {
		if err := os.Symlink(target, filepath.Join(w.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	text := "redis: {url: 'redis://wxtokend@h/0'}\ncredentials:\n  - {appid: " + appid + ", secret_file: " +
		w.dir + "/secret}\n"
	output, findings := w.document(text)
	w.expect(output, findings, 0, "0 warn")

	// The group was chosen by somebody; everybody else was not.
	w.write("appsecret", appSecret, 0o640)
	output, findings = w.document("credentials:\n" + w.credential(""))
	w.expect(output, findings, 0, "0 warn")
	for name, mode := range map[string]os.FileMode{"token": 0o604, "password": 0o666, "sentinel": 0o644} {
		w.write(name, "s", mode)
	}
	path := w.write("config.yaml", strings.NewReplacer("DIR", w.dir).Replace(
		"http: {token_file: DIR/token}\nredis:\n  password_file: DIR/password\n"+
			"  sentinel: {master: m, addrs: ['h:1'], password_file: DIR/sentinel}\nwechat: {proxy: 'http://u:p@h:1'}\n"+
			"credentials:\n"+w.credential("")), 0o644)
	c, err := config.Source{Path: path, Explicit: true, Getenv: func(string) string { return "" }}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if findings, err = check.Run(t.Context(), &out, c, w.options); err != nil {
		t.Fatal(err)
	}
	w.expect(out.String(), findings, 0, "warn  file mode: "+path+" holds a secret and has mode 0644",
		"/token holds a secret and has mode 0604",
		"/password holds a secret and has mode 0666", "/sentinel holds a secret and has mode 0644", "4 warn")
}
