package credential

import "wxtokend/daemon/wechat"

// What callers see of a platform, so that they need not know which it is.
type (
	// Options are the ways to WeChat.
	Options = wechat.Options
	// Grant is a validated answer to a draw.
	Grant = wechat.Grant
	// Quota is what the platform has counted of a day's draws.
	Quota = wechat.Quota
	// Error is a failed draw or question.
	Error = wechat.Error
	// Class says what kind of failure an error is, and so how long to wait.
	Class = wechat.Class
)

// The classes, with the meaning that package wechat gives them.
const (
	ClassTransient = wechat.ClassTransient
	ClassRate      = wechat.ClassRate
	ClassQuota     = wechat.ClassQuota
	ClassConfig    = wechat.ClassConfig
	ClassIP        = wechat.ClassIP
	ClassAdmin     = wechat.ClassAdmin
	ClassAccount   = wechat.ClassAccount
	ClassTransport = wechat.ClassTransport
	ClassGarbage   = wechat.ClassGarbage
	ClassUnknown   = wechat.ClassUnknown
)

// What is known about whether a failed draw gave a token.
const (
	NotIssued   = wechat.NotIssued
	MaybeIssued = wechat.MaybeIssued
)

// Lookup finds a return code, for the cure of a failure of which only the code is known.
func Lookup(code int) (wechat.Errcode, bool) { return wechat.Lookup(code) }

// Issuer is whose tokens come from a base URL, the same for every way to write
// one WeChat, "" for what NewPlatform refuses.
func Issuer(baseURL string) string { return wechat.Issuer(baseURL) }
