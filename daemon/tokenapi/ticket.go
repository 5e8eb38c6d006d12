package tokenapi

import (
	"crypto/sha256"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/metrics"
)

type ticketAnswer struct {
	outcome
	Ticket    string `json:"ticket"`
	ExpiresIn int    `json:"expires_in"`
}

// ticket serves GET /cgi-bin/ticket/getticket.
func (a *API) ticket(q *request) answer {
	kinds := map[string]string{"jsapi": credential.JSAPITicket, "wx_card": credential.WXCardTicket}
	kind := kinds[q.URL.Query().Get("type")]
	return a.ticketOf(q, kind, codeCredential, "invalid credential, access_token is invalid or not latest")
}

// corpTicket serves WeCom's GET /cgi-bin/get_jsapi_ticket.
func (a *API) corpTicket(q *request) answer {
	return a.ticketOf(q, credential.WeComJSAPITicket, codeToken, "invalid access_token")
}

// agentTicket serves WeCom's GET /cgi-bin/ticket/get.
func (a *API) agentTicket(q *request) answer {
	kind := map[string]string{"agent_config": credential.WeComAgentTicket}[q.URL.Query().Get("type")]
	return a.ticketOf(q, kind, codeToken, "invalid access_token")
}

// ticketOf answers whoever shows the token that a readable ticket of the kind
// comes from. No consumer is recognised: whoever holds that token may have the
// ticket of the platform itself, so he gets nothing here that he could not have.
func (a *API) ticketOf(q *request, kind string, code int, message string) answer {
	shown := q.URL.Query().Get("access_token")
	sum := sha256.Sum256([]byte(shown))
	found := a.ticketFor(q.set, kind, secret.Token(shown).Fingerprint(), sum)
	// A guess at a token counts as one at a secret does.
	right := &sum
	if found == nil {
		right = nil
	}
	switch {
	case !a.heard(q, right):
		return wechat(metrics.APILimited, codeRate, limited)
	case kind == "":
		return wechat(metrics.APIBadRequest, codeParameter, "invalid parameter: type")
	case shown == "":
		return wechat(metrics.APIUnauthorized, codeNoToken, "access_token missing")
	case found == nil:
		return wechat(metrics.APIUnauthorized, code, message)
	}
	t, left, good := a.find(*found)
	if !good {
		return wechat(metrics.APIUnavailable, codeBusy, noToken)
	}
	body := ticketAnswer{outcome{0, "ok"}, t.Value.Reveal(), wholeSeconds(left)}
	return answer{result: metrics.APIOK, body: body}
}

// ticketFor finds the first ticket of the kind whose parent's token was shown.
// It compares with all of them, and takes none that the platform is known to refuse.
func (a *API) ticketFor(set *consumers, kind, fingerprint string, sum [sha256.Size]byte) (found *Credential) {
	for i, c := range set.tickets {
		if c.Kind != kind {
			continue
		}
		parent, there := a.options.Tokens.Find(c.From)
		if there {
			a.parents.see(c.From, parent)
		}
		if a.parents.shown(c.From, sum) == 1 && found == nil && fingerprint != parent.Refused {
			found = &set.tickets[i]
		}
	}
	return found
}
