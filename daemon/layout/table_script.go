package layout

import "time"

// easyWeChat5 is the rows of EasyWeChat 5, whose keys begin with prefix.
func easyWeChat5(prefix string) []row {
	token, ticket := prefix+"easywechat.kernel.access_token.", prefix+"easywechat.basic_service.jssdk.ticket."
	corp := prefix + "easywechat.work.jssdk.ticket."
	return []row{
		{kind: official, form: PHPArray, holds: tokenObject,
			key: token + `md5({"grant_type":"client_credential","appid":{"appid"},"secret":{"secret"}})`},
		{kind: jsapi, key: ticket + "jsapi.{appid}", form: PHPArray, holds: ticketAnswer},
		{kind: card, key: ticket + "wx_card.{appid}", form: PHPArray, holds: ticketAnswer},
		{kind: wecom, key: token + `md5({"corpid":{"corpid"},"corpsecret":{"secret"}})`, form: PHPArray, holds: tokenObject},
		{kind: corpTicket, key: corp + "config.{corpid}", form: PHPArray, holds: ticketAnswer},
		{kind: agentTicket, key: corp + "{agentid}.agent_config.{corpid}", form: PHPArray, holds: ticketAnswer},
	}
}

// easyWeChat6 is the rows of EasyWeChat 6, whose keys begin with prefix. The SDK for Node.js took the names over.
func easyWeChat6(prefix string, form Format) []row {
	return []row{
		// Which of the two it reads is the app's use_stable_access_token, whatever API the token comes from.
		{kind: official, key: prefix + "official_account.access_token.{appid}.{secret}.0", form: form},
		{kind: official, key: prefix + "official_account.access_token.{appid}.{secret}.1", form: form},
		{kind: official, mini: true, key: prefix + "mini_app.access_token.{appid}.{secret}.0", form: form},
		{kind: official, mini: true, key: prefix + "mini_app.access_token.{appid}.{secret}.1", form: form},
		{kind: jsapi, key: prefix + "official_account.jsapi_ticket.{appid}", form: form},
		{kind: wecom, key: prefix + "work.access_token.{corpid}.{secret}", form: form},
		{kind: corpTicket, key: prefix + "work.jsapi_ticket.{corpid}", form: form},
		{kind: agentTicket, key: prefix + "work.jsapi_ticket.{corpid}.{agentid}", form: form},
	}
}

func phpSDKs() []sdk {
	const (
		// From Laravel 11 on it adds no colon any more, and its own prefixes end with an underline or a hyphen.
		symfony, laravel = "{prefix:|}", "{prefix:_-}"
		read5, read6     = "EasyWeChat 5.36.4, PHP", "EasyWeChat 6.19.1, PHP"
		hurts            = "the PHP cache below EasyWeChat reads serialised values alone, and nothing else is found"
	)
	return []sdk{
		{name: "easywechat6", read: read6, hurts: hurts, rows: easyWeChat6(symfony, PHPString)},
		{name: "easywechat5", read: read5, hurts: hurts, rows: easyWeChat5(symfony)},
		{name: "laravel_easywechat6", read: read6, hurts: hurts, rows: easyWeChat6(laravel, PHPString)},
		{name: "laravel_easywechat5", read: read5, hurts: hurts, rows: easyWeChat5(laravel)},
	}
}

// wechatpy asks for an expiry beside each token, and takes an old one for the end of the new token.
func wechatpy() sdk {
	const account, corp = "{prefix|wechatpy}:{appid}_", "{prefix|wechatpy}:{corpid}_"
	const read, hurts = "wechatpy 2.0.0a26, Python", "wechatpy fails with JSONDecodeError"
	return sdk{name: "wechatpy", read: read, hurts: hurts, draws: time.Minute, rows: []row{
		{kind: official, key: account + "access_token", form: JSONString},
		{kind: official, key: account + "access_token_expires_at", form: Raw, holds: "ends"},
		{kind: jsapi, key: account + "jsapi_ticket", form: JSONString},
		{kind: jsapi, key: account + "jsapi_ticket_expires_at", form: Raw, holds: "ends"},
		{kind: card, key: account + "jsapi_card_ticket", form: JSONString},
		{kind: card, key: account + "jsapi_card_ticket_expires_at", form: Raw, holds: "ends"},
		{kind: wecom, key: corp + "{secret10}_access_token", form: JSONString},
		{kind: wecom, key: corp + "access_token_expires_at", form: Raw, holds: "ends", shared: true},
		{kind: corpTicket, key: corp + "jsapi_ticket", form: JSONString},
		{kind: corpTicket, key: corp + "jsapi_ticket_expires_at", form: Raw, holds: "ends"},
		{kind: agentTicket, key: corp + "agent_jsapi_ticket", form: JSONString},
		{kind: agentTicket, key: corp + "agent_jsapi_ticket_expires_at", form: Raw, holds: "ends"},
	}}
}

func rubySDKs() []sdk {
	const (
		early         = 10 * time.Second
		token, ticket = "{prefix|my_app_wechat}_token_{secret}", "{prefix|my_app_wechat}_ticket_{secret}"
	)
	return []sdk{
		{name: "weixin_authorize", read: "weixin_authorize 1.6.4, Ruby",
			hurts: "weixin_authorize fails with WRONGTYPE at anything but a hash",
			rows: []row{
				{kind: official, key: "MD5(weixin_{appid})", form: Hash, holds: "access_token=token expired_at=ends", early: early},
				{kind: jsapi, key: "MD5(js_sdk_{appid})", form: Hash, holds: "jsticket=token expired_at=ends", early: early},
			}},
		{name: "eric_guo", read: "Eric-Guo/wechat 1.2.0, Ruby",
			hurts: "the gem wechat draws its own where a member is missing", draws: 3 * time.Minute,
			rows: []row{
				{kind: official, key: token, form: JSONObject, holds: rubyToken},
				{kind: jsapi, key: ticket, form: JSONObject, holds: rubyTicket},
				{kind: wecom, key: token, form: JSONObject, holds: rubyToken},
				{kind: corpTicket, key: ticket, form: JSONObject, holds: rubyTicket},
			}},
	}
}

func nodeSDKs() []sdk {
	const nest = "{prefix:|nest-wechat}"
	return []sdk{
		{name: "nest_wechat", read: "nest-wechat 0.2.50, Node.js",
			hurts: "nest-wechat takes expires_in for the second since 1970 at which the token ends, so that it draws its own",
			rows: []row{
				{kind: official, key: nest + "key_access_token_{appid}", form: JSONObject, holds: nestToken},
				{kind: jsapi, key: nest + "key_ticket_{appid}", form: JSONObject, holds: nestTicket},
			}},
		{name: "tnwx", read: "tnwx 2.5.6, Node.js",
			hurts: "tnwx asks for expired_time, in milliseconds since 1970, and believes nothing without it",
			rows: []row{
				{kind: official, key: "{appid}", form: JSONObject, holds: millisToken},
				{kind: jsapi, key: "{appid}:jsapi", form: JSONObject, holds: millisTicket},
				{kind: card, key: "{appid}:wx_card", form: JSONObject, holds: millisTicket},
				{kind: wecom, key: "{agentid}_{corpid}", form: JSONObject, holds: millisToken},
				{kind: corpTicket, key: "{agentid}:{corpid}:corp", form: JSONObject, holds: millisTicket},
				{kind: agentTicket, key: "{agentid}:{corpid}:agent", form: JSONObject, holds: millisTicket},
			}},
		{name: "node_easywechat", read: "node-easywechat 3.6.2, Node.js",
			hurts: "node-easywechat takes whatever lies there for the token itself",
			rows:  easyWeChat6("", Raw)},
	}
}
