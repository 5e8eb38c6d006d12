package check_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
)

// proxied is a connection to Redis through a proxy that treats some commands in
// its own way: it answers with words, or hangs up without any.
type proxied struct {
	net.Conn
	commands []string
	answer   string
	pending  *bytes.Reader
}

func dialProxy(answer string, commands ...string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &proxied{c, commands, answer, bytes.NewReader(nil)}, err
	}
}

func (p *proxied) Write(b []byte) (int, error) {
	for _, command := range p.commands {
		if !bytes.Contains(bytes.ToLower(b), []byte("\r\n"+command+"\r\n")) {
			continue
		}
		if p.answer == "" {
			return len(b), p.Close()
		}
		p.pending = bytes.NewReader([]byte("-" + p.answer + "\r\n"))
		return len(b), nil
	}
	return p.Conn.Write(b)
}

func (p *proxied) Read(b []byte) (int, error) {
	if n, err := p.pending.Read(b); err != io.EOF {
		return n, err
	}
	return p.Conn.Read(b)
}

// What the daemon never sends may well end a connection.
func TestProxyThatHangsUp(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	w.options.DialRedis = dialProxy("", "hello", "client", "ping", "info", "time", "config")
	output, findings := w.run(url(s, "0"))
	w.expect(output, findings, 0, "ok    redis: redis://", "INFO failed: it closed the connection",
		"ok    rights WXAccessToken")
	w.options.DialRedis = dialProxy("", "eval", "evalsha")
	output, findings = w.run(url(s, "0"))
	w.expect(output, findings, 1, "FAIL  redis: redis://", "it closed the connection",
		"it must let EVAL, EVALSHA and SELECT pass")
}

// Managed servers look at the form of a script before they run it.
func TestProxyThatChecksScripts(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	w.options.DialRedis = dialProxy("ERR bad lua script for redis cluster, all the keys that the script uses should be "+
		"passed using the KEYS array, and KEYS should not be in expression", "evalsha")
	output, findings := w.run(url(s, "0"))
	w.expect(output, findings, 1,
		"FAIL  rights WXAccessToken: the daemon's scripts do not run: a proxy before it refuses the form of the scripts",
		"-> switch its check of scripts off (script_check_enable = 0 at Alibaba Cloud)")
}
