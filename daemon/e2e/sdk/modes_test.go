//go:build sdk

package sdk

import (
	"fmt"
	"os"
	"path/filepath"
)

// mode is one way in which one SDK is used.
type mode struct {
	// sdk and name are the test's name; name is what the client is told.
	sdk, name string
	command   []string
	// layout is what the daemon writes for it.
	layout string
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

func modes() []mode {
	silenceper := []string{installed("silenceper")}
	node := func(sdk string) []string { return []string{"node", "node/main.js", sdk} }
	python := func(packages, sdk string) []string {
		return []string{"env", "PYTHONPATH=" + installed(packages), "python3", "-B", "python/main.py", sdk}
	}
	return []mode{
		{sdk: "silenceper", name: "official", command: silenceper, layout: "silenceper"},
		{sdk: "silenceper", name: "stable", command: silenceper, layout: "silenceper_stable"},
		{sdk: "silenceper", name: "mini", command: silenceper, layout: "silenceper_mini"},
		{sdk: "silenceper", name: "hook", command: silenceper, layout: "json", hook: true},
		{sdk: "co-wechat-api", name: "hook", command: node("co-wechat-api"), layout: "json", hook: true},
		{sdk: "wechat-api", name: "hook", command: node("wechat-api"), layout: "json", hook: true},
		{sdk: "node-easywechat", name: "classic", command: node("node-easywechat"), layout: "node_easywechat"},
		{sdk: "node-easywechat", name: "stable", command: node("node-easywechat"), layout: "node_easywechat_stable"},
		{sdk: "node-easywechat", name: "hook", command: node("node-easywechat"), layout: "json", hook: true},
		{sdk: "nest-wechat", name: "cache", command: node("nest-wechat"), layout: "nest_wechat"},
		{sdk: "nest-wechat", name: "hook", command: node("nest-wechat"), layout: "json", hook: true},
		{sdk: "tnwx", name: "cache", command: node("tnwx"), layout: "tnwx"},
		{sdk: "tnwx", name: "hook", command: node("tnwx"), layout: "json", hook: true},
		{sdk: "wechatpy-1", name: "session", command: python("wechatpy1", "wechatpy"), layout: "wechatpy"},
		{sdk: "wechatpy-1", name: "hook", command: python("wechatpy1", "wechatpy"), layout: "json", hook: true},
		{sdk: "wechatpy-2", name: "session", command: python("wechatpy2", "wechatpy"), layout: "wechatpy"},
		{sdk: "wechatpy-2", name: "hook", command: python("wechatpy2", "wechatpy"), layout: "json", hook: true},
		{sdk: "odoo-wechatpy", name: "session", command: python("odoo-wechatpy", "wechatpy"), layout: "wechatpy"},
		{sdk: "odoo-wechatpy", name: "hook", command: python("odoo-wechatpy", "wechatpy"), layout: "json", hook: true},
		{sdk: "werobot", name: "hook", command: python("werobot", "werobot"), layout: "json", hook: true},
	}
}
