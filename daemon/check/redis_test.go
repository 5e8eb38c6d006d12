package check_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

func url(s server, rest string) string { return "redis://" + s.addr + "/" + rest }

func asUser(s server) string { return "redis://wxtokend:" + password + "@" + s.addr + "/0" }

var stored = secret.Token("57_" + strings.Repeat("Stored", 20))

func TestAllIsWell(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	output, findings := w.run(url(s, "0"))
	w.expect(output, findings, 0)
	w.golden("ok", output)
}

func TestWritesNothing(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	for _, prepare := range []struct {
		name string
		do   func()
	}{
		{"an empty Redis", func() {}},
		{"a stored token", func() { w.mint(s, stored) }},
		{"a lease and a report", func() {
			s.do(t, "set", "{WXAccessToken}:lease", "a1:1:1:30000", "px", "30000")
			s.do(t, "set", "{WXAccessToken}:rejected", "x")
		}},
		{"keys of another type", func() {
			s.do(t, "flushall")
			for _, key := range []string{"WXAccessToken", "{WXAccessToken}:state", "{WXAccessToken}:lease",
				"{WXAccessToken}:rejected"} {
				s.do(t, "rpush", key, "x")
			}
		}},
	} {
		t.Run(prepare.name, func(t *testing.T) {
			prepare.do()
			before := s.dirty(t)
			output, findings := w.run(url(s, "0"))
			w.expect(output, findings, 0, "ok    rights WXAccessToken: ")
			if after := s.dirty(t); after != before {
				t.Errorf("Redis took %s writes before and %s after the check", before, after)
			}
		})
	}
}

func TestRedisThatRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		url    func(s server) string
		change func(s server)
		want   []string
	}{
		{name: "wrong password", args: []string{"--requirepass", "right"}, url: asUser,
			want: []string{"FAIL  redis: ", "WRONGPASS", "-> compare redis.username"}},
		{name: "no password", args: []string{"--requirepass", "right"},
			want: []string{"FAIL  redis: ", "NOAUTH", "-> set redis.password_file"}},
		{name: "database", url: func(s server) string { return url(s, "99") },
			want: []string{"there is no such database", "-> end redis.url"}},
		{
			name: "no scripts", args: []string{"--rename-command", "EVAL", ""},
			want: []string{"FAIL  redis: ", "it does not know a command that is needed: EVAL", "-> was it renamed"},
		},
		{
			name: "no scripts by hash", args: []string{"--rename-command", "EVALSHA", "secret-name"},
			want: []string{"FAIL  rights WXAccessToken: the daemon's scripts do not run", "is needed: EVALSHA",
				"-> was it renamed"},
		},
		{
			name: "no time", args: []string{"--rename-command", "TIME", ""},
			want: []string{"FAIL  redis: ", "it does not know a command that is needed", "-> was it renamed"},
		},
		{
			name: "no new expiry", args: []string{"--rename-command", "PEXPIRE", ""},
			want: []string{"FAIL  rights WXAccessToken: it does not know a command that is needed (PEXPIRE)",
				"-> was it renamed"},
		},
		{
			name:   "full memory",
			change: func(s server) { s.do(t, "config", "set", "maxmemory", "1", "maxmemory-policy", "noeviction") },
			want: []string{"FAIL  rights WXAccessToken: OOM: its memory is full, so it takes no writes (HSET, SET)",
				"-> raise maxmemory"},
		},
		{
			name: "too few replicas", change: func(s server) { s.do(t, "config", "set", "min-replicas-to-write", "1") },
			want: []string{"FAIL  rights WXAccessToken: NOREPLICAS", "-> bring the replicas back"},
		},
		{
			name: "replica", change: func(s server) { s.do(t, "replicaof", "127.0.0.1", "1") },
			want: []string{"FAIL  redis server: a replica", "FAIL  rights WXAccessToken: READONLY",
				"-> set redis.url to the master"},
		},
		{
			name: "replica without data", args: []string{"--replica-serve-stale-data", "no", "--replicaof", "127.0.0.1 1"},
			want: []string{"MASTERDOWN"},
		},
		{name: "TLS on a plain port", url: func(s server) string { return "rediss://" + s.addr },
			want: []string{"no answer within redis.timeout", "if it speaks no TLS, use redis://"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, w := startRedis(t, tt.args...), newWorld(t)
			if tt.change != nil {
				tt.change(s)
			}
			address := url(s, "0")
			if tt.url != nil {
				address = tt.url(s)
			}
			w.secrets = append(w.secrets, "right\"")
			output, findings := w.run(address)
			if findings == 0 {
				t.Error("no findings")
			}
			w.expect(output, findings, findings, tt.want...)
			if !strings.Contains(output, "ok    wechat WXAccessToken") {
				t.Errorf("a bad Redis keeps the check from WeChat:\n%s", output)
			}
		})
	}
}

func TestGoldenOfAWrongPassword(t *testing.T) {
	s, w := startRedis(t, "--requirepass", "right"), newWorld(t)
	output, findings := w.run(asUser(s))
	w.expect(output, findings, 1)
	w.golden("wrong_password", output)
}

func TestMemory(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	for _, tt := range []struct{ name, limit, policy, want string }{
		{"no limit", "0", "allkeys-lru", "ok    redis server: version "},
		{"room", "1gb", "noeviction", "ok    redis server: version "},
		{"any key", "1gb", "allkeys-lru", "warn  redis server: policy allkeys-lru may evict the token"},
		{"keys with a time to live", "1gb", "volatile-ttl", "warn  redis server: policy volatile-ttl may evict the token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.do(t, "config", "set", "maxmemory", tt.limit, "maxmemory-policy", tt.policy)
			output, findings := w.run(url(s, "0"))
			w.expect(output, findings, 0, tt.want)
		})
	}
}

func TestRedisThatIsNotThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			time.AfterFunc(5*time.Second, func() { _ = conn.Close() })
		}
	}()
	closed := freeAddr(t)
	w := newWorld(t)
	w.options.DialRedis = nameless
	for _, tt := range []struct{ name, section, want, cure string }{
		{"refused", `{url: "redis://` + closed + `"}`, "connection refused", "-> check the address in redis"},
		{"no such name", `{url: "redis://nameless.invalid"}`, "the host name cannot be resolved", "-> check the name"},
		{"no such socket", `{url: "unix:///no/such/socket"}`, "there is no such socket", "-> check the path"},
		{"another protocol", `{url: "redis://` + listener.Addr().String() + `"}`, "it does not speak the protocol of Redis",
			"-> check host and port"},
		{"sentinels", `{sentinel: {master: m, addrs: ["` + closed + `"]}}`, "no sentinel names the master",
			"-> check redis.sentinel"},
		{"cluster", `{cluster: ["` + closed + `"]}`, "connection refused", "-> check the address in redis"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output, findings := w.check("redis: "+tt.section+"\n", w.credential(""))
			w.expect(output, findings, 1, "FAIL  redis: ", tt.want, tt.cure, "skip  rights WXAccessToken",
				"ok    wechat WXAccessToken")
		})
	}
}

func TestCluster(t *testing.T) {
	s, w := startRedis(t, "--cluster-enabled", "yes"), newWorld(t)
	section := `redis: {cluster: ["` + s.addr + `"]}` + "\n"
	s.do(t, "cluster", "addslotsrange", 0, 16383)
	deadline := time.Now().Add(10 * time.Second)
	for s.admin.Do(t.Context(), "get", "x").Err() != redis.Nil { // the node takes a moment to believe in its slots
		if time.Now().After(deadline) {
			t.Fatal("the cluster does not come up")
		}
	}
	output, findings := w.check(section, w.credential("")+"  - {key: Second, appid: wxother, secret_file: "+
		w.dir+"/appsecret}\n")
	w.expect(output, findings, 0, "ok    redis: cluster node ", "ok    rights WXAccessToken", "ok    rights Second")
	if strings.Count(output, "redis server") != 1 {
		t.Errorf("one node is looked at more than once:\n%s", output)
	}
	output, findings = w.run(url(s, "1"))
	w.expect(output, findings, 1, "there is no such database")
}

// An embedded Redis is a part of the daemon: there is none to be asked.
func TestEmbedded(t *testing.T) {
	w := newWorld(t)
	output, findings := w.run("embedded://" + freeAddr(t))
	w.expect(output, findings, 0, "skip  redis: ", "skip  rights WXAccessToken", "ok    wechat WXAccessToken")
}

// The addresses that the fleet was not let in from are a list to paste.
func TestExitsAreListed(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	w.mint(s, stored)
	at := fmt.Sprint("=", time.Now().Add(-time.Minute).UnixMilli())
	s.do(t, "hset", "{WXAccessToken}:state", "exits", "192.0.2.1"+at+" 2001:db8::1"+at)
	output, findings := w.run(url(s, "0"))
	w.expect(output, findings, 0, "warn  exits WXAccessToken: 2 exits seen", "      -> 192.0.2.1\n      -> 2001:db8::1\n")
}
