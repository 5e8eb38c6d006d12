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
	case "raw":
		return []entry{{"WXAccessToken", token}}
	}
	panic(fmt.Sprintf("no layout %q", layout))
}
