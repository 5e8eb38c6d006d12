package credential

import (
	"context"
	"time"

	"wxtokend/daemon/wechat"
)

// OfficialAccount is the kind of a 公众号, 服务号 or 小程序, which draw their
// tokens from the same two APIs.
const OfficialAccount = "official_account"

// official are the two APIs of an official account. WeChat keeps their tokens
// apart: neither touches the other's.
//
// The sources are WeChat's pages of getAccessToken, getStableAccessToken and
// "access_token 使用说明". That only the newest two live is not said there, but
// the procedure for a leaked token needs it.
func official(api string) (row, bool) {
	switch api {
	case "stable":
		return row{Traits{
			Overlap: 5 * time.Minute, RenewWindow: 5 * time.Minute,
			ForceSpacing: 30 * time.Second, ForcedPerDay: 20, Verifiable: true, Metered: true,
			// To ask before the renew window is useless. WeChat takes 500,000 calls a day.
			Ahead: 4*time.Minute + 30*time.Second, DailyLimit: 10_000,
		}, func(ctx context.Context, c *wechat.Client, in Inputs) (Grant, error) {
			return c.StableToken(ctx, in.Account, in.Secret, in.Force)
		}, (*wechat.Client).Verify, "/cgi-bin/stable_token"}, true
	case "classic":
		return row{Traits{
			Replaces: true, Overlap: 5 * time.Minute,
			// WeChat asks for no spacing here: it is for readers, who would lose the token that they
			// have just read. A day has 2,000 calls, of a test account 200.
			ForceSpacing: 30 * time.Second, Verifiable: true, Metered: true,
			Ahead: 30 * time.Minute, DailyLimit: 1_000,
		}, func(ctx context.Context, c *wechat.Client, in Inputs) (Grant, error) {
			return c.ClassicToken(ctx, in.Account, in.Secret)
		}, (*wechat.Client).Verify, "/cgi-bin/token"}, true
	}
	return row{}, false
}
