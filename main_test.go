package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/cli"
)

// invoke runs a command line in this process, with an environment of its own. A
// command that should have failed and runs instead ends with exit 0.
func invoke(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	var out, errOut bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	code = run(ctx, args, func(name string) string { return env[name] }, &out, &errOut)
	return code, out.String(), errOut.String()
}

func TestExitCodes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	account := map[string]string{"WXTOKEND_APPID": "wx0123456789abcdef", "WXTOKEND_SECRET": "0123456789abcdef0123456789abcdef"}
	busy := map[string]string{"WXTOKEND_HTTP_LISTEN": taken.Addr().String()}
	for name, value := range account {
		busy[name] = value
	}
	cases := []struct {
		name   string
		env    map[string]string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"version", nil, []string{"version"}, 0, "wxtokend ", ""},
		{"help", nil, []string{"--help"}, 0, "demo", ""},
		{"help of a command", nil, []string{"simulate", "--help"}, 0, "--app", ""},
		{"help of a command says what it is for", nil, []string{"refresh", "--help"}, 0, "Try a refresh now, past any backoff.\nUsage: wxtokend refresh [--url http://HOST:PORT] [--force] [KEY]\n", ""},
		{"help of a command names the flags of all", nil, []string{"refresh", "--help"}, 0, "--config FILE", ""},
		{"help names defaults", nil, []string{"demo", "--help"}, 0, "[default: 127.0.0.1:6379]", ""},
		{"help of the default", nil, []string{"-h"}, 0, "Keep the configured credentials fresh (the default).", ""},
		{"explain", nil, []string{"explain", "40164"}, 0, "白名单", ""},
		{"explain a negative code", nil, []string{"explain", "-1"}, 0, "errcode -1", ""},
		{"unknown code", nil, []string{"explain", "99999"}, 1, "", "99999"},
		{"unknown command", nil, []string{"frobnicate"}, 2, "", "frobnicate"},
		{"unknown flag", nil, []string{"run", "--frob"}, 2, "", "--frob"},
		{"flag of another command", nil, []string{"run", "--online"}, 2, "", "--online"},
		{"flag without a value", nil, []string{"run", "--config"}, 2, "", "missing value for --config"},
		{"flag with an empty value", nil, []string{"run", "--config="}, 2, "", "missing value for --config"},
		{"no number", nil, []string{"simulate", "--seed", "many"}, 2, "", "--seed"},
		{"too many arguments", nil, []string{"explain", "40164", "40001"}, 2, "", "40001"},
		{"no argument", nil, []string{"explain"}, 2, "", "CODE is required"},
		{"no number to explain", nil, []string{"explain", "many"}, 2, "", "CODE"},
		{"missing file after the command", account, []string{"check", "--config", "nowhere.yaml"}, 2, "", "nowhere.yaml"},
		{"missing file before the command", account, []string{"--config=nowhere.yaml", "check"}, 2, "", "nowhere.yaml"},
		{"bad endpoint of the demo", nil, []string{"demo", "--api", "nope"}, 2, "", "--api: must be stable or classic"},
		{"no configuration", nil, nil, 2, "", "WXTOKEND_APPID"},
		{"missing file", account, []string{"--config", "nowhere.yaml"}, 2, "", "nowhere.yaml"},
		{"port taken", busy, nil, 1, "", "http.listen"},
		{"no daemon", nil, []string{"status", "--url", "http://127.0.0.1:1"}, 1, "", "127.0.0.1:1"},
		{"unhealthy", nil, []string{"healthcheck", "--url", "http://127.0.0.1:1"}, 1, "", "127.0.0.1:1"},
		{"offline check", account, []string{"check"}, 0, "wx0123456789abcdef", ""},
		{"bad app", nil, []string{"simulate", "--app", "nocolon"}, 2, "", "--app must be APPID:SECRET"},
		{"app given twice", nil, []string{"simulate", "--app", "a:b", "--app", "a:b"}, 2, "", "given twice"},
		{"no life", nil, []string{"simulate", "--life", "0s"}, 2, "", "--life and --overlap must be positive"},
		{"too short a life", nil, []string{"simulate", "--life", "1ns"}, 2, "", "zero or negative"},
		{"negative overlap", nil, []string{"simulate", "--overlap=-1s"}, 2, "", "--life and --overlap must be positive"},
		{"bad address of the simulator", nil, []string{"simulate", "--listen", "nope"}, 2, "", `--listen: must be host:port`},
		{"taken port of the simulator", nil, []string{"simulate", "--listen", taken.Addr().String()}, 1, "", "address already in use: another process has the port"},
		{"foreign address of the simulator", nil, []string{"simulate", "--listen", "192.0.2.1:80"}, 1, "", "this host has no such address"},
		{"bad address of the demo", nil, []string{"demo", "--http", "nope"}, 2, "", "--http: must be host:port"},
		{"bad port of the demo", nil, []string{"demo", "--http", "127.0.0.1:99999"}, 2, "", "--http: must be host:port"},
		{"bad Redis of the demo", nil, []string{"demo", "--redis", "127.0.0.1"}, 2, "", "--redis: must be host:port"},
		{"bad WeChat of the demo", nil, []string{"demo", "--simulate", ":http"}, 2, "", "--simulate: must be host:port"},
		{"foreign address of the demo", nil, []string{"demo", "--http", "192.0.2.1:80", "--simulate", "127.0.0.1:0"}, 1, "", "this host has no such address"},
		{"bad address of a daemon", nil, []string{"status", "--url", "nope"}, 2, "", "--url: must be http://HOST:PORT"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, c.env, c.args...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit %d, want %d\nstdout (want %q): %s\nstderr (want %q): %s", code, c.code, c.stdout, stdout, c.stderr, stderr)
			}
			if strings.Contains(stdout+stderr, account["WXTOKEND_SECRET"]) {
				t.Error("the secret was printed")
			}
			if code == cli.ExitUsage && strings.Contains(stdout+stderr, "taken") || strings.Contains(stderr, "another process") != strings.Contains(stderr, "already in use") {
				t.Errorf("blames a process that is not there: %s%s", stdout, stderr)
			}
		})
	}
}

// TestFailureOfRunIsLogged wants a failure where people look for it, and where
// machines do, with one reason.
func TestFailureOfRunIsLogged(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, env := range map[string]map[string]string{
		"http.listen": {"WXTOKEND_HTTP_LISTEN": taken.Addr().String()},
		"redis":       {"WXTOKEND_HTTP_LISTEN": "127.0.0.1:0", "WXTOKEND_REDIS_URL": "embedded://" + taken.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			env["WXTOKEND_APPID"], env["WXTOKEND_SECRET"] = "wx0123456789abcdef", "0123456789abcdef0123456789abcdef"
			code, _, stderr := invoke(t, env, "run")
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			var logged struct{ Level, Msg, Error string }
			if code != cli.ExitFailure || len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &logged) != nil {
				t.Fatalf("exit %d, want one line of JSON and one for people:\n%s", code, stderr)
			}
			if logged.Level != "ERROR" || !strings.Contains(logged.Error, "address already in use") || lines[1] != "wxtokend: "+logged.Error {
				t.Errorf("logged %+v, said %q", logged, lines[1])
			}
		})
	}
}

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
		ended <- run(ctx, []string{"demo", "--redis", taken[0], "--http", taken[1], "--simulate", taken[2]}, func(string) string { return "" }, &out, &logs)
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

// TestSignals runs the real binary against a WeChat that never answers: the
// first signal waits for the mint in flight, the second does not.
func TestSignals(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "wxtokend")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
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
