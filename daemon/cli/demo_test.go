package cli_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
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
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, logs syncBuffer
	ended := make(chan int, 1)
	go func() {
		p := cli.Program{Getenv: func(string) string { return "" }, Stdout: &out, Stderr: &logs}
		ended <- cli.Run(ctx, []string{"demo", "--redis", taken[0], "--http", taken[1], "--simulate", taken[2]}, p)
	}()
	var token string
	eventually(t, func() error {
		_, port, found := strings.Cut(out.String(), "redis-cli -p ")
		if !found {
			return errors.New("no word of Redis yet: " + out.String() + logs.String())
		}
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + strings.Fields(port)[0]})
		defer client.Close()
		var err error
		token, err = client.Get(ctx, "WXAccessToken").Result()
		return err
	})
	for _, addr := range taken {
		if !strings.Contains(out.String(), addr+" is taken") {
			t.Errorf("%s is taken, and nobody says so:\n%s", addr, out.String())
		}
	}
	if !strings.HasPrefix(token, `{"access_token":"`) {
		t.Errorf("token is %q", token)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d\n%s", code, logs.String())
	}
}

// eventually polls what happens in another process, where no virtual time reaches.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// syncBuffer takes the output of several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
