package check

import (
	"errors"
	"fmt"

	"wxtokend/daemon/config"
	"wxtokend/daemon/wechat"
)

// refused explains a failed call of WeChat, in English and in Chinese where
// WeChat gave a code: the cure is often found in its Chinese console.
func refused(c config.WeChat, err error) (saw, cure string) {
	var failure *wechat.Error
	if !errors.As(err, &failure) {
		return err.Error(), ""
	}
	if failure.Code == 0 {
		return fmt.Sprintf("%s: %s", failure.Class, failure.Message), unanswered(failure.Class, c)
	}
	entry, known := wechat.Lookup(failure.Code)
	if !known {
		return fmt.Sprintf("errcode %d, which is in no table (WeChat says %q)", failure.Code, failure.Message),
			"look the code up in WeChat's documentation"
	}
	cure, chinese := entry.Cure, entry.CureChinese
	if failure.IP != "" {
		cure = fmt.Sprintf("the address is %s: %s", failure.IP, cure)
		chinese = fmt.Sprintf("IP 为 %s：%s", failure.IP, chinese)
	}
	saw = fmt.Sprintf("errcode %d (%s): %s（%s） (WeChat says %q)",
		failure.Code, entry.Class, entry.English, entry.Chinese, failure.Message)
	return saw, cure + "\n" + chinese
}

// unanswered is the cure for a call without an errcode. The failure's own words
// say what broke; here is from where to try, as behind a proxy that is not this host.
func unanswered(class wechat.Class, c config.WeChat) string {
	// The daemon obeys its own options alone; curl obeys the environment as well, unless told otherwise.
	from, try := "this host", fmt.Sprintf("curl -v --noproxy '*' %s", c.BaseURL)
	if c.Proxy != "" {
		from, try = "wechat.proxy", fmt.Sprintf("curl -v --noproxy '' --proxy (the value of wechat.proxy) %s", c.BaseURL)
	}
	switch class {
	case wechat.ClassTransport:
		return fmt.Sprintf("%s must reach %s: check DNS, firewall, CA certificates and wechat.proxy, as on this host with: %s", from, c.BaseURL, try)
	case wechat.ClassTransient:
		return "try again in a minute; if it stays, look for a proxy between here and WeChat"
	default:
		return fmt.Sprintf("look at what answers, on this host with: %s; mostly it is a proxy or a login page in front of WeChat", try)
	}
}
