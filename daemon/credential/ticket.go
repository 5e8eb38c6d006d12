package credential

import (
	"context"
	"time"

	"wxtokend/daemon/wechat"
)

// The kinds of tickets of an official account: for the JS-SDK (wx.config), and for cards.
const (
	JSAPITicket  = "jsapi_ticket"
	WXCardTicket = "wx_card_ticket"
)

// ticket is one kind of ticket of an official account.
//
// WeChat's page of getTicket says little more than two hours. Developers have
// seen the same ticket in each answer for about two hours with an expires_in that
// is always 7200, and that it works until it is about three hours old; and that
// neither a new ticket nor a new token throws one out. A day has 10,000 calls at
// the least that was seen.
func ticket(of wechat.TicketType) row {
	return row{Traits: ticketTraits(OfficialAccount), draw: func(
		ctx context.Context, c *wechat.Client, in Inputs,
	) (Grant, error) {
		return c.Ticket(ctx, in.Parent, of)
	}}
}

// ticketTraits are those of every ticket, WeCom's included.
func ticketTraits(parent string) Traits {
	return Traits{
		// Five minutes of the hour that was seen are enough for a refresh.
		Whole: true, Overlap: 5 * time.Minute,
		// WeChat knows no forced draw of a ticket. It is for the quota of whoever asks for one again and again.
		ForceSpacing: 30 * time.Second, Parent: parent,
		// What was first seen shortly before it is two hours old has one hour more, so each has to be asked for again
		// within the hour.
		Ahead: 70 * time.Minute, DailyLimit: 1_000,
	}
}
