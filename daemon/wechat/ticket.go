package wechat

import (
	"context"

	"wxtokend/daemon/secret"
)

// TicketType is what a ticket is for.
type TicketType string

// The types of tickets: for the JS-SDK, and for cards.
const (
	TicketJSAPI  TicketType = "jsapi"
	TicketWXCard TicketType = "wx_card"
)

// Ticket asks GET /cgi-bin/ticket/getticket with a token of the account, once.
// Asked again it gives the same ticket, and expires_in is the whole life each
// time, however old the ticket is. No other ticket is thrown out, nor does a new
// token throw out a ticket. An *Error with Refused() means that the token is
// dead and says nothing about tickets.
func (c *Client) Ticket(ctx context.Context, t secret.Token, kind TicketType) (Grant, error) {
	query := carrying(t)
	query.Set("type", string(kind))
	request := get(c.base, "/cgi-bin/ticket/getticket", query)
	return c.draw(ctx, call{op: opTicket, hide: t.Reveal(), request: request}, answer.ticket)
}

// CorpTicket asks GET /cgi-bin/get_jsapi_ticket of WeCom with a token of one of
// the corp's agents, once: the JS-SDK's ticket of the whole corp. WeCom gives it
// 400 times an hour, and 100 times to one agent. The rest is as with Ticket.
func (c *Client) CorpTicket(ctx context.Context, t secret.Token) (Grant, error) {
	request := get(c.wecom, "/cgi-bin/get_jsapi_ticket", carrying(t))
	return c.draw(ctx, call{op: opTicket, hide: t.Reveal(), wecom: true, request: request}, answer.ticket)
}

// AgentTicket asks GET /cgi-bin/ticket/get of WeCom, once: the ticket of the
// agent whose token it is, for agentConfig. The rest is as with CorpTicket.
func (c *Client) AgentTicket(ctx context.Context, t secret.Token) (Grant, error) {
	query := carrying(t)
	query.Set("type", "agent_config")
	request := get(c.wecom, "/cgi-bin/ticket/get", query)
	return c.draw(ctx, call{op: opTicket, hide: t.Reveal(), wecom: true, request: request}, answer.ticket)
}
