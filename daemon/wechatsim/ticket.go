package wechatsim

import "time"

// ticketLength is that of every ticket that was seen.
const ticketLength = 86

// ticket answers getticket, whose expires_in is the whole life at any age.
func (s *Server) ticket(a *app, c call, f Fault, now time.Time) reply {
	ch, known := map[string]Channel{"jsapi": JSAPITicket, "wx_card": WXCardTicket}[c.Type]
	if !known {
		return s.fail(40097, "")
	}
	g, ok := s.fresh(a, ch, c.from, f, now)
	if !ok {
		return s.fail(-1, "")
	}
	rep := succeeded()
	rep.Ticket, rep.ExpiresIn = g.token, s.periods.expiresIn(s.periods.Life)
	return rep
}

// fresh returns the current token or ticket of a channel whose rule is "the same
// until it is as old as a life", and draws one if there is none such. It fails
// without entropy alone.
func (s *Server) fresh(a *app, ch Channel, from string, f Fault, now time.Time) (*grant, bool) {
	reason, cur := "normal", a.channels[ch].current()
	if cur != nil {
		reason = "renewed"
	}
	if cur == nil || !cur.alive(now) || now.Sub(cur.issue.At) >= s.periods.Life {
		length := s.length(ch)
		if f.Kind == FaultLongToken {
			length = 512
		}
		g, err := s.rotate(a, ch, reason, from, now, length)
		return g, err == nil
	}
	if ch == WeCom && !s.corpRemaining {
		// What is promised now is kept.
		cur.until = now.Add(s.periods.Life)
	}
	return cur, true
}

// length is how many characters a token of a channel has.
func (s *Server) length(ch Channel) int {
	if ch.ticket() {
		return ticketLength
	}
	return s.tokenLength
}
