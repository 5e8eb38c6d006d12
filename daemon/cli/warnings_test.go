package cli_test

import (
	"context"
	"io"
	"strings"
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
