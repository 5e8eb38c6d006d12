// Package sdk lets the real SDKs of others read what wxtokend writes, and
// counts the tokens that they draw all the same: none.
//
//	.ci/sdk                    # installs all SDKs and runs every one
//	.ci/sdk -run /silenceper   # one of them
//
// A client is a small program in the SDK's own language, beside this file, that
// pins the SDK's version. It is told by environment variables where Redis and
// WeChat are, reads commands on its standard input, one a line, and answers
// each with one line of JSON:
//
//	call            make a call with the SDK that needs a token: {} or {"error":"…"}
//	jsapi_ticket    say what the SDK takes for that ticket: {"ticket":"…"};
//	                others by the names of their kinds
//
// Between client and simulated WeChat is a wire that writes down each request
// and the token in it, whether the SDK's base URL is moved or it insists on
// https://api.weixin.qq.com. The built daemon, which writes the keys and mends
// them, has no wire: what the simulator counts is its draws and those of the wire.
// It is frozen where an SDK is to miss a key. Each story begins with the control: in an empty
// Redis the SDK draws a token itself, the wire sees it, and it writes the very
// keys that the daemon's layout names.
package sdk
