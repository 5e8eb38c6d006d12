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
	// target is what the daemon writes for it.
	target layout.Target
	// hook says that the app brings the token itself: the SDK never draws.
	hook bool
}

const appSecret = "5ecre75ecre75ecre75ecre75ecre75e"

// account is the appid of the i-th mode.
func account(i int) string { return fmt.Sprintf("wx%016x", 0xabcdef01+i) }

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
	of := func(name, layoutName string) mode { return mode{name: name, target: layout.Target{Layout: layoutName}} }
	mini := func(m mode) mode { m.target.Mini = true; return m }
	withSecret := func(m mode) mode { m.target.SecretInKey = true; return m }
	// A hook reads the credential's own key, in the default format.
	hook := func(name string) mode {
		return mode{name: name, hook: true,
			target: layout.Target{Key: "WXAccessToken", Format: layout.JSON, UTCOffset: "+0800"}}
	}

	add("silenceper", []string{installed("silenceper")},
		of("official", "silenceper"), of("stable", "silenceper"),
		mini(of("mini", "silenceper")), mini(of("mini stable", "silenceper")), hook("hook"))
	add("co-wechat-api", node("co-wechat-api"), hook("hook"))
	add("wechat-api", node("wechat-api"), hook("hook"))
	add("node-easywechat", node("node-easywechat"), withSecret(of("classic", "node_easywechat")),
		withSecret(of("stable", "node_easywechat")), hook("hook"))
	add("nest-wechat", node("nest-wechat"), of("cache", "nest_wechat"), hook("hook"))
	add("tnwx", node("tnwx"), of("cache", "tnwx"), hook("hook"))
	add("wechatpy-1", python("wechatpy1", "wechatpy"), of("session", "wechatpy"), hook("hook"))
	add("wechatpy-2", python("wechatpy2", "wechatpy"), of("session", "wechatpy"), hook("hook"))
	add("odoo-wechatpy", python("odoo-wechatpy", "wechatpy"), of("session", "wechatpy"), hook("hook"))
	add("werobot", python("werobot", "werobot"), hook("hook"))
	add("wxjava", java(), of("mp", "wxjava"), of("mp stable", "wxjava"), hook("mp hook"),
		mini(of("miniapp", "wxjava")), mini(of("miniapp old", "wxjava")), mini(of("miniapp hash", "wxjava_old")))
	return all
}

func node(sdk string) []string { return []string{"node", "node/main.js", sdk} }

func python(packages, sdk string) []string {
	return []string{"env", "PYTHONPATH=" + installed(packages), "python3", "-B", "python/main.py", sdk}
}

func java() []string {
	// The first tier of the compiler is enough for a few calls, and starts sooner.
	return []string{"java", "-XX:TieredStopAtLevel=1", "-cp",
		installed("java", "target", "classes") + ":" + installed("java", "target", "lib", "*"), "Main"}
}
