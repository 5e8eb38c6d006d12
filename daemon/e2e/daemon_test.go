package e2e

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// account is one credential, at WeChat and in the daemon's configuration.
type account struct {
	appid, secret, key, api string
	ahead                   time.Duration // 0: the default
	targets                 string        // a list in one line, "" for none
}

const (
	testKey    = "WXAccessToken"
	testSecret = "CANARY6789abcdef0123456789abcdef"
)

func newAccount(api string) account {
	return account{appid: "wx0123456789abcdef", secret: testSecret, key: testKey, api: api}
}

// settings are the rest of a daemon's configuration; zero is the default.
type settings struct {
	redis                               string // lines of the section redis, but timeout
	redisTimeout, mintTimeout           time.Duration
	poll, lease, backoffMin, backoffMax time.Duration
}

// scaled is a daemon that does everything ten times as often. Its timeouts
// leave a slow machine room, or there would be faults where none is meant.
func scaled() settings {
	return settings{redisTimeout: time.Second, mintTimeout: 2 * time.Second, poll: 200 * time.Millisecond,
		lease:      4 * time.Second,
		backoffMin: 100 * time.Millisecond, backoffMax: 30 * time.Second}
}

func (s settings) yaml(wechat string, accounts ...account) string {
	var b strings.Builder
	fmt.Fprintf(&b, "log: {level: debug, format: json}\nhttp: {listen: \"127.0.0.1:0\"}\nredis:\n%s%s", s.redis,
		option("  timeout", s.redisTimeout))
	fmt.Fprintf(&b, "wechat:\n  base_url: %q\n%s", wechat, option("  timeout", s.mintTimeout))
	if refresh := option("  poll", s.poll) + option("  lease", s.lease) + option("  backoff_min", s.backoffMin) +
		option("  backoff_max", s.backoffMax); refresh != "" {
		b.WriteString("refresh:\n" + refresh)
	}
	b.WriteString("credentials:\n")
	for _, a := range accounts {
		fmt.Fprintf(&b, "  - key: %q\n    appid: %s\n    secret: %s\n    api: %s\n%s", a.key, a.appid, a.secret, a.api,
			option("    ahead", a.ahead))
		if a.targets != "" {
			fmt.Fprintf(&b, "    targets: %s\n", a.targets)
		}
	}
	return b.String()
}

func option(name string, d time.Duration) string {
	if d == 0 {
		return ""
	}
	return name + ": " + d.String() + "\n"
}

// daemon is a running wxtokend.
type daemon struct {
	*process
	t    testing.TB
	base string // of its HTTP, known once it listens
}

// tokenShape is what every token of the simulator looks like, those included
// that no reader ever saw.
var tokenShape = regexp.MustCompile(`98_[A-Za-z0-9_-]{40,}`)

// launch starts a daemon, which may die at once if env names a failpoint.
func launch(t testing.TB, config string, env ...string) *daemon {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	writeFile(t, file, config)
	return launchFrom(t, file, env...)
}

// launchFrom is launch with a configuration that is there.
func launchFrom(t testing.TB, file string, env ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, process: spawn(t, "wxtokend "+strings.Join(env, " "), env, binary, "run", "--config", file)}
	t.Cleanup(func() {
		d.kill()
		d.keepsSecrets("its log", d.out.String())
		for _, trouble := range []string{"panic", "fatal error", "CROSSSLOT"} {
			if d.out.has(trouble) {
				t.Errorf("%q in the log of %s", trouble, d.name)
			}
		}
	})
	return d
}

// keepsSecrets fails the test if what a daemon let out holds something that
// must not leave it.
func (d *daemon) keepsSecrets(where, text string) {
	d.t.Helper()
	for what, found := range map[string]bool{
		"the AppSecret": strings.Contains(text, testSecret),
		"a password":    strings.Contains(text, password) || strings.Contains(text, rotated),
		"a token":       tokenShape.MatchString(text),
	} {
		if found {
			d.t.Errorf("%s is in %s of %s", what, where, d.name)
		}
	}
}

// run starts a daemon and returns when it listens.
func run(t testing.TB, config string, env ...string) *daemon {
	t.Helper()
	d := launch(t, config, env...)
	d.listens()
	return d
}

func (d *daemon) listens() {
	d.t.Helper()
	eventually(d.t, 20*time.Second, d.name+" listens", func() error {
		if !d.running() {
			d.t.Fatalf("%s ended:\n%s", d.name, d.out.tail(20))
		}
		found := regexp.MustCompile(`"http":"([^"]+)"`).FindStringSubmatch(d.out.String())
		if found == nil {
			return fmt.Errorf("not yet")
		}
		d.base = "http://" + found[1]
		return nil
	})
}

// get asks the daemon's HTTP. Status 0 says that it did not answer.
func (d *daemon) get(path string) (status int, body string) {
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	response, err := client.Get(d.base + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	d.keepsSecrets(path, string(text))
	return response.StatusCode, string(text)
}

// expect asks a probe until it answers with the status.
func (d *daemon) expect(path string, status int, within time.Duration) {
	d.t.Helper()
	eventually(d.t, within, fmt.Sprintf("%s answers %d", path, status), func() error {
		if got, body := d.get(path); got != status {
			return fmt.Errorf("%d %s", got, body)
		}
		return nil
	})
}

// metric is the sum of the series whose name and labels start with prefix.
func (d *daemon) metric(prefix string) (sum float64) {
	d.t.Helper()
	var status int
	var body string
	eventually(d.t, 20*time.Second, "/metrics answers", func() error {
		if status, body = d.get("/metrics"); status != http.StatusOK {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	for line := range strings.Lines(body) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(name, prefix) {
			number, _ := strconv.ParseFloat(value, 64)
			sum += number
		}
	}
	return sum
}

// Names of series, as prefixes for metric.
const (
	observed = `wxtokend_redis_operations_total{op="observe"`
	unseen   = `wxtokend_redis_operations_total{op="observe",result="error"`
	unbegun  = `wxtokend_redis_operations_total{op="begin",result="error"`
	restored = `wxtokend_restores_total`
	fenced   = `wxtokend_fence_rejections_total`
)

// more waits until a series has grown by n: that much the daemon did since.
func (d *daemon) more(series string, n float64, within time.Duration) {
	d.t.Helper()
	before := d.metric(series)
	eventually(d.t, within, fmt.Sprintf("%s grows by %v", series, n), func() error {
		if got := d.metric(series) - before; got < n {
			return fmt.Errorf("it grew by %v", got)
		}
		return nil
	})
}

// settled waits until three more ticks found nothing left to do, and looks at
// all that the daemon shows.
func (d *daemon) settled() {
	d.t.Helper()
	d.more(observed, 3, 30*time.Second)
	d.expect("/status", http.StatusOK, 0)
	d.expect("/", http.StatusOK, 0)
}
