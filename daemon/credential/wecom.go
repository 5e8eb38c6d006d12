package credential

import (
	"context"
	"strings"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechat"
)

// The kinds at WeCom (企业微信): the token of one agent of a corp, and the tickets
// of a corp (wx.config) and of an agent (wx.agentConfig), which are drawn with it.
const (
	WeCom            = "wecom"
	WeComJSAPITicket = "wecom_jsapi_ticket"
	WeComAgentTicket = "wecom_agent_ticket"
)

// corpToken is the token that belongs to one secret of a corp, mostly an agent's.
//
// WeCom's page of gettoken says that it may end a token early, and in an older
// edition that the same token comes back as long as it is valid. Neither says
// whether expires_in is then what is left, and its staff speaks of tokens that
// live up to four hours. So the first answer counts, and the token is asked about.
// 10,000 calls a minute and 150,000 an hour are free for a corp; 2,000 wrong ones
// in an hour bar it for an hour.
func corpToken() row {
	return row{Traits: Traits{
		Whole: true, Overlap: 5 * time.Minute,
		// WeCom knows no forced draw. It is for the quota of whoever asks for one again and again.
		ForceSpacing: 30 * time.Second, Verifiable: true,
		Ahead: 5 * time.Minute, DailyLimit: 10_000,
	}, draw: func(ctx context.Context, c *wechat.Client, in Inputs) (Grant, error) {
		corpID, _, _ := strings.Cut(in.Account, "/")
		return c.CorpToken(ctx, corpID, in.Secret)
	}, verify: (*wechat.Client).VerifyCorp}
}

// corpTicket is a ticket of WeCom, which are like those of an official account.
// A corp may draw 400 in an hour, an agent 100 of them.
func corpTicket(draw func(*wechat.Client, context.Context, secret.Token) (Grant, error)) row {
	return row{Traits: ticketTraits(WeCom), draw: func(ctx context.Context, c *wechat.Client, in Inputs) (Grant, error) {
		return draw(c, ctx, in.Parent)
	}}
}
