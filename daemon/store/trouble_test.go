package store_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"wxtokend/daemon/store"
)

// answer is an error that Redis itself answered.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

// Texts of servers and situations that no other test can bring about.
func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		err       error
		saw, cure string
	}{
		{answer("ERR invalid password"), "it refuses the password", "compare redis.username"},
		{answer("ERR AUTH <password> called without any password configured for the default user. Are you sure your " +
			"configuration is correct?"), "it has no password, but one is configured", "remove the password"},
		{answer("ERR wrong number of arguments for 'auth' command"), "it knows no users", "leave redis.username out"},
		{answer("ERR Client sent AUTH, but no password is set"), "it has no password, but one is configured",
			"remove the password"},
		{answer("ERR Error running script (call to f_1): @user_script:7: @user_script: 7: -OOM command not allowed when " +
			"used memory > 'maxmemory'."), "OOM: its memory is full", "raise maxmemory"},
		{answer("ERR Error running script (call to f_1): @user_script:7: The user executing the script can't run this " +
			"command or subcommand"), "NOPERM: its user lacks a right", "ACL SETUSER <user> ~KEY ~{KEY}:* +eval"},
		{answer("ERR ACL failure in script: User CANARY has no permissions to run the 'get' command"),
			"NOPERM: its user lacks a right", "ACL SETUSER <user>"},
		{answer("ERR Unknown command called from script script: on @user_script:1."), "a command that is needed",
			"was it renamed"},
		{answer("MISCONF Redis is configured to save RDB snapshots"), "MISCONF: it cannot save", "look into Redis' log"},
		{answer("LOADING Redis is loading the dataset in memory"), "LOADING", "wait"},
		{answer("CLUSTERDOWN Hash slot not served"), "CLUSTERDOWN", "CLUSTER INFO"},
		{answer("MOVED 3999 127.0.0.1:6381"), "MOVED", "use redis.cluster"},
		{answer("ERR This instance has cluster support disabled"), "it is not a Cluster", "use redis.url"},
		{answer("ERR max number of clients reached"), "no connection left", "raise maxclients"},
		{answer("DENIED Redis is running in protected mode"), "protected mode", "set a password"},
		{answer("BUSY Redis is busy running a script"), "BUSY", "SCRIPT KILL"},
		{answer("ERR unknown command `EVAL`, with args beginning with: `CANARY`"), "it does not know a command", "Redis 5.0"},
		{answer("ERR unknown command 'evalsha', with args beginning with: 'OOM' 'CANARY'"),
			"a command that is needed: EVALSHA", "was it renamed"},
		{answer("ERR unknown command `select`, with args beginning with: `6`, "), "a command that is needed: SELECT",
			"was it renamed"},
		{answer("ERR unknown command 'CANARY'"), "a command that is needed", "was it renamed"},
		{answer("ERR Unknown Redis command called from script script: 6f1e, on @user_script:5."), "a command that is needed",
			"was it renamed"},
		{answer("ERR unsupported command 'CANARY'"), "it refuses a command that is needed", "let it take EVAL, EVALSHA, SEL"},
		{answer("ERR command 'eval' is not allowed"), "a command that is needed: EVAL", "let it take EVAL, EVALSHA, SEL"},
		{answer("ERR Forbidden command: eval"), "a command that is needed: EVAL", "let it take EVAL, EVALSHA, SEL"},
		{answer("ERR SELECT is not supported"), "there is no such database", "only /0 in a Cluster"},
		{answer("ERR SELECT is not allowed in cluster mode"), "there is no such database", "only /0 in a Cluster"},
		{answer("ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the " +
			"KEYS array"), "a proxy before it refuses", "script_check_enable"},
		{answer("ERR command eval not support for normal user"), "lets nobody run scripts", "upgrade its minor version"},
		{fmt.Errorf("failed to authenticate: %w", answer("WRONGPASS invalid username-password pair")), "WRONGPASS",
			"compare redis.username"},
		{answer("ERR something new, CANARY"), "it answers with an error", "look into Redis' log"},
		{fmt.Errorf("observe OOM: %w", answer("NOAUTH Authentication required.")), "NOAUTH", "set redis.password_file"},
		{fmt.Errorf("redis: all sentinels specified in configuration are unreachable: %w",
			answer("NOAUTH Authentication required.")), "no sentinel names the master", "check redis.sentinel"},
		{errors.New("tls: failed to verify certificate: x509: certificate signed by unknown authority"),
			"TLS: its certificate comes from an authority", "set redis.tls.ca_file"},
		{errors.New("tls: failed to verify certificate: x509: certificate is valid for a, not b"), "another name",
			"set redis.tls.server_name"},
		{errors.New("tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time"),
			"expired", "renew"},
		{errors.New("remote error: tls: certificate required"), "wants a certificate of the client",
			"set redis.tls.cert_file"},
		{errors.New("remote error: tls: bad certificate"), "refuses the handshake", "check redis.tls.cert_file"},
		{errors.New("tls: first record does not look like a TLS handshake"), "TLS: this port does not speak it",
			"use redis://"},
		{io.EOF, "it closed the connection", "check whether this port speaks TLS"},
		{errors.New("redis: connection pool timeout"), "no connection was free", "raise redis.timeout"},
		{errors.New("redis password: open /run/CANARY: no such file or directory"),
			"the file with its password cannot be read", "check redis.password_file"},
		{errors.New("redis.tls.ca_file: read /CANARY: no such file or directory"),
			"the file of redis.tls.ca_file cannot be used", "put the certificates of Redis' authorities there"},
		{errors.New("redis.tls.ca_file: read /CANARY: holds no certificate in PEM"),
			"the file of redis.tls.ca_file cannot be used", "put the certificates of Redis' authorities there"},
		{errors.New("redis.tls.cert_file: read /CANARY: permission denied"),
			"the file of redis.tls.cert_file cannot be used", "put the client's certificate there"},
		{errors.New("redis.tls.key_file: read /CANARY: is encrypted"),
			"the file of redis.tls.key_file cannot be used", "put the key of the certificate"},
		{errors.New("redis: all sentinels specified in configuration are unreachable: redis.tls.key_file: read /CANARY: " +
			"no such file or directory"), "the file of redis.tls.key_file cannot be used", "put the key of the certificate"},
		{errors.New("odd: CANARY"), "it cannot be reached", "check the section redis"},
	} {
		got := store.Explain(tt.err)
		if !strings.Contains(got.What, tt.saw) || !strings.Contains(got.Cure, tt.cure) {
			t.Errorf("%v:\ngot  %s -> %s\nwant %s -> %s", tt.err, got.What, got.Cure, tt.saw, tt.cure)
		}
		if strings.Contains(got.What+got.Cure, "CANARY") {
			t.Errorf("the words of the server are repeated: %+v", got)
		}
	}
}

// A server that takes no PUBLISH keeps readers from being told of tokens, and lacks nothing else.
func TestExplainNamesTheCommands(t *testing.T) {
	for _, reply := range []answer{"ERR unknown command `PUBLISH`, with args beginning with: `wxtokend:K`",
		"ERR Forbidden command: publish"} {
		got := store.ExplainFor(store.TellingRights(), reply)
		if !strings.HasSuffix(got.What, "needed: PUBLISH") || !strings.Contains(got.Cure, "take PUBLISH") ||
			strings.Contains(got.Cure, "EVAL") {
			t.Errorf("%s: %+v", reply, got)
		}
	}
}

// The cure names the keys that the failed operation was about.
func TestExplainNamesTheKeys(t *testing.T) {
	keys, err := store.NewKeys("Shop")
	if err != nil {
		t.Fatal(err)
	}
	want := "ACL SETUSER <user> ~Shop ~{Shop}:* +eval"
	if got := store.Explain(answer("NOPERM"), keys); !strings.Contains(got.Cure, want) || !got.Known {
		t.Errorf("%+v, want a cure with %s", got, want)
	}
	if got := store.Explain(answer("ERR something new")); got.Known {
		t.Errorf("%+v counts as known", got)
	}
}
