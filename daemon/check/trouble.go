package check

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// trouble is a failure of Redis: words that give it away, and our own words
// for it. The server's are not repeated: some repeat a password.
type trouble struct{ words, saw, cure string }

// replies are errors that Redis itself answers. Older servers wrap the word in
// other text, so it may stand anywhere.
func replies() []trouble {
	const (
		password = "compare redis.username and redis.password_file (or the ones in redis.url, where special characters are percent-encoded) with the server's ACL LIST or requirepass"
		none     = "remove the password from the configuration, or set one on the server"
		replica  = "set redis.url to the master, or use redis.sentinel, which follows it"
		database = "end redis.url in a database that exists (16 by default, only /0 in a Cluster)"
	)
	return []trouble{
		{"NOAUTH", "NOAUTH: it wants a password and got none", "set redis.password_file, and redis.username if the user is not the default one"},
		{"WRONGPASS", "WRONGPASS: it refuses the user name or the password", password},
		{"invalid password", "it refuses the password", password},
		{"without any password configured", "it has no password, but one is configured", none},
		{"no password is set", "it has no password, but one is configured", none},
		{"NOPERM", forbidden, ""},
		{"can't run this command", forbidden, ""},
		{"can't access at least one of the keys", forbidden, ""},
		{"DB index is out of range", "there is no such database", database},
		{"SELECT is not allowed", "there is no such database", database},
		{"READONLY", "READONLY: it is a replica and takes no writes", replica},
		{"OOM", "OOM: its memory is full, so it takes no writes", "raise maxmemory, or delete what is not needed; check with INFO memory"},
		{"MISCONF", "MISCONF: it cannot save to disk, so it takes no writes", "look into Redis' log; mostly its disk is full or its dir not writable"},
		{"NOREPLICAS", "NOREPLICAS: too few replicas are connected, so it takes no writes", "bring the replicas back, or lower min-replicas-to-write"},
		{"LOADING", "LOADING: it is still reading its data", "wait until it has started"},
		{"MASTERDOWN", "MASTERDOWN: it is a replica that lost its master", replica},
		{"CLUSTERDOWN", "CLUSTERDOWN: the Cluster does not serve this key", "look at CLUSTER INFO: slots may be uncovered"},
		{"MOVED", "MOVED: it is one node of a Cluster and the key lies on another", "use redis.cluster instead of redis.url"},
		{"cluster support disabled", "it is not a Cluster", "use redis.url instead of redis.cluster"},
		{"max number of clients", "it has no connection left", "raise maxclients, or find who holds so many connections"},
		{"DENIED", "DENIED: it runs in protected mode and answers only its own host", "set a password on the server and redis.password_file here"},
		{"BUSY", "BUSY: somebody's script blocks it", "end it with SCRIPT KILL"},
		{"nknown command", "it does not know a command that is needed", "use Redis 5.0 or newer, or a compatible server with Lua scripts"},
		{"nknown Redis command", "it does not know a command that is needed", "use Redis 5.0 or newer, or a compatible server with Lua scripts"},
	}
}

const forbidden = "NOPERM: its user lacks a right"

// failures are what happens instead of an answer.
//
// The first row that fits counts: what wraps another failure, as sentinels do,
// stands above what it wraps, and TLS above the network. x509 and net have no
// types for all of these, so the words decide here as well.
func failures() []trouble {
	const (
		network = "check the address in redis, that Redis runs there, and the firewall between"
		late    = network + "; if it speaks no TLS, use redis:// and not rediss://; if it is only slow, raise redis.timeout"
		plain   = "check whether this port speaks TLS (rediss://, or redis.tls), and the firewall"
	)
	return []trouble{
		{"all sentinels specified", "no sentinel names the master", "check redis.sentinel: addrs, master, username and password, and that the sentinels see a master"},
		{"unknown authority", "TLS: its certificate comes from an authority that is not trusted here", "set redis.tls.ca_file to the certificate of that authority"},
		{"certificate is valid for", "TLS: its certificate is made out to another name", "set redis.tls.server_name to the name in the certificate"},
		{"cannot validate certificate", "TLS: its certificate does not name this address", "set redis.tls.server_name to the name in the certificate"},
		{"not valid for any names", "TLS: its certificate names no host", "give the server a certificate with its name"},
		{"has expired or is not yet valid", "TLS: its certificate has expired or is not valid yet", "renew the certificate, or correct this host's clock"},
		{"certificate required", "TLS: it wants a certificate of the client", "set redis.tls.cert_file and redis.tls.key_file"},
		{"remote error: tls", "TLS: it refuses the handshake", "check redis.tls.cert_file, redis.tls.key_file and the TLS versions that the server allows"},
		{"not look like a TLS handshake", "TLS: this port does not speak it", "use redis:// for this port, or the port that speaks TLS"},
		{"connection refused", "connection refused", network},
		{"lookup ", "the host name cannot be resolved", "check the name in redis and this host's DNS"},
		{"no such file", "there is no such socket or file", "check the path in redis.url, and that Redis creates its socket there"},
		{"permission denied", "this user may not open the socket or file", "let the daemon's user into the group of that socket or file"},
		{"no route to host", "there is no route to it", network},
		{"unreachable", "there is no route to it", network},
		{"connection reset", "it closed the connection", plain},
		{"EOF", "it closed the connection", plain},
		{"can't parse", "it does not speak the protocol of Redis", "check host and port in redis: something else listens there"},
		{"deadline exceeded", "no answer within redis.timeout", late},
		{"i/o timeout", "no answer within redis.timeout", late},
	}
}

// explain says in our own words what went wrong, and what to do about it. It
// keeps answers of Redis and failures apart: the name of a host or a key in the
// one must not be taken for a word of the other.
func (p *probe) explain(err error) (saw, cure string) {
	var reply redis.Error
	answered := errors.As(err, &reply) && !strings.Contains(err.Error(), "all sentinels specified")
	if !answered {
		if t, known := find(failures(), err.Error()); known {
			return t.saw, t.cure
		}
		return "it cannot be reached", "check the section redis of the configuration"
	}
	if t, known := p.reply(reply.Error()); known {
		return t.saw, t.cure
	}
	return "it answers with an error", "look into Redis' log"
}

// reply explains an error that Redis answered.
func (p *probe) reply(text string) (trouble, bool) {
	t, known := find(replies(), text)
	t.words = "" // several words can tell of one trouble
	if t.saw == forbidden {
		t.cure = p.grant()
	}
	return t, known
}

func find(list []trouble, text string) (trouble, bool) {
	for _, t := range list {
		if strings.Contains(text, t.words) {
			return t, true
		}
	}
	return trouble{}, false
}

// grant is the command that gives a user of Redis all that the daemon needs. It
// names no user: in a URL, people write the password in its place.
func (p *probe) grant() string {
	rule := "give the user of Redis its rights: ACL SETUSER <user>"
	for _, slot := range p.slots {
		rule += fmt.Sprintf(" ~%s ~%s:*", slot.Keys.Value, strings.TrimSuffix(slot.Keys.State, ":state"))
	}
	return rule + " " + rights
}

// rights are the commands of the daemon's scripts and of its connection: none
// of them is dangerous in the sense of Redis' categories, and INFO, which this
// check would like, is not among them.
const rights = "+eval +evalsha +select +time +get +strlen +getrange +set +del +exists +pexpire +pttl +hgetall +hset"
