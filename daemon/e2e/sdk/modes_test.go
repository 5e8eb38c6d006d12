//go:build sdk

package sdk

import (
	"fmt"
	"os"
	"path/filepath"

	"wxtokend/daemon/layout"
)

// mode is one way in which one SDK is used.
type mode struct {
	// sdk and name are the test's name; name is what the client is told.
	sdk, name string
	command   []string
	// kinds are the credentials that the SDK reads, first the token.
	kinds []string
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

// installed is where .ci/sdk has put what the clients need.
func installed(parts ...string) string {
	return filepath.Join(append([]string{os.Getenv("SDK_CLIENTS")}, parts...)...)
}

// modes is every way in which every SDK is used. Each runs in a process of its own.
func modes() (all []mode) {
	add := func(sdk string, command []string, ways ...mode) {
		for _, m := range ways {
			m.sdk, m.command = sdk, command
			all = append(all, m)
		}
	}
	of := func(name, layoutName string, tickets ...string) mode {
		return mode{name: name, kinds: append([]string{"official_account"}, tickets...), target: layout.Target{Layout: layoutName}}
	}
	corp := func(name, layoutName string, tickets ...string) mode {
		return mode{name: name, kinds: append([]string{"wecom"}, tickets...), agent: agentID,
			target: layout.Target{Layout: layoutName}}
	}
	mini := func(m mode) mode { m.target.Mini = true; return m }
	agentless := func(m mode) mode { m.agent = ""; return m }
	redraws := func(ways ...mode) []mode {
		for i := range ways {
			ways[i].redraws = !ways[i].hook
		}
		return ways
	}
	withSecret := func(m mode) mode { m.target.SecretInKey = true; return m }
	moved := func(name string) mode {
		return mode{name: name, moved: true, kinds: []string{"official_account"}}
	}
	// A hook reads the credential's own key, in the default format.
	hook := func(name string) mode {
		return mode{name: name, hook: true, kinds: []string{"official_account"},
			target: layout.Target{Key: "WXAccessToken", Format: layout.JSON, UTCOffset: "+0800"}}
	}

	add("silenceper", []string{installed("silenceper")},
		of("official", "silenceper", "jsapi_ticket"), of("stable", "silenceper"),
		mini(of("mini", "silenceper")), mini(of("mini stable", "silenceper")), hook("hook"),
		corp("work", "silenceper", "wecom_jsapi_ticket", "wecom_agent_ticket"),
		agentless(corp("work without agent", "silenceper", "wecom_jsapi_ticket")), moved("moved"))
	add("co-wechat-api", node("co-wechat-api"), hook("hook"))
	add("wechat-api", node("wechat-api"), hook("hook"))
	add("node-easywechat", node("node-easywechat"), withSecret(of("classic", "node_easywechat", "jsapi_ticket")),
		withSecret(of("stable", "node_easywechat")), hook("hook"),
		withSecret(corp("work", "node_easywechat", "wecom_jsapi_ticket", "wecom_agent_ticket")))
	add("nest-wechat", node("nest-wechat"), of("cache", "nest_wechat", "jsapi_ticket"), hook("hook"))
	add("tnwx", node("tnwx"), of("cache", "tnwx", "jsapi_ticket"), hook("hook"),
		corp("work", "tnwx", "wecom_jsapi_ticket", "wecom_agent_ticket"), moved("moved"))
	for _, name := range []string{"wechatpy1", "wechatpy2", "odoo-wechatpy"} {
		add(name, python(name, "wechatpy"),
			redraws(of("session", "wechatpy", "jsapi_ticket", "wx_card_ticket"), hook("hook"))...)
	}
	for _, name := range []string{"wechatpy2", "odoo-wechatpy"} {
		add(name, python(name, "wechatpy"),
			redraws(corp("work", "wechatpy", "wecom_jsapi_ticket", "wecom_agent_ticket"))...)
	}
	add("werobot", python("werobot", "werobot"), hook("hook"))
	add("wxjava", java(), redraws(
		of("mp", "wxjava", "jsapi_ticket", "wx_card_ticket"), of("mp stable", "wxjava"), hook("mp hook"),
		mini(of("miniapp", "wxjava", "jsapi_ticket")), mini(of("miniapp old", "wxjava")),
		mini(of("miniapp hash", "wxjava_old", "jsapi_ticket")),
		corp("cp", "wxjava", "wecom_jsapi_ticket", "wecom_agent_ticket"))...)
	add("wxjava", java(), moved("miniapp moved"))
	add("symfony", php("symfony"), of("5", "easywechat5", "jsapi_ticket"),
		withSecret(of("6", "easywechat6", "jsapi_ticket")), withSecret(mini(of("6 mini", "easywechat6"))),
		withSecret(corp("6 work", "easywechat6", "wecom_jsapi_ticket")))
	laravel := func(m mode) mode { m.target.Prefix = "laravel_database_laravel_cache"; return m }
	add("laravel", php("laravel"), laravel(of("5", "laravel_easywechat5", "jsapi_ticket")),
		laravel(withSecret(of("6", "laravel_easywechat6", "jsapi_ticket"))))
	return all
}

func node(sdk string) []string { return []string{"node", "node/main.js", sdk} }

func python(packages, sdk string) []string {
	return []string{"env", "PYTHONPATH=" + installed(packages), "python3", "-B", "python/main.py", sdk}
}

func php(cache string) []string { return []string{"php", "php/main.php", cache} }

func java() []string {
	// The first tier of the compiler is enough for a few calls, and starts sooner.
	return []string{"java", "-XX:TieredStopAtLevel=1", "-cp",
		installed("java", "target", "classes") + ":" + installed("java", "target", "lib", "*"), "Main"}
}
