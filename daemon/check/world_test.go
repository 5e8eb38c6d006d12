package check_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/check"
	"wxtokend/daemon/config"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechatsim"
)

const (
	appid     = "wx0123456789abcdef"
	appSecret = "cafe0123456789abcdef0123456789ff"
	password  = "CANARY-of-redis"
)

// world is a WeChat, and a configuration that names it.
type world struct {
	*testing.T
	dir     string
	sim     *wechatsim.Server
	baseURL string
	options check.Options
	secrets []string // what no output may show
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sim, err := wechatsim.New(wechatsim.Options{Apps: []wechatsim.App{{AppID: appid, Secret: appSecret},
		{AppID: "wxother", Secret: appSecret}}})
	if err != nil {
		t.Fatal(err)
	}
	https := httptest.NewServer(sim)
	t.Cleanup(https.Close)
	w := &world{T: t, dir: t.TempDir(), sim: sim, baseURL: https.URL, secrets: []string{appSecret, password}}
	w.options.Online = true
	w.write("appsecret", appSecret+"\n", 0o600)
	return w
}

func (w *world) write(name, content string, mode os.FileMode) string {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		w.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		w.Fatal(err)
	}
	return path
}

// credential is one of the list, with more options behind it.
func (w *world) credential(more string) string {
	return fmt.Sprintf("  - {appid: %s, secret_file: %s/appsecret%s}\n", appid, w.dir, more)
}

// run checks a document whose redis.url, wechat section and first credential
// are those of the world.
func (w *world) run(redisURL string) (output string, findings int) {
	w.Helper()
	return w.check(fmt.Sprintf("redis: {url: %q, timeout: 1s}\n", redisURL), w.credential(""))
}

func (w *world) check(redisSection, credentials string) (output string, findings int) {
	w.Helper()
	return w.document(redisSection + fmt.Sprintf("wechat: {base_url: %q, timeout: 2s}\n", w.baseURL) +
		"credentials:\n" + credentials)
}

func (w *world) document(text string) (output string, findings int) {
	w.Helper()
	c, err := config.Source{Path: w.write("config.yaml", text, 0o600), Explicit: true,
		Getenv: func(string) string { return "" }}.Load(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	var out strings.Builder
	findings, err = check.Run(w.Context(), &out, c, w.options)
	if err != nil {
		w.Fatal(err)
	}
	for _, issue := range w.sim.Issued() {
		w.secrets = append(w.secrets, issue.Token.Reveal())
	}
	for _, text := range w.secrets {
		if strings.Contains(out.String(), text) {
			w.Errorf("the output shows a secret (%.4s…):\n%s", text, out.String())
		}
	}
	if got := strings.Count(out.String(), "\nFAIL"); got != findings {
		w.Errorf("%d findings, but %d lines marked FAIL", findings, got)
	}
	return out.String(), findings
}

// mint stores a token as the daemon does.
func (w *world) mint(s server, token secret.Token) {
	w.Helper()
	w.secrets = append(w.secrets, token.Reveal())
	client := redis.NewClient(s.admin.Options())
	defer client.Close()
	st, c := store.New(client, time.Second, layout.Decode), w.slot()
	o := st.Observe(w.Context(), c)
	b, err := st.Begin(w.Context(), c, o.Observation,
		store.Begin{Attempt: "a1", Wait: time.Second, Day: store.Day(o.Observation.Now)})
	if err != nil {
		w.Fatal(err)
	}
	if _, _, err = st.Commit(w.Context(), c,
		store.Commit{Attempt: "a1", Token: token, ExpiresIn: 2 * time.Hour, T0: b.T0, Order: b.Order}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) slot() store.Slot {
	keys, err := store.NewKeys("WXAccessToken")
	if err != nil {
		w.Fatal(err)
	}
	return store.Slot{
		Keys: keys, Account: appid, Issuer: strings.TrimPrefix(w.baseURL, "http://"), API: "stable",
		Encode: layout.Target{Format: layout.JSON, UTCOffset: "+0800"}.Encode, Lease: 30 * time.Second,
		Overlap: 5 * time.Minute,
	}
}

func (w *world) inject(f wechatsim.Fault) {
	w.Helper()
	if _, err := w.sim.Inject(f); err != nil {
		w.Fatal(err)
	}
}

// whitelist lets only somebody else call.
func (w *world) whitelist() {
	w.Helper()
	if err := w.sim.SetWhitelist(appid, netip.MustParsePrefix("192.0.2.1/32")); err != nil {
		w.Fatal(err)
	}
}

// expect fails unless each part is in the output, and findings are as wanted.
func (w *world) expect(output string, findings, want int, parts ...string) {
	w.Helper()
	if findings != want {
		w.Errorf("%d findings, want %d", findings, want)
	}
	for _, part := range parts {
		if !strings.Contains(output, part) {
			w.Errorf("not in the output: %s", part)
		}
	}
	if w.Failed() {
		w.Logf("output:\n%s", output)
	}
}

// nameless is the network with a name server that does not know one host.
func nameless(ctx context.Context, network, addr string) (net.Conn, error) {
	if strings.HasPrefix(addr, "nameless.invalid:") {
		return nil, &net.OpError{Op: "dial", Net: network,
			Err: &net.DNSError{Err: "no such host", Name: "nameless.invalid", IsNotFound: true}}
	}
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares the output with a file, after masking what changes from run to run.
func (w *world) golden(name, output string) {
	w.Helper()
	for _, m := range []struct{ volatile, mask string }{
		{regexp.QuoteMeta(w.dir), "DIR"},
		{`127\.0\.0\.1:\d+`, "ADDR"},
		{`token:[0-9a-f]{8}`, "token:PRINT"},
		{`version \d\S+,`, "version VERSION,"},
		{`rid: [0-9a-f-]+`, "rid: RID"},
		{`20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`, "TIME"},
		{`by -?[0-9.]+[mµ]?s \(± [0-9.]+[mµ]?s\)`, "by TIME (± TIME)"},
		{`answers in [0-9.]+[µm]?s`, "answers in TIME"},
		{`another (2h0m0s|1h59m[0-9.]+s)`, "another LIFE"},
	} {
		output = regexp.MustCompile(m.volatile).ReplaceAllString(output, m.mask)
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(output), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	if output != string(want) {
		w.Errorf("output differs from %s (write it anew with -update):\n%s", path, output)
	}
}
