package check_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/check"
	"wxtokend/daemon/config"
)

func TestOffline(t *testing.T) {
	for _, tt := range []struct {
		name, redis, credentials string
		prepare                  func(w *world)
		findings                 int
		want                     []string
	}{
		{name: "a readable secret file", prepare: func(w *world) { w.write("appsecret", appSecret, 0o644) },
			want: []string{"warn  file mode: ", "has mode 0644", "-> chmod o="}},
		{name: "a short secret", prepare: func(w *world) { w.write("appsecret", "hunter2", 0o600) },
			want: []string{"warn  secret WXAccessToken: ", "not 32 hex digits as WeChat's AppSecrets are, but 7 byte(s)",
				"-> compare it"}},
		{name: "a secret with a space", prepare: func(w *world) { w.write("appsecret", appSecret+" \n", 0o600) },
			want: []string{"but 33 byte(s)"}},
		{name: "no slack", credentials: ", ahead: 30s",
			want: []string{"warn  slack WXAccessToken: -4s: ahead 30s − (lease 30s + poll 2s + wechat.timeout 2s)",
				"-> set ahead well above 34s, or make lease and poll shorter; more than 5m0s of ahead is of no use to stable\n"}},
		{name: "no slack of classic", credentials: ", api: classic, ahead: 8m, lease: 10m",
			want: []string{"-2m4s: ahead 8m0s − (lease 10m0s",
				"-> set ahead well above 10m4s, or make lease and poll shorter\n"}},
		{name: "slack that ahead gives to classic", credentials: ", api: classic, ahead: 12m, lease: 10m",
			want: []string{"0 FAIL, 0 warn"}},
		{name: "no slack that ahead could give to stable", credentials: ", ahead: 12m, lease: 10m",
			want: []string{"warn  slack WXAccessToken: -5m4s: ahead 5m0s − (lease 10m0s",
				"or make lease and poll shorter; more than 5m0s of ahead is of no use to stable"}},
		{name: "two that fight", findings: 1,
			credentials: ", api: classic}\n  - {key: B, api: classic, appid: " + appid + ", secret_file: DIR/appsecret",
			want: []string{"FAIL  appid " + appid + ": WXAccessToken and B both draw classic tokens",
				"-> use api: stable for both"}},
		{name: "two in peace",
			credentials: "}\n  - {key: B, api: classic, appid: " + appid + ", secret_file: DIR/appsecret}\n" +
				"  - {key: C, api: classic, mint: false, appid: " + appid,
			want: []string{"0 FAIL, 0 warn"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.options.Online = false
			if tt.prepare != nil {
				tt.prepare(w)
			}
			dir := strings.NewReplacer("DIR", w.dir)
			output, findings := w.check(dir.Replace(tt.redis), w.credential(dir.Replace(tt.credentials)))
			w.expect(output, findings, tt.findings, tt.want...)
		})
	}
}

func TestGoldenOffline(t *testing.T) {
	w := newWorld(t)
	w.options.Online = false
	output, findings := w.check(`redis: {url: "redis://wxtokend:`+password+`@127.0.0.1:6379/0"}`+"\n",
		w.credential(", ahead: 30s"))
	w.expect(output, findings, 0)
	w.golden("offline", output)
}

func load(t *testing.T, w *world, url string) config.Config {
	t.Helper()
	path := w.write("config.yaml", "redis: {url: \""+url+"\"}\nwechat: {base_url: \"http://127.0.0.1:1\"}\n"+
		"credentials:\n"+w.credential(""), 0o600)
	c, err := config.Source{Path: path, Explicit: true, Getenv: func(string) string { return "" }}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSecretThatVanished(t *testing.T) {
	w := newWorld(t)
	c := load(t, w, "redis://127.0.0.1:1")
	if err := os.Remove(w.dir + "/appsecret"); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	findings, err := check.Run(t.Context(), &out, c, check.Options{Online: true})
	if err != nil {
		t.Fatal(err)
	}
	w.expect(out.String(), findings, 2, "FAIL  secret WXAccessToken: ",
		"skip  wechat WXAccessToken: the AppSecret cannot be read")
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

var errBroken = errors.New("broken pipe")

func TestSaysThatItCannotWrite(t *testing.T) {
	w := newWorld(t)
	for _, online := range []bool{false, true} {
		findings, err := check.Run(t.Context(), brokenPipe{}, load(t, w, "redis://127.0.0.1:1"),
			check.Options{Online: online})
		if !errors.Is(err, errBroken) {
			t.Errorf("online %v: error = %v", online, err)
		}
		if online && findings != 2 {
			t.Errorf("%d findings, want 2", findings)
		}
	}
}

// silence takes what is written and answers nothing.
func silence(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		buffer := make([]byte, 1024)
		for {
			if _, err := theirs.Read(buffer); err != nil {
				_ = theirs.Close()
				return
			}
		}
	}()
	return ours, nil
}

func TestEndsAlthoughNobodyAnswers(t *testing.T) {
	w := newWorld(t)
	c := load(t, w, "redis://127.0.0.1:6379")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var out strings.Builder
		findings, err := check.Run(t.Context(), &out, c, check.Options{Online: true, DialRedis: silence, DialWeChat: silence})
		if err != nil {
			t.Fatal(err)
		}
		w.expect(out.String(), findings, 2, "FAIL  redis: redis://127.0.0.1:6379: no answer within redis.timeout",
			"FAIL  wechat WXAccessToken: transport: timed out")
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("took %v, want redis.timeout + wechat.timeout", took)
		}
	})
}

func TestEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	c := load(t, w, "redis://127.0.0.1:6379")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		impatient := errors.New("impatient")
		time.AfterFunc(time.Second, func() { cancel(impatient) })
		var out strings.Builder
		start := time.Now()
		_, err := check.Run(ctx, &out, c, check.Options{Online: true, DialRedis: silence, DialWeChat: silence})
		if !errors.Is(err, impatient) {
			t.Errorf("error = %v", err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		if strings.Contains(out.String(), "wechat") || strings.Contains(out.String(), " skipped\n") {
			t.Errorf("went on after its end:\n%s", out.String())
		}
	})
}
