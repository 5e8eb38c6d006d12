//go:build sdk

package sdk

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	poll = 200 * time.Millisecond
	// verifyEvery is short, so that a report is followed at once.
	verifyEvery = 3 * time.Second
	// healsWithin is when to give up, and not what is promised: the machine may be busy.
	healsWithin = 30 * time.Second
	bearer      = "bearer-of-the-sdks"
)

// wxtokend is the built daemon, at work beside the apps.
type wxtokend struct {
	t testing.TB
	*process
	base string
}

// startDaemon has it keep these credentials in a database. It ends with the test.
func startDaemon(t testing.TB, db int, all []*credential) *wxtokend {
	t.Helper()
	// The kernel ends it with the thread that started it.
	runtime.LockOSThread()
	token := filepath.Join(t.TempDir(), "bearer")
	config := map[string]any{
		"log":   map[string]any{"format": "json"},
		"http":  map[string]any{"listen": "127.0.0.1:0", "token_file": token},
		"redis": map[string]any{"url": redisURL(db)},
		// Its calls bypass the wire, which counts those of the SDK.
		"wechat":  map[string]any{"base_url": shared.simulator, "wecom_base_url": shared.simulator},
		"refresh": map[string]any{"poll": poll.String(), "verify_every": verifyEvery.String(), "backoff_min": "100ms"},
	}
	var credentials []map[string]any
	for _, c := range all {
		credentials = append(credentials, c.config())
	}
	config["credentials"] = credentials
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	for name, text := range map[string]string{token: bearer, file: string(text)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, address, err := spawn(`"http":"[0-9.:]+"`, shared.binary, "run", "--config", file)
	if err != nil {
		t.Fatal(err)
	}
	d := &wxtokend{t, p, "http://" + strings.Trim(address[len(`"http":`):], `"`)}
	t.Cleanup(d.end)
	return d
}

// config is the credential as an operator writes it.
func (c *credential) config() map[string]any {
	all := map[string]any{"key": c.key, "kind": c.kind}
	switch {
	case c.isTicket():
		all["from"] = c.from
	case c.kind == "wecom":
		all["corpid"], all["secret"] = c.account, c.secret
		if c.agent != "" {
			all["agentid"] = c.agent
		}
	default:
		all["appid"], all["secret"], all["api"] = c.account, c.secret, c.api
	}
	if c.target.Layout == "" {
		return all
	}
	target := map[string]any{"layout": c.target.Layout}
	if c.target.Prefix != "" {
		target["prefix"] = c.target.Prefix
	}
	if c.target.Mini {
		target["mini"] = true
	}
	if c.target.SecretInKey {
		target["secret_in_key"] = true
	}
	all["targets"] = []any{target}
	return all
}

// pause freezes it, as a long pause of its host would; resume undoes that.
func (d *wxtokend) pause()  { d.signal(syscall.SIGSTOP) }
func (d *wxtokend) resume() { d.signal(syscall.SIGCONT) }

func (d *wxtokend) signal(s os.Signal) {
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Errorf("wxtokend: %v: %v", s, err)
	}
}

func (d *wxtokend) end() {
	d.resume()
	d.signal(syscall.SIGTERM)
	kill := time.AfterFunc(20*time.Second, func() { _ = d.cmd.Process.Kill() })
	defer kill.Stop()
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("wxtokend ended with %v", err)
	}
	if strings.Contains(d.out.String(), appSecret) {
		d.t.Error("the AppSecret is in the log")
	}
	if d.t.Failed() {
		d.t.Logf("wxtokend printed:\n%s", d.out.String())
	}
}

// ask sends it a request with the bearer token.
func (d *wxtokend) ask(method, path, body string) (status int, text string) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.base+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		d.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// report says as a reader does that WeChat refused a token.
func (d *wxtokend) report(c *credential, token string) {
	d.t.Helper()
	body := fmt.Sprintf(`{"token":%q}`, token)
	switch status, text := d.ask(http.MethodPost, "/refresh/"+c.key, body); status {
	case http.StatusAccepted, http.StatusOK, http.StatusTooManyRequests:
	default:
		d.t.Fatalf("a report of %s: %d %s", c.kind, status, text)
	}
}

// force replaces a token that leaked.
func (d *wxtokend) force(c *credential) {
	d.t.Helper()
	if status, text := d.ask(http.MethodPost, "/refresh/"+c.key, `{"force":true}`); status != http.StatusAccepted {
		d.t.Fatalf("a forced refresh: %d %s", status, text)
	}
}

// counted adds up the series that begin so.
func (d *wxtokend) counted(series string) (sum int) {
	d.t.Helper()
	_, page := d.ask(http.MethodGet, "/metrics", "")
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, series) {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndex(line, " "):]))
		if err != nil {
			d.t.Fatalf("%s: %v", line, err)
		}
		sum += n
	}
	return sum
}

// eventually waits for something that is done at a poll.
func eventually(t testing.TB, what string, done func() bool) (took time.Duration) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if done() {
			return time.Since(began)
		}
		if time.Since(began) > healsWithin {
			t.Fatalf("after %v not: %s", healsWithin, what)
		}
	}
}
