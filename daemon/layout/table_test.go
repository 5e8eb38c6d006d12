package layout_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

const (
	appid, corpid, agent = "wx0123456789abcdef", "ww0123456789abcdef", "1000002"
	appSecret            = "5ec4e7000000000000000000005ec4e7"
	corpSecret           = "corp-_secret0123456789abcdefghijklmnopqrstuvw"
)

// Every token of these tests is 57_abc, was drawn at 1479292800 and lives 7200 seconds, of which 200 are over.
var ends = time.Unix(1479300000, 0)

func entry(m layout.Mirror) layout.Entry {
	return m.Entry("57_abc", 2*time.Hour, ends, ends.Add(-7000*time.Second))
}

// subject is a credential of that kind, of WeCom without an agent.
func subject(kind string) layout.Subject {
	s := layout.Subject{Credential: "K", Kind: kind, API: "stable", Account: appid, Secret: appSecret}
	if strings.HasPrefix(kind, "wecom") {
		s.API, s.Account, s.Secret = "", corpid, corpSecret
	}
	return s
}

// bytesCase is one target, and what has to lie in Redis for it.
type bytesCase struct {
	// with is "", "mini", or "agent" of WeCom.
	layout, kind, with, prefix string
	// want are lines of a key, a tab, and its bytes.
	want string
}

// layoutBytes is testdata/layouts.tsv: what the SDKs write themselves, by their source, but for the life that is
// left. The hashes in it are of md5sum and of PHP.
func layoutBytes(t *testing.T) []bytesCase {
	t.Helper()
	text, err := os.ReadFile("testdata/layouts.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []bytesCase
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		f := strings.SplitN(line, "\t", 5)
		c := bytesCase{f[0], f[1], f[2], f[3], f[4]}
		if last := len(all) - 1; last >= 0 && all[last].is(c) {
			all[last].want += "\n" + c.want
			continue
		}
		all = append(all, c)
	}
	return all
}

// is tells whether two lines are of one target.
func (c bytesCase) is(other bytesCase) bool {
	c.want, other.want = "", ""
	return c == other
}

// written is what lies in Redis, a hash as name=value name=value.
func written(e layout.Entry) string {
	value, fields := e.Reveal()
	var pairs []string
	for i := 0; i < len(fields); i += 2 {
		pairs = append(pairs, fields[i]+"="+fields[i+1])
	}
	return value + strings.Join(pairs, " ")
}

func (c bytesCase) mirrors(t *testing.T) []layout.Mirror {
	t.Helper()
	s := subject(c.kind)
	if c.with == "agent" {
		s.AgentID = agent
	}
	target := layout.Target{Layout: c.layout, Prefix: c.prefix, Mini: c.with == "mini", SecretInKey: true}
	mirrors, err := target.Mirrors(s)
	if err != nil {
		t.Fatal(err)
	}
	return mirrors
}

func TestLayouts(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range layoutBytes(t) {
		tried[fmt.Sprint(c.layout, c.kind, c.with == "mini")] = true
		t.Run(strings.Join([]string{c.layout, c.kind, c.with, c.prefix}, " "), func(t *testing.T) {
			var got []string
			for _, m := range c.mirrors(t) {
				e := entry(m)
				got = append(got, m.Key.Reveal()+"\t"+written(e))
				want := 7000 * time.Second
				if c.layout == "weixin_authorize" {
					want = 6990 * time.Second
				}
				check(t, "TTL", e.TTL, want)
			}
			check(t, "keys and bytes", strings.Join(got, "\n"), c.want)
		})
	}
	for _, row := range layout.Table() {
		if !tried[fmt.Sprint(row.Layout, row.Kind, row.Mini)] {
			t.Errorf("no case for %+v", row)
		}
	}
}

func secrets(found map[string]string) map[string]secret.Secret {
	all := map[string]secret.Secret{}
	for name, value := range found {
		all[name] = secret.Secret(value)
	}
	return all
}
