package cli_test

import (
	"context"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxtokend/daemon/cli"
)

// onWrite calls then when a line with text is written.
type onWrite struct {
	text string
	then func()
}

func (w onWrite) Write(line []byte) (int, error) {
	if strings.Contains(string(line), w.text) {
		w.then()
	}
	return len(line), nil
}

// TestWarningsAreLoggedAtTheStart: a variable that sets nothing, which is all
// that a person sees of a misspelt one.
func TestWarningsAreLoggedAtTheStart(t *testing.T) {
	t.Setenv("WXTOKEND_FORMAT", "raw")
	t.Chdir(t.TempDir())
	env := map[string]string{
		"WXTOKEND_APPID": "wx0123456789abcdef", "WXTOKEND_MINT": "false",
		"WXTOKEND_HTTP_LISTEN": "127.0.0.1:0", "WXTOKEND_REDIS_URL": "redis://127.0.0.1:1",
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	warned := false
	stderr := onWrite{`the variable \"WXTOKEND_FORMAT\" sets nothing`, func() { warned = true; cancel() }}
	p := cli.Program{Getenv: func(name string) string { return env[name] }, Stdout: io.Discard, Stderr: stderr}
	if code := cli.Run(ctx, []string{"run"}, p); code != 0 || !warned {
		t.Errorf("exit %d, warned %v", code, warned)
	}
}

// TestWarningsAreLoggedAgain: also of what comes when the configuration is read again.
func TestWarningsAreLoggedAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(verifyEvery string) {
		text := "redis: {url: 'redis://127.0.0.1:1'}\nhttp: {listen: '127.0.0.1:0'}\ncredentials:\n" +
			"  - {key: a, appid: wx0123456789abcdef, secret: 0123456789abcdef0123456789abcdef" + verifyEvery + "}\n"
		if err := os.WriteFile("config.yaml", []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	warned := false
	stderr := io.MultiWriter(
		onWrite{`"wxtokend starts"`, func() {
			write(", verify_every: 10s")
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				t.Error(err)
			}
		}},
		onWrite{"8640 questions a day", func() { warned = true; cancel() }},
	)
	p := cli.Program{Getenv: func(string) string { return "" }, Stdout: io.Discard, Stderr: stderr}
	if code := cli.Run(ctx, []string{"run"}, p); code != 0 || !warned {
		t.Errorf("exit %d, warned %v", code, warned)
	}
}
