package check

import (
	"errors"
	"fmt"

	"wxtokend/daemon/config"
	"wxtokend/daemon/wechat"
)

// refused explains a failed call of WeChat, in English and in Chinese where
// WeChat gave a code: the cure is often found in its Chinese console.
func (r *report) refused(subject string, c config.WeChat, err error) {
	var failure *wechat.Error
	if !errors.As(err, &failure) {
		r.fail(subject, "", "%v", err)
		return
	}
	if failure.Code == 0 {
		r.fail(subject, unanswered(failure.Class, c), "%s: %s", failure.Class, failure.Message)
		return
	}
	entry, known := wechat.Lookup(failure.Code)
	if !known {
		r.fail(subject, "look the code up in WeChat's documentation", "errcode %d, which is in no table (WeChat says %q)", failure.Code, failure.Message)
		return
	}
	cure, chinese := entry.Cure, entry.CureChinese
	if failure.IP != "" {
		cure, chinese = fmt.Sprintf("the address is %s: %s", failure.IP, cure), fmt.Sprintf("IP 为 %s：%s", failure.IP, chinese)
	}
	r.fail(subject, cure+"\n"+chinese, "errcode %d (%s): %s（%s） (WeChat says %q)",
		failure.Code, entry.Class, entry.English, entry.Chinese, failure.Message)
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
