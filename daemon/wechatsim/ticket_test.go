package wechatsim_test

import (
	"regexp"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

func (s sim) ticket(token, kind string) answer {
	s.t.Helper()
	return s.do("GET", wechatsim.PathTicket+"?access_token="+token+"&type="+kind, "")
}

// wantWorks checks what the oracle says of a ticket.
func (s sim) wantWorks(what, id, ticket string, want bool) {
	s.t.Helper()
	if got := s.Accepts(id, ticket); got != want {
		s.t.Errorf("%s: it works: %v", what, got)
	}
}

func TestTicketStaysTwoHoursAndWorksThree(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		first := s.ticket(s.stable().Token, "jsapi")
		if first.Code == nil || *first.Code != 0 || first.Message != "ok" || string(first.Expires) != "7200" {
			t.Errorf("%s", first.body)
		}
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{86}$`).MatchString(first.Ticket) {
			t.Errorf("ticket %q", first.Ticket)
		}
		card := s.ticket(s.stable().Token, "wx_card")
		if card.Ticket == first.Ticket || card.Ticket == "" {
			t.Errorf("the same for cards: %s", card.body)
		}
		time.Sleep(2*time.Hour - ms)
		if again := s.ticket(s.classic().Token, "jsapi"); again.Ticket != first.Ticket || string(again.Expires) != "7200" {
			t.Errorf("a millisecond before it is two hours old: %s", again.body)
		}
		time.Sleep(ms)
		second := s.ticket(s.classic().Token, "jsapi")
		if second.Ticket == first.Ticket || string(second.Expires) != "7200" {
			t.Errorf("two hours old: %s", second.body)
		}
		time.Sleep(time.Hour - ms)
		s.wantWorks("the old one, almost three hours old", appid, first.Ticket, true)
		time.Sleep(ms)
		s.wantWorks("the old one, three hours old", appid, first.Ticket, false)
		s.wantWorks("the new one", appid, second.Ticket, true)
		s.wantWorks("another account's", appidTwo, second.Ticket, false)
	})
}

// A ticket has nothing to do with the token that it was asked for with, or with those after it.
func TestTicketOutlivesItsToken(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		parent := s.classic().Token
		first := s.ticket(parent, "jsapi").Ticket
		later := s.classic().Token
		s.classic()
		s.wantUse("the token", parent, 40001)
		if a := s.ticket(parent, "jsapi"); a.code() != 40001 || a.Ticket != "" {
			t.Errorf("a dead parent: %s", a.body)
		}
		if a := s.ticket(later, "jsapi"); a.Ticket != first {
			t.Errorf("a new parent: %s", a.body)
		}
		for bad, code := range map[string]int{"": 41001, "x": 40014, first: 40014} {
			if a := s.ticket(bad, "jsapi"); a.code() != code {
				t.Errorf("parent %q: %s", bad, a.body)
			}
		}
		if a := s.ticket(later, "2"); a.code() != 40097 {
			t.Errorf("another type: %s", a.body)
		}
		s.wantNoToken(first)
	})
}

// wantNoToken: no endpoint takes a ticket for a token.
func (s sim) wantNoToken(ticket string) {
	s.t.Helper()
	if got := s.use(ticket); got != 40014 {
		s.t.Errorf("a ticket as a token: %d", got)
	}
}

func TestQuotaAndFaultsOfTickets(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.stable().Token
		s.must(s.SetQuota(appid, wechatsim.PathTicket, wechatsim.Quota{Limit: 1}))
		first := s.ticket(token, "jsapi")
		if a := s.ticket(token, "jsapi"); a.code() != 45009 {
			t.Errorf("over the limit: %s", a.body)
		}
		s.must(s.SetQuota(appid, wechatsim.PathTicket, wechatsim.Quota{Limit: 100}))
		for kind, holds := range map[wechatsim.FaultKind]func(answer) bool{
			wechatsim.FaultNoToken:   func(a answer) bool { return a.Ticket == "" && string(a.Expires) == "7200" },
			wechatsim.FaultExpiresIn: func(a answer) bool { return a.Ticket == first.Ticket && string(a.Expires) == "-1" },
			wechatsim.FaultErrcode:   func(a answer) bool { return a.code() == 42001 },
		} {
			f := wechatsim.Fault{Kind: kind, Code: 42001, ExpiresIn: []byte("-1"), Path: wechatsim.PathTicket, Times: 1}
			_, err := s.Inject(f)
			s.must(err)
			if a := s.ticket(token, "jsapi"); !holds(a) {
				t.Errorf("%s: %s", kind, a.body)
			}
		}
		s.must(s.Revoke(appid, wechatsim.JSAPITicket))
		s.wantWorks("revoked", appid, first.Ticket, false)
		if a := s.ticket(token, "jsapi"); a.Ticket == first.Ticket || !s.Accepts(appid, a.Ticket) {
			t.Errorf("after it: %s", a.body)
		}
		if got := s.Issued(); len(got) != 3 || got[2].Channel != wechatsim.JSAPITicket || got[2].Reason != "renewed" {
			t.Errorf("log %+v", got)
		}
		if err := s.Revoke(appid, wechatsim.WeCom); err == nil {
			t.Error("an app has a channel of WeCom")
		}
	})
}
