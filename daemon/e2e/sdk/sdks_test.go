//go:build sdk

package sdk

import (
	"os"
	"path/filepath"
	"slices"
)

const (
	jsapi       = "jsapi_ticket"
	card        = "wx_card_ticket"
	corpTicket  = "wecom_jsapi_ticket"
	agentTicket = "wecom_agent_ticket"
)

// modes is every way in which every SDK is used. Each runs in processes of its own.
func modes() []mode { return slices.Concat(golang(), node(), python(), java(), php()) }

// installed is where .ci/sdk has put what the clients need.
func installed(parts ...string) string {
	return filepath.Join(append([]string{os.Getenv("SDK_CLIENTS")}, parts...)...)
}

// sdk says of which SDK these modes are, and how its client is started.
func sdk(name string, command []string, modes ...mode) []mode {
	for i := range modes {
		modes[i].sdk, modes[i].command = name, command
	}
	return modes
}

func golang() []mode {
	return sdk("silenceper", []string{installed("silenceper")},
		classic(of("official", "silenceper", jsapi)), of("stable", "silenceper"),
		mini(of("mini", "silenceper")), mini(of("mini stable", "silenceper")),
		corp("work", "silenceper", corpTicket, agentTicket),
		agentless(corp("work without agent", "silenceper", corpTicket)),
		hook("hook"), moved("moved"))
}

func node() (all []mode) {
	add := func(name string, modes ...mode) {
		all = append(all, sdk(name, []string{"node", "node/main.js", name}, modes...)...)
	}
	add("co-wechat-api", hook("hook", jsapi))
	add("wechat-api", hook("hook", jsapi))
	add("node-easywechat", withSecret(of("classic", "node_easywechat", jsapi)),
		withSecret(of("stable", "node_easywechat")),
		withSecret(corp("work", "node_easywechat", corpTicket, agentTicket)), hook("hook"))
	add("nest-wechat", of("cache", "nest_wechat", jsapi), hook("hook"))
	add("tnwx", of("cache", "tnwx", jsapi), corp("work", "tnwx", corpTicket, agentTicket), hook("hook"), moved("moved"))
	return all
}

func python() (all []mode) {
	add := func(name, client string, modes ...mode) {
		command := []string{"env", "PYTHONPATH=" + installed(name), "python3", "-B", "python/main.py", client}
		all = append(all, sdk(name, command, modes...)...)
	}
	official := redraws(of("session", "wechatpy", jsapi, card))
	work := redraws(corp("work", "wechatpy", corpTicket, agentTicket))
	add("wechatpy1", "wechatpy", official, hook("hook"))
	add("wechatpy2", "wechatpy", official, work, hook("hook"))
	add("odoo-wechatpy", "wechatpy", official, work, hook("hook"))
	add("werobot", "werobot", hook("hook"))
	return all
}

func java() []mode {
	// The first tier of the compiler is enough for a few calls, and starts sooner.
	command := []string{"java", "-XX:TieredStopAtLevel=1", "-cp",
		installed("java", "target", "classes") + ":" + installed("java", "target", "lib", "*"), "Main"}
	return sdk("wxjava", command,
		classic(redraws(of("mp", "wxjava", jsapi, card))), redraws(of("mp stable", "wxjava")), hook("mp hook"),
		redraws(mini(of("miniapp", "wxjava", jsapi))), redraws(mini(of("miniapp old", "wxjava"))),
		redraws(mini(of("miniapp hash", "wxjava_old", jsapi))),
		redraws(corp("cp", "wxjava", corpTicket, agentTicket)), moved("miniapp moved"))
}

func php() []mode {
	const laravel = "laravel_database_laravel_cache"
	return append(
		sdk("symfony", []string{"php", "php/main.php", "symfony"},
			of("5", "easywechat5", jsapi), withSecret(of("6", "easywechat6", jsapi)),
			withSecret(mini(of("6 mini", "easywechat6"))), withSecret(corp("6 work", "easywechat6", corpTicket))),
		sdk("laravel", []string{"php", "php/main.php", "laravel"},
			prefixed(laravel, of("5", "laravel_easywechat5", jsapi)),
			prefixed(laravel, withSecret(of("6", "laravel_easywechat6", jsapi))))...)
}
