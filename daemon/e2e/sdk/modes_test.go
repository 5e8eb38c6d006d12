//go:build sdk

package sdk

import (
	"cmp"
	"fmt"

	"wxtokend/daemon/layout"
)

// mode is one way in which one SDK is used. It is given to a client by its name.
type mode struct {
	sdk, name string
	command   []string
	// kinds are the credentials that the SDK reads, first the token.
	kinds []string
	// api is that of the token of an official account.
	api string
	// agent is the agent's number if the SDK is told it.
	agent string
	// target is what the daemon writes for it.
	target layout.Target
	// hook says that the app brings the token itself: the SDK never draws.
	hook bool
	// redraws says that the SDK draws a token when WeChat refuses the one in Redis.
	redraws bool
	// moved says that the SDK is told another URL for tokens, and for nothing else.
	moved bool
}

const (
	appSecret = "5ecre75ecre75ecre75ecre75ecre75e"
	agentID   = "1000002"
)

// agentOf is the agent's number at WeCom, where the SDK may not be told it.
func agentOf(told string) string { return cmp.Or(told, agentID) }

// accountAt is the appid or corpid of the i-th mode.
func (m mode) accountAt(i int) string {
	if m.kinds[0] == "wecom" {
		return fmt.Sprintf("ww%016x", 0xabcdef01+i)
	}
	return fmt.Sprintf("wx%016x", 0xabcdef01+i)
}

// simulated is the flag that has the simulator know the i-th account.
func (m mode) simulated(i int) []string {
	if m.kinds[0] == "wecom" {
		return []string{"--corp", m.accountAt(i) + ":" + agentID + ":" + appSecret}
	}
	return []string{"--app", m.accountAt(i) + ":" + appSecret}
}

// of reads the token, and tickets, of an official account or a mini program.
func of(name, layoutName string, tickets ...string) mode {
	return mode{name: name, api: "stable", target: layout.Target{Layout: layoutName},
		kinds: append([]string{"official_account"}, tickets...)}
}

// corp reads those of an agent of WeCom.
func corp(name, layoutName string, tickets ...string) mode {
	return mode{name: name, target: layout.Target{Layout: layoutName}, agent: agentID,
		kinds: append([]string{"wecom"}, tickets...)}
}

// hook reads the credentials' own keys, in the default format.
func hook(name string, tickets ...string) mode {
	return mode{name: name, api: "stable", hook: true, kinds: append([]string{"official_account"}, tickets...),
		target: layout.Target{Format: layout.JSON, UTCOffset: "+0800"}}
}

// moved fetches the token from another URL.
func moved(name string) mode {
	return mode{name: name, moved: true, kinds: []string{"official_account"}}
}

// classic has the daemon draw on the channel on which the SDK would end its token.
func classic(m mode) mode { m.api = "classic"; return m }

func mini(m mode) mode { m.target.Mini = true; return m }

func withSecret(m mode) mode { m.target.SecretInKey = true; return m }

func agentless(m mode) mode { m.agent = ""; return m }

func redraws(m mode) mode { m.redraws = true; return m }

func prefixed(prefix string, m mode) mode { m.target.Prefix = prefix; return m }
