//go:build sdk

package sdk

import (
	"fmt"
	"time"
)

// entry is one key of a layout.
type entry struct {
	key, value string
}

// entries stands in for the daemon's own targets.
func entries(layout, appid, secret, token string, expires time.Time) []entry {
	switch layout {
	case "silenceper":
		return []entry{{"gowechat_officialaccount__access_token_" + appid, token}}
	case "silenceper_stable":
		return []entry{{"gowechat_officialaccount__stable_access_token_" + appid, token}}
	case "silenceper_mini":
		return []entry{{"gowechat_miniprogram__access_token_" + appid, token}}
	case "node_easywechat":
		return []entry{{"official_account.access_token." + appid + "." + secret + ".0", token}}
	case "node_easywechat_stable":
		return []entry{{"official_account.access_token." + appid + "." + secret + ".1", token}}
	case "nest_wechat":
		return []entry{{"key_access_token_" + appid, fmt.Sprintf(`{"access_token":%q,"expires_in":%d}`, token, expires.Unix())}}
	case "tnwx":
		return []entry{{appid, fmt.Sprintf(`{"access_token":%q,"expires_in":7200,"expired_time":%d}`, token, expires.UnixMilli())}}
	case "wechatpy":
		return []entry{{"wechatpy:" + appid + "_access_token", fmt.Sprintf("%q", token)},
			{"wechatpy:" + appid + "_access_token_expires_at", fmt.Sprint(expires.Unix())}}
	case "json":
		return []entry{{"WXAccessToken", fmt.Sprintf(`{"access_token":%q,"expires_in":7200,"expiresAt":"\\/Date(%d+0800)\\/"}`,
			token, expires.UnixMilli())}}
	}
	panic(fmt.Sprintf("no layout %q", layout))
}
