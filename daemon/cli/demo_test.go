package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/cli"
)

// TestDemo runs the demo where all its ports are taken.
func TestDemo(t *testing.T) {
	taken := make([]string, 3)
	for i := range taken {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		taken[i] = ln.Addr().String()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	said, stdout := io.Pipe()
	var logs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		p := cli.Program{Getenv: func(string) string { return "" }, Stdout: stdout, Stderr: &logs}
		ended <- cli.Run(ctx, []string{"demo", "--redis", taken[0], "--http", taken[1], "--simulate", taken[2]}, p)
		_ = stdout.Close()
	}()
	var out, token string
	for lines := bufio.NewScanner(said); lines.Scan(); {
		out += lines.Text() + "\n"
		_, port, found := strings.Cut(lines.Text(), "redis-cli -p ")
		if !found {
			continue
		}
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + strings.Fields(port)[0]})
		defer client.Close()
		go io.Copy(io.Discard, said) //nolint:errcheck // what follows is not of interest
		for token == "" && ctx.Err() == nil {
			token, _ = client.Get(ctx, "WXAccessToken").Result()
		}
		break
	}
	cancel()
	code := <-ended
	for _, addr := range taken {
		if !strings.Contains(out, addr+" is taken") {
			t.Errorf("%s is taken, and nobody says so:\n%s", addr, out)
		}
	}
	if code != 0 || !strings.HasPrefix(token, `{"access_token":"`) {
		t.Errorf("exit %d, token is %q\n%s", code, token, logs.String())
	}
}
