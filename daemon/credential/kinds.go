package credential

import (
	"slices"

	"wxtokend/daemon/wechat"
)

// Form is what the configuration has to say about a credential of a kind.
type Form struct {
	Kind string
	// APIs are those of the kind, the first of which is the usual one; "" alone if there is nothing to choose.
	APIs []string
	// Parent is the kind of the credential that it names instead of an account and a secret, "" for none.
	Parent string
	// AtWeCom says that the account is a corpid, and an agentid if its readers need one, not an appid, and that the base
	// URL is that of WeCom.
	AtWeCom bool
}

// Kinds returns all kinds in the order in which people should read them.
func Kinds() []Form {
	one := []string{""}
	return []Form{
		{Kind: OfficialAccount, APIs: []string{"stable", "classic"}},
		{Kind: JSAPITicket, APIs: one, Parent: OfficialAccount},
		{Kind: WXCardTicket, APIs: one, Parent: OfficialAccount},
		{Kind: WeCom, APIs: one, AtWeCom: true},
		{Kind: WeComJSAPITicket, APIs: one, Parent: WeCom, AtWeCom: true},
		{Kind: WeComAgentTicket, APIs: one, Parent: WeCom, AtWeCom: true},
	}
}

// rowOf is the table of all kinds. A kind of one API alone takes "".
func rowOf(kind, api string) (row, bool) {
	switch kind {
	case OfficialAccount:
		return official(api)
	case JSAPITicket:
		return ticket(wechat.TicketJSAPI), api == ""
	case WXCardTicket:
		return ticket(wechat.TicketWXCard), api == ""
	case WeCom:
		return corpToken(), api == ""
	case WeComJSAPITicket:
		return corpTicket((*wechat.Client).CorpTicket), api == ""
	case WeComAgentTicket:
		return corpTicket((*wechat.Client).AgentTicket), api == ""
	}
	return row{}, false
}

// FormOf returns that of a kind; false if there is no such kind.
func FormOf(kind string) (Form, bool) {
	all := Kinds()
	i := slices.IndexFunc(all, func(f Form) bool { return f.Kind == kind })
	if i < 0 {
		return Form{}, false
	}
	return all[i], true
}

// Owner is the name under which the credential of an account keeps its state in
// Redis. A ticket has another one than the token that it is drawn with, so that
// two of them under one key are told apart.
func Owner(kind, account string) string {
	if form, _ := FormOf(kind); form.Parent != "" {
		return kind + ":" + account
	}
	return account
}
