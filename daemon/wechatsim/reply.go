package wechatsim

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// reply is the JSON of every answer. A token of WeChat comes without errcode; the
// other successes carry errcode 0.
type reply struct {
	Code               *int            `json:"errcode,omitempty"`
	Message            string          `json:"errmsg,omitempty"`
	Token              string          `json:"access_token,omitempty"`
	Ticket             string          `json:"ticket,omitempty"`
	ExpiresIn          json.RawMessage `json:"expires_in,omitempty"`
	IPs                []string        `json:"ip_list,omitempty"`
	MessageID          int64           `json:"msgid,omitempty"`
	Quota              *quotaReply     `json:"quota,omitempty"`
	RateLimit          *rateReply      `json:"rate_limit,omitempty"`
	ComponentRateLimit *rateReply      `json:"component_rate_limit,omitempty"`
}

type quotaReply struct {
	DailyLimit int `json:"daily_limit"`
	Used       int `json:"used"`
	Remain     int `json:"remain"`
}

type rateReply struct {
	CallCount     int `json:"call_count"`
	RefreshSecond int `json:"refresh_second"`
}

func succeeded() reply { return reply{Code: new(int), Message: "ok"} }

// fail is an error as WeChat words it, "" meaning the usual text of the code.
// Called with mu held.
func (s *Server) fail(code int, text string) reply {
	if text == "" {
		text = message(code)
	}
	return reply{Code: &code, Message: text + " rid: " + s.rid()}
}

// failIP names the caller: the text is the only place where an operator
// learns which address to put on the whitelist.
func (s *Server) failIP(caller netip.Addr) reply {
	v6 := caller.String()
	if caller.Is4() {
		v6 = "::ffff:" + v6
	}
	return s.fail(40164, fmt.Sprintf("invalid ip %s ipv6 %s, not in whitelist", caller, v6))
}

// failCorp is an error as WeCom words it, which names the caller in every one.
// Called with mu held.
func (s *Server) failCorp(code int, text string, caller netip.Addr) reply {
	if text == "" {
		text = cmp.Or(corpMessages[code], message(code))
	}
	var b [8]byte
	// Where entropy fails, zeros do.
	_, _ = io.ReadFull(s.entropy, b[:])
	text = fmt.Sprintf("%s, hint: [%d%015d], from ip: %s, more info at https://open.work.weixin.qq.com/devtool/query?e=%d",
		text, time.Now().Unix(), binary.BigEndian.Uint64(b[:])%1e15, caller, code)
	return reply{Code: &code, Message: text}
}

// failBody refuses a body that was not understood.
func (s *Server) failBody(c call) reply {
	switch {
	case c.problem != notJSON:
		return s.fail(c.problem, "")
	case s.strictJSON:
		return s.fail(47001, "")
	}
	return s.fail(41002, "")
}

// rid is WeChat's request id: three groups of hex digits, the first being the
// unix time in seconds. Where entropy fails, zeros do.
func (s *Server) rid() string {
	var b [8]byte
	_, _ = io.ReadFull(s.entropy, b[:])
	return fmt.Sprintf("%08x-%08x-%08x", time.Now().Unix(), binary.BigEndian.Uint32(b[:4]), binary.BigEndian.Uint32(b[4:]))
}

// message is the usual text of an errcode. Clients must not match on it.
func message(code int) string {
	if text, ok := messages[code]; ok {
		return text
	}
	return fmt.Sprintf("error %d", code)
}

const stableHint = ", could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r"

// corpMessages are those of WeCom, as far as they are not those of WeChat. It is
// never written to.
var corpMessages = map[int]string{
	40001: "invalid credential",
	40013: "invalid corpid",
	40058: "invalid Request Parameter",
	40091: "secret is invalid",
	41002: "corpid missing",
	41004: "corpsecret missing",
	45009: "api freq out of limit",
	45033: "api concurrent out of limit",
	48002: "api forbidden",
	60020: "not allow to access from your ip",
}

// messages is never written to. Texts that are not known from WeChat are in
// plain English.
var messages = map[int]string{
	-1:    "system error",
	40001: "invalid credential, access_token is invalid or not latest" + stableHint,
	40002: "invalid grant_type",
	40003: "invalid openid",
	40013: "invalid appid",
	40014: "invalid access_token",
	40037: "invalid template_id",
	40066: "invalid url",
	40097: "invalid args",
	40125: "invalid appsecret",
	40243: "appsecret is frozen",
	41001: "access_token missing",
	41002: "appid missing",
	41004: "appsecret missing",
	42001: "access_token expired",
	43001: "require GET method",
	43002: "require POST method",
	43003: "require https",
	44002: "empty post data",
	45009: "reach max api daily quota limit" + stableHint,
	45011: "api minute-quota reach limit, must slower, retry next minute",
	47001: "data format error",
	48001: "api unauthorized",
	48004: "api forbidden",
	48006: "forbid to clear quota because of reaching the limit",
	50002: "user limited",
	50004: "user not allow to use accesstoken, maybe for punishment",
	50007: "account is frozen",
	61004: "access clientip is not registered",
	61024: "component api needs component_access_token",
	76021: "cgi_path not found",
	89501: "this ip is waiting for the administrator to confirm",
	89503: "calling from this ip needs the administrator to confirm",
	89506: "the administrator refused this ip twice within 24 hours",
	89507: "the administrator refused this ip within 1 hour",
}
