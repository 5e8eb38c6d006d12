package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxtokend/daemon/wechatsim"
)

// TestSignals runs the real binary against a WeChat that never answers: the
// first signal waits for the mint in flight, the second does not.
func TestSignals(t *testing.T) {
	binary := compile(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	asked := make(chan struct{}, 10)
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			asked <- struct{}{}
		}
	}()
	for signals, want := range map[int]int{1: 0, 2: 1} {
		t.Run(fmt.Sprint(signals), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.yaml")
			config := fmt.Sprintf("http: {listen: \"127.0.0.1:0\"}\nredis: {url: \"embedded://127.0.0.1:0\", timeout: 500ms}\n"+
				"wechat: {base_url: \"http://%s\", timeout: 2s}\n"+
				"credentials: [{appid: wx0123456789abcdef, secret: \"0123456789abcdef0123456789abcdef\"}]\n", silent.Addr())
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(binary, "--config", file)
			var logs syncBuffer
			cmd.Stderr = &logs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill() //nolint:errcheck // it has ended, if all is well
			select {
			case <-asked:
			case <-time.After(10 * time.Second):
				t.Fatalf("WeChat was never asked\n%s", logs.String())
			}
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if signals == 2 {
				eventually(t, func() error {
					if !strings.Contains(logs.String(), "stopping") {
						return errors.New("does not stop")
					}
					return nil
				})
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != want {
				t.Errorf("exit %d, want %d\n%s", code, want, logs.String())
			}
			if stopped := strings.Contains(logs.String(), "has stopped"); stopped != (signals == 1) {
				t.Errorf("clean end: %v\n%s", stopped, logs.String())
			}
		})
	}
}

// compile builds the real binary.
func compile(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "wxtokend")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// late is a simulated WeChat that answers from when released is closed.
func late(t *testing.T) (address string, asked, released chan struct{}) {
	t.Helper()
	sim, err := wechatsim.New(wechatsim.Options{
		Apps:    []wechatsim.App{{AppID: "wx0123456789abcdef", Secret: "0123456789abcdef0123456789abcdef"}},
		Periods: wechatsim.DefaultPeriods(),
	})
	if err != nil {
		t.Fatal(err)
	}
	asked, released = make(chan struct{}, 100), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-released:
			sim.ServeHTTP(w, r)
		case <-r.Context().Done(): // the daemon died
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked, released
}

// daemon is the real binary at run, with a Redis of its own.
func daemon(t *testing.T, weChat string, stderr *os.File) *exec.Cmd {
	t.Helper()
	return daemonAt(t, "127.0.0.1:0", "embedded://127.0.0.1:0", weChat, stderr)
}

func daemonAt(t *testing.T, listen, redis, weChat string, stderr *os.File) *exec.Cmd {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	config := fmt.Sprintf("http: {listen: %q}\nredis: {url: %q}\nwechat: {base_url: %q}\nrefresh: {poll: 200ms}\n"+
		"credentials: [{appid: wx0123456789abcdef, secret: \"0123456789abcdef0123456789abcdef\"}]\n",
		listen, redis, weChat)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(compile(t), "--config", file)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// firstLine is the one that names the address of the page.
func firstLine(t *testing.T, logs *bufio.Reader) (address string) {
	t.Helper()
	line, err := logs.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var logged struct{ HTTP string }
	if err := json.Unmarshal(line, &logged); err != nil || logged.HTTP == "" {
		t.Fatalf("%s: %v", line, err)
	}
	return "http://" + logged.HTTP
}

// ready wants a token under the key, and then a clean end.
func ready(t *testing.T, cmd *exec.Cmd, address string) {
	t.Helper()
	for _, probe := range []string{"/readyz", "/healthz"} {
		eventually(t, func() error {
			answer, err := http.Get(address + probe)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return errors.New(answer.Status)
			}
			return nil
		})
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	defer time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestReaderOfTheLogGoesAway is `wxtokend run 2>&1 | head -n 1`.
func TestReaderOfTheLogGoesAway(t *testing.T) {
	weChat, asked, released := late(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := daemon(t, weChat, writer)
	_ = writer.Close()
	address := firstLine(t, bufio.NewReaderSize(reader, 1))
	_ = reader.Close()
	<-asked
	close(released) // from here on there is something to log
	ready(t, cmd, address)
}

// TestReaderOfTheLogStalls from before the first line on: `wxtokend run 2>&1 | less`.
func TestReaderOfTheLogStalls(t *testing.T) {
	weChat, asked, released := late(t)
	close(released)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	_ = writer.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err = writer.Write(make([]byte, 8<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the pipe is not full: %v", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = free.Close()
	redis := miniredis.RunT(t)
	cmd := daemonAt(t, free.Addr().String(), "redis://"+redis.Addr(), weChat, writer)
	_ = writer.Close()
	for range 2 {
		eventually(t, func() error {
			if !redis.Del("WXAccessToken") { // which the log is told of, in vain
				return errors.New("there is no token")
			}
			return nil
		})
	}
	ready(t, cmd, "http://"+free.Addr().String())
	if len(asked) != 1 {
		t.Errorf("%d tokens were drawn, want 1", len(asked))
	}
}

// TestHangup: SIGHUP in the middle of a mint loses no token, and is answered.
func TestHangup(t *testing.T) {
	weChat, asked, released := late(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd := daemon(t, weChat, writer)
	_ = writer.Close()
	logs := bufio.NewReader(reader)
	address := firstLine(t, logs)
	<-asked
	_ = cmd.Process.Signal(syscall.SIGHUP)
	for {
		line, err := logs.ReadString('\n')
		if err != nil {
			t.Fatalf("no word of SIGHUP: %v", err)
		}
		if strings.Contains(line, "the configuration was read again") {
			break
		}
	}
	close(released)
	go func() { _, _ = io.Copy(io.Discard, logs) }()
	ready(t, cmd, address)
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
