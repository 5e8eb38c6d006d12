package wechat

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Class says what kind of failure an error is, and so how long to wait before the next call.
type Class string

// The classes. Metrics use these words as labels.
const (
	// ClassTransient: WeChat is busy, for seconds.
	ClassTransient Class = "transient"
	// ClassRate: too many calls in a minute. The next minute is free again.
	ClassRate Class = "rate"
	// ClassQuota: the day's calls are used up.
	ClassQuota Class = "quota"
	// ClassConfig: a person has to correct the configuration.
	ClassConfig Class = "config"
	// ClassIP: a person has to whitelist the address of this host.
	ClassIP Class = "ip"
	// ClassAdmin: the account's administrator has to confirm this host, or has refused it.
	ClassAdmin Class = "admin"
	// ClassAccount: the account or its AppSecret is frozen or punished.
	ClassAccount Class = "account"
	// ClassTransport: no answer came over the network.
	ClassTransport Class = "transport"
	// ClassGarbage: an answer came that WeChat does not give.
	ClassGarbage Class = "garbage"
	// ClassUnknown: an errcode that the token endpoints are not known to return.
	ClassUnknown Class = "unknown"
)

// Issued is what is known about whether WeChat drew a token.
type Issued string

const (
	// NotIssued: the request certainly never left, or WeChat answered with an errcode.
	NotIssued Issued = "no"
	// MaybeIssued: the request may have left, and no answer says what became of it.
	MaybeIssued Issued = "unknown"
)

// Error is a failed call. It holds no secret, no token and no URL, and wraps no
// error: those of net/http quote servers, and nobody decides by them.
type Error struct {
	// Op is "mint token", "mint ticket", "verify token" or "ask quota".
	Op string
	// WeCom says that WeCom was asked, and speaks wherever WeChat is said to.
	WeCom bool
	// Class is what the failure means for a mint, also where Verify or Quota failed. Where a ticket's parent is refused
	// it is transient: that passes with the next token of the parent.
	Class Class
	// Code is WeChat's errcode, 0 if it sent none.
	Code int
	// Message is one line: WeChat's errmsg, at most 200 characters, or what happened instead of an answer.
	Message string
	// IP, with the classes ip and admin, is the caller's address as WeChat sees it, "" if it did not say.
	IP string
	// Issued, of Verify and Quota, which draw no token, is whether the request may have left without an answer.
	Issued Issued
}

// meant says what a failure means for the call that it became of.
func (e *Error) meant(k call) {
	e.Op, e.WeCom = k.op, k.wecom
	switch entry, known := Lookup(e.Code); {
	case e.Op == opTicket && e.Refused():
		e.Class = ClassTransient
	case e.WeCom && e.Code == 0:
		// The words of a failure without an errcode are ours.
		e.Message = strings.NewReplacer("wechat.base_url", "wechat.wecom_base_url", "WeChat", "WeCom").Replace(e.Message)
	case e.WeCom && known:
		e.Class = entry.WeCom
	}
}

// Left is false when the request certainly never left this process. Such a
// call is given back to the daily quota.
func (e *Error) Left() bool { return e.Issued == MaybeIssued || e.Code != 0 }

// Refused reports that WeChat called the token dead that the call carried: the
// one that was verified, and the parent's where a ticket was asked for. The same
// 40001 from the mint of a token speaks of the AppSecret and refuses no token.
func (e *Error) Refused() bool {
	carriesToken := e.Op == opVerify || e.Op == opTicket || e.Op == opQuota
	return carriesToken && slices.Contains([]int{40001, 40014, 42001}, e.Code)
}

// Wait is how long WeChat says that it refuses every further call of this
// host, whose address the administrator has refused once (89507) or twice
// (89506). It is 0 for all that WeChat sets no time to.
func (e *Error) Wait() time.Duration {
	return map[int]time.Duration{89507: time.Hour, 89506: 24 * time.Hour}[e.Code]
}

// Error is a sentence for an operator: what happened, the code, its meaning and the cure.
func (e *Error) Error() string {
	platform, _ := e.platform()
	switch {
	case e.Code == 0 && e.Op == opMint && e.Issued == MaybeIssued:
		return e.Op + ": " + e.Message + "; " + platform + " may have issued a token"
	case e.Code == 0:
		return e.Op + ": " + e.Message
	}
	entry := e.Meaning()
	text := fmt.Sprintf("%s: errcode %d: %s; %s", e.Op, e.Code, entry.English, entry.Cure)
	if e.IP != "" {
		text += "; the address is " + e.IP
	}
	if e.Message != "" {
		text += fmt.Sprintf(" (%s says %q)", platform, e.Message)
	}
	return text
}

func (e *Error) platform() (english, chinese string) {
	if e.WeCom {
		return "WeCom", "企业微信"
	}
	return "WeChat", "微信"
}

// Meaning is what the code of an answer means for the call that got it, and what
// to do about it: the table knows what it means for a mint alone.
func (e *Error) Meaning() Errcode {
	entry, known := Lookup(e.Code)
	say := func(english, cure, chinese, cureChinese string) Errcode {
		entry.English, entry.Cure, entry.Chinese, entry.CureChinese = english, cure, chinese, cureChinese
		return entry
	}
	platform, chinese := e.platform()
	switch {
	case e.Op == opTicket && e.Refused():
		return say(platform+" refuses the token that the ticket was asked for with", "a new token has to be minted first",
			chinese+"拒绝了换取 ticket 所用的 token", "须先获取新的 token")
	case e.Refused():
		return say(platform+" refuses this token", "a new token has to be minted",
			chinese+"拒绝了这个 token", "须获取新的 token")
	case e.Op == opVerify && e.Class == ClassQuota:
		return say("the day's questions about a token are used up", "set verify_every longer, and let fewer programs ask; "+
			"until the next day in Beijing time nobody notices if the token is replaced",
			"当日校验 token 的次数已用完",
			"调大 verify_every，并减少发起校验的程序；北京时间次日之前，token 被替换不会有人察觉")
	case e.Op == opTicket && e.Class == ClassQuota:
		return say("the day's tickets are used up",
			"look for another program that draws tickets of this account; clear_quota restores the count up to ten times a "+
				"month; otherwise wait for the next day in Beijing time",
			"当日获取 ticket 的次数已用完",
			"查找是否有其他程序获取该账号的 ticket；可用 clear_quota 清零（每月 10 次），否则等到北京时间次日")
	case e.Op == opQuota && e.Class == ClassQuota:
		return say("the day's questions about quotas are used up", "let fewer programs ask; nothing else hangs on it",
			"当日查询配额的次数已用完", "减少发起查询的程序；其他功能不受影响")
	case !known:
		return say("this code is not in the table of return codes", "look it up in WeChat's documentation",
			"返回码表中没有此码", "请查阅微信官方文档")
	}
	return entry
}

// apiError is an answer of WeChat that carries an errcode, with an errmsg fit for a log.
func apiError(code int, errmsg string) *Error {
	entry, _ := Lookup(code)
	e := &Error{Class: cmp.Or(entry.Class, ClassUnknown), Code: code, Message: errmsg, Issued: NotIssued}
	if e.Class == ClassIP || e.Class == ClassAdmin {
		e.IP = callerAddress(e.Message)
	}
	return e
}

// callerAddress finds the first IP address in an errmsg. The words around it
// ("invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist") have changed
// over the years, and sometimes digits are masked: then there is none.
func callerAddress(errmsg string) string {
	for _, word := range strings.FieldsFunc(errmsg, func(r rune) bool { return strings.ContainsRune(" ,;()[]'\"", r) }) {
		if addr, err := netip.ParseAddr(word); err == nil {
			return addr.Unmap().String()
		}
	}
	return ""
}
