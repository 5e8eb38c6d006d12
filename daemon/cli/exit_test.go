package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/cli"
)

// invokeIn runs a command line in this process, with an environment of its own.
// A command that should have failed and runs instead ends with exit 0.
func invokeIn(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	var out, errOut bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	p := cli.Program{Getenv: func(name string) string { return env[name] }, Stdout: &out, Stderr: &errOut}
	code = cli.Run(ctx, args, p)
	return code, out.String(), errOut.String()
}

func TestExitCodes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	account := map[string]string{"WXTOKEND_APPID": "wx0123456789abcdef",
		"WXTOKEND_SECRET": "0123456789abcdef0123456789abcdef"}
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
		{"help of a command says what it is for", nil, []string{"refresh", "--help"}, 0,
			"Try a refresh now, past any backoff.\nUsage: wxtokend refresh [--url http://HOST:PORT] [--force] [KEY]\n", ""},
		{"help of a command names the flags of all", nil, []string{"refresh", "--help"}, 0, "--config FILE", ""},
		{"help names defaults", nil, []string{"demo", "--help"}, 0, "[default: 127.0.0.1:6379]", ""},
		{"help of the default", nil, []string{"-h"}, 0, "Keep the configured credentials fresh (the default).", ""},
		{"explain", nil, []string{"explain", "40164"}, 0, "白名单", ""},
		{"explain a code of WeCom", nil, []string{"explain", "60020"}, 0, "企业可信IP", ""},
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
		{"no number to explain", nil, []string{"explain", "many"}, 2, "", "CODE must be a number"},
		{"a code with a zero before it", nil, []string{"explain", "040164"}, 0, "errcode 40164", ""},
		{"no file named", nil, []string{"--config", "", "check"}, 2, "", "--config: is empty"},
		{"missing file after the command", account, []string{"check", "--config", "nowhere.yaml"}, 2, "", "nowhere.yaml"},
		{"missing file before the command", account, []string{"--config=nowhere.yaml", "check"}, 2, "", "nowhere.yaml"},
		{"bad endpoint of the demo", nil, []string{"demo", "--api", "nope"}, 2, "", "--api: must be stable or classic"},
		{"no configuration", nil, nil, 2, "", "WXTOKEND_APPID"},
		{"missing file", account, []string{"--config", "nowhere.yaml"}, 2, "", "nowhere.yaml"},
		{"port taken", busy, nil, 1, "", "http.listen"},
		{"no daemon", nil, []string{"status", "--url", "http://127.0.0.1:1"}, 1, "", "127.0.0.1:1"},
		{"unhealthy", nil, []string{"healthcheck", "--url", "http://127.0.0.1:1"}, 1, "", "127.0.0.1:1"},
		{"nothing to wait for", nil, []string{"wait", "--config", os.DevNull}, 2, "", "name the KEY to wait for"},
		{"no configuration to wait by", nil, []string{"wait"}, 2, "", "no such file"},
		{"bad key to wait for", nil, []string{"wait", "a{b"}, 2, "", "braces in a key"},
		{"negative wait", nil, []string{"wait", "K", "--timeout=-1s"}, 2, "", "must not be negative"},
		{"bad option beside a wait", map[string]string{"WXTOKEND_LOG_LEVEL": "loud"}, []string{"wait", "K"}, 2, "",
			"WXTOKEND_LOG_LEVEL"},
		{"unready", nil, []string{"healthcheck", "--ready", "--url", "http://127.0.0.1:1"}, 1, "", "127.0.0.1:1"},
		{"offline check", account, []string{"check"}, 0, "wx0123456789abcdef", ""},
		{"bad app", nil, []string{"simulate", "--app", "nocolon"}, 2, "", "--app must be APPID:SECRET"},
		{"app given twice", nil, []string{"simulate", "--app", "a:b", "--app", "a:b"}, 2, "", "given twice"},
		{"bad corp", nil, []string{"simulate", "--corp", "ww1:secret"}, 2, "", "--corp must be CORPID:AGENTID:SECRET"},
		{"corp without a secret", nil, []string{"simulate", "--corp", "ww1:1000002:"}, 2, "", "secret: empty"},
		{"agent given twice", nil, []string{"simulate", "--corp", "ww1:1:a", "--corp", "ww1:1:b"}, 2, "", "given twice"},
		{"no life", nil, []string{"simulate", "--life", "0s"}, 2, "", "--life and --overlap must be positive"},
		{"too short a life", nil, []string{"simulate", "--life", "1ns"}, 2, "", "zero or negative"},
		{"negative overlap", nil, []string{"simulate", "--overlap=-1s"}, 2, "", "--life and --overlap must be positive"},
		{"bad address of the simulator", nil, []string{"simulate", "--listen", "nope"}, 2, "", `--listen: must be host:port`},
		{"taken port of the simulator", nil, []string{"simulate", "--listen", taken.Addr().String()}, 1, "",
			"address already in use: another process has the port"},
		{"foreign address of the simulator", nil, []string{"simulate", "--listen", "192.0.2.1:80"}, 1, "",
			"this host has no such address"},
		{"bad address of the demo", nil, []string{"demo", "--http", "nope"}, 2, "", "--http: must be host:port"},
		{"bad port of the demo", nil, []string{"demo", "--http", "127.0.0.1:99999"}, 2, "", "--http: must be host:port"},
		{"bad Redis of the demo", nil, []string{"demo", "--redis", "127.0.0.1"}, 2, "", "--redis: must be host:port"},
		{"bad WeChat of the demo", nil, []string{"demo", "--simulate", ":http"}, 2, "", "--simulate: must be host:port"},
		{"foreign address of the demo", nil, []string{"demo", "--http", "192.0.2.1:80", "--simulate", "127.0.0.1:0"}, 1, "",
			"this host has no such address"},
		{"bad address of a daemon", nil, []string{"status", "--url", "nope"}, 2, "", "--url: must be http://HOST:PORT"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := invokeIn(t, c.env, c.args...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit %d, want %d\nstdout (want %q): %s\nstderr (want %q): %s", code, c.code, c.stdout, stdout, c.stderr,
					stderr)
			}
			if strings.Contains(stdout+stderr, account["WXTOKEND_SECRET"]) {
				t.Error("the secret was printed")
			}
			if code == cli.ExitUsage && strings.Contains(stdout+stderr, "taken") ||
				strings.Contains(stderr, "another process") != strings.Contains(stderr, "already in use") {
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
			code, _, stderr := invokeIn(t, env, "run")
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			var logged struct{ Level, Msg, Error string }
			if code != cli.ExitFailure || len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &logged) != nil {
				t.Fatalf("exit %d, want one line of JSON and one for people:\n%s", code, stderr)
			}
			if logged.Level != "ERROR" || !strings.Contains(logged.Error, "address already in use") ||
				lines[1] != "wxtokend: "+logged.Error {
				t.Errorf("logged %+v, said %q", logged, lines[1])
			}
		})
	}
}

// TestStuckStderrHoldsUpNoEnd: neither a mistake nor a failure of run waits to be
// read.
func TestStuckStderrHoldsUpNoEnd(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	t.Chdir(t.TempDir())
	env := map[string]string{"WXTOKEND_APPID": "wx0123456789abcdef",
		"WXTOKEND_SECRET": "0123456789abcdef0123456789abcdef", "WXTOKEND_HTTP_LISTEN": taken.Addr().String()}
	for want, getenv := range map[int]func(string) string{
		cli.ExitUsage:   func(string) string { return "" },
		cli.ExitFailure: func(name string) string { return env[name] },
	} {
		unread, stderr := io.Pipe()
		code := make(chan int)
		go func() {
			code <- cli.Run(t.Context(), nil, cli.Program{Getenv: getenv, Stdout: io.Discard, Stderr: stderr})
		}()
		select {
		case got := <-code:
			if got != want {
				t.Errorf("exit %d, want %d", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("no exit %d", want)
		}
		_ = unread.Close()
	}
}
