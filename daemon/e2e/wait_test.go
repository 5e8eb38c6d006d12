package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reading is a configuration of somebody who has no AppSecret, and whose user
// of Redis has a reader's rights and no more.
func reading(t *testing.T, redis string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	writeFile(t, file, fmt.Sprintf("redis:\n%s  username: app\n  password_file: %s\n  timeout: 1s\n", redis,
		passwordFile(t))+
		"refresh: {poll: 100ms}\n"+
		"credentials: [{key: WXAccessToken, appid: wx0123456789abcdef, secret_file: /run/secrets/nowhere}]\n")
	return file
}

// letRead gives that user its rights.
func letRead(s *server, rules ...any) {
	s.t.Helper()
	s.do(append([]any{"acl", "setuser", "app", "reset", "on", ">" + password}, rules...)...)
}

var readersRights = []any{"~" + testKey, "+get", "+pttl"}

func waitFor(t *testing.T, config string, arguments ...string) *process {
	t.Helper()
	return spawn(t, "wxtokend wait", nil, append([]string{binary, "wait", "--config", config}, arguments...)...)
}

// says wants the process to give this reason.
func (p *process) says(t *testing.T, text string) {
	t.Helper()
	eventually(t, startup, p.name+" says "+text, func() error {
		if !p.out.has(text) {
			return fmt.Errorf("it says %s", p.out.tail(3))
		}
		return nil
	})
}

func (p *process) exits(t *testing.T, code int) {
	t.Helper()
	if got := p.wait(t, startup).ExitStatus(); got != code {
		t.Errorf("exit %d, want %d: %s", got, code, p.out.tail(3))
	}
}

// TestWait: all that can keep readers from a token, and what ends the wait.
func TestWait(t *testing.T) {
	beside(t)
	s := startRedis(t)
	letRead(s, readersRights...)
	config := reading(t, fmt.Sprintf("  url: redis://%s/0\n", s.addr))
	life := func(d time.Duration) { s.do("set", testKey, `{"access_token":"CANARY"}`, "px", d.Milliseconds()) }
	named := func(d time.Duration) {
		s.do("set", testKey, fmt.Sprintf(`{"access_token":"CANARY","expires_in":7200,"expiresAt":"\/Date(%d+0800)\/"}`,
			time.Now().Add(d).UnixMilli()), "px", 3600000)
	}
	for _, c := range []struct {
		name   string
		before func()
		reason string
		after  func()
	}{
		{"missing", func() {}, "there is no such key", func() { life(time.Hour) }},
		{"too short", func() { life(50 * time.Second) }, `and --min is 1m0s`, func() { life(2 * time.Minute) }},
		{"endless", func() { s.do("set", testKey, "x") }, "no wxtokend has written it", func() { life(time.Hour) }},
		{"no right", func() { life(time.Hour); letRead(s, "~"+testKey) },
			"ACL SETUSER <user> ~WXAccessToken +get", func() { letRead(s, readersRights...) }},
		{"the right to GET alone", func() { letRead(s, "~"+testKey, "+select", "+get") }, "there is no such key",
			func() { life(time.Hour) }},
		{"the right to GET alone, too short", func() { named(50 * time.Second) }, "and --min is 1m0s",
			func() { named(2 * time.Minute) }},
		{"another key's reader", func() { life(time.Hour); letRead(s, "~other", "+get", "+pttl") },
			"NOPERM: its user lacks a right", func() { letRead(s, readersRights...) }},
		{"wrong password", func() { life(time.Hour); s.do("acl", "setuser", "app", "resetpass", ">"+rotated) },
			"WRONGPASS", func() { letRead(s, readersRights...) }},
		{"Redis hangs", func() { life(time.Hour); s.stop() }, "no answer within redis.timeout", func() { s.cont() }},
		{"an empty value", func() { s.do("set", testKey, "", "px", 3600000) }, "holds no token", func() { life(time.Hour) }},
		{"an empty token", func() { s.do("set", testKey, `{"access_token":"","expires_in":7200}`, "px", 3600000) },
			"holds no token", func() { life(time.Hour) }},
		{"a value that is too long", func() {
			s.do("setrange", testKey, 100<<20, "x")
			s.do("pexpire", testKey, 3600000)
		}, "holds no token", func() { life(time.Hour) }},
		{"a hash", func() {
			s.do("hset", testKey, "token", "x")
			s.do("pexpire", testKey, 3600000)
		}, "holds no token", func() { s.do("del", testKey); life(time.Hour) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.do("del", testKey)
			c.before()
			p := waitFor(t, config)
			p.says(t, c.reason)
			c.after()
			p.exits(t, 0)
			if p.out.has("CANARY") {
				t.Error("it prints the token or the password")
			}
		})
	}
	t.Run("Redis is down", func(t *testing.T) {
		s.kill()
		p := waitFor(t, config)
		p.says(t, "connection refused")
		p.says(t, "check the address in redis")
		s.start()
		letRead(s, readersRights...)
		life(time.Hour)
		p.exits(t, 0)
	})
	t.Run("it is told once in ten seconds", func(t *testing.T) {
		s.do("del", testKey)
		p := waitFor(t, config, "--timeout", "2s") // twenty looks
		p.exits(t, 1)
		if told := strings.Count(p.out.String(), "waiting for a token"); told != 1 ||
			!p.out.has("no token after 2s: WXAccessToken: there is no such key") {
			t.Errorf("told %d times, want once: %s", told, p.out.String())
		}
	})
	t.Run("any key, without a file", func(t *testing.T) {
		s.do("acl", "setuser", "app", "~other")
		s.do("set", "other", `{"access_token":"x"}`, "px", 5000)
		env := []string{"WXTOKEND_REDIS_URL=redis://" + s.addr, "WXTOKEND_REDIS_USERNAME=app",
			"WXTOKEND_REDIS_PASSWORD_FILE=" + passwordFile(t)}
		p := spawn(t, "wxtokend wait", env, binary, "wait", "other", "--min", "1s", "--timeout", "20s")
		p.exits(t, 0)
	})
	t.Run("a missing password file", func(t *testing.T) {
		env := []string{"WXTOKEND_REDIS_URL=redis://" + s.addr, "WXTOKEND_REDIS_PASSWORD_FILE=/run/secrets/nowhere"}
		spawn(t, "wxtokend wait", env, binary, "wait", "other").exits(t, 2)
	})
}

// The same rights suffice behind Sentinel, and in a Cluster with the one that
// every client of it needs.
func TestWaitBySentinel(t *testing.T) {
	beside(t)
	master := startRedis(t)
	letRead(master, readersRights...)
	sentinels := startSentinels(t, master)
	config := reading(t, fmt.Sprintf("  sentinel: {master: %s, addrs: [%q, %q, %q]}\n", masterName, sentinels[0],
		sentinels[1], sentinels[2]))
	p := waitFor(t, config)
	p.says(t, "there is no such key")
	master.do("set", testKey, `{"access_token":"x"}`, "ex", 3600)
	p.exits(t, 0)
}

func TestWaitByCluster(t *testing.T) {
	beside(t)
	nodes, client := startCluster(t)
	var addrs []string
	for _, node := range nodes {
		letRead(node, append(readersRights, "+cluster|slots")...)
		addrs = append(addrs, fmt.Sprintf("%q", node.addr))
	}
	p := waitFor(t, reading(t, "  cluster: ["+strings.Join(addrs, ", ")+"]\n"))
	p.says(t, "there is no such key")
	if err := client.Set(t.Context(), testKey, `{"access_token":"x"}`, time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	p.exits(t, 0)
}

// TestReadyAsked: what the commands for people and probes answer while a token
// is missing, and afterwards.
func TestReadyAsked(t *testing.T) {
	w := inParallel(t, "stable", scaled())
	w.redis.do("config", "set", "maxmemory", "1") // nothing begins
	d := w.start()
	ask := func(code int, arguments ...string) {
		t.Helper()
		host := net.JoinHostPort("127.0.0.1", d.base[strings.LastIndex(d.base, ":")+1:])
		eventually(t, startup, strings.Join(arguments, " "), func() error {
			p := spawn(t, "wxtokend "+arguments[0], nil, append(append([]string{binary}, arguments...), "--url",
				"http://"+host)...)
			if got := p.wait(t, startup).ExitStatus(); got != code {
				return fmt.Errorf("exit %d, want %d: %s", got, code, p.out.tail(5))
			}
			return nil
		})
	}
	ask(0, "healthcheck")
	ask(1, "healthcheck", "--ready")
	ask(1, "status")
	w.redis.do("config", "set", "maxmemory", "0")
	w.good(startup)
	ask(0, "healthcheck", "--ready")
	ask(0, "status")
}
