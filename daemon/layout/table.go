package layout

import (
	"slices"
	"sync"
	"time"
)

// The kinds of credentials that layouts tell apart, by their names in a configuration.
const (
	official    = "official_account"
	jsapi       = "jsapi_ticket"
	card        = "wx_card_ticket"
	wecom       = "wecom"
	corpTicket  = "wecom_jsapi_ticket"
	agentTicket = "wecom_agent_ticket"
)

// What an object, an array or a hash holds, as "name=value …"; see grant.value for the values.
const (
	tokenObject  = "access_token=token expires_in=life"
	ticketObject = "ticket=token expires_in=life"
	ticketAnswer = "errcode=zero errmsg=ok " + ticketObject
	rubyToken    = "access_token=token got_token_at=began token_expires_in=life"
	rubyTicket   = "errcode=zero errmsg=ok ticket=token oauth2_state=nonce got_ticket_at=began ticket_expires_in=life"
	nestToken    = "access_token=token expires_in=ends"
	nestTicket   = "errcode=zero errmsg=ok ticket=token expires_in=ends"
	millisToken  = tokenObject + " expired_time=endsMilli"
	// tnwx asks some of its tickets for an access_token, and believes none with an errcode.
	millisTicket = "ticket=token access_token=token expires_in=life expired_time=endsMilli"
	oldHash      = "value=token expire=endsMilli"
)

// sdk is one layout: where the SDKs of one family look for a token.
type sdk struct {
	name string
	// read is the SDK and the version whose source says so.
	read string
	// hurts says what a reader of this layout does with another form than its own.
	hurts string
	// draws is how long before the end it draws a token of its own, at the earliest.
	draws time.Duration
	rows  []row
}

// row is one key of a layout. A kind that has several gets all of them.
type row struct {
	kind string
	// mini is the key of a mini program, where an SDK tells it from other accounts.
	mini bool
	// key is a template; see place.key for what stands in its braces.
	key  string
	form Format
	// holds is what lies there: for an object, an array or a hash its members, else the name of one value,
	// "" for the token.
	holds string
	// early is how long before the token the key ends.
	early time.Duration
	// shared says that the key holds an expiry for several tokens: any that is not sooner than ours will do.
	shared bool
}

// table is all layouts. Who adds one adds rows here or, for a scripting language, to table_script.go, their bytes to
// testdata/layouts.tsv, and a heading with the warnings to docs/layouts.md, whose tables the test writes.
// It is made once, as each target of thousands looks into it; nobody changes it.
var table = sync.OnceValue(func() []sdk {
	return slices.Concat(goSDKs(), javaSDKs(), phpSDKs(), []sdk{wechatpy()}, rubySDKs(), nodeSDKs())
})

func goSDKs() []sdk {
	const ticket = "powerwechat.basic_service.jssdk.ticket."
	return []sdk{
		{name: "silenceper", read: "silenceper/wechat v2.1.10, Go",
			hurts: "silenceper takes whatever lies there for the token itself",
			rows: []row{
				// Which of the two it reads is the app's UseStableAK, whatever API the token comes from.
				{kind: official, key: "gowechat_officialaccount__access_token_{appid}", form: Raw},
				{kind: official, key: "gowechat_officialaccount__stable_access_token_{appid}", form: Raw},
				{kind: official, mini: true, key: "gowechat_miniprogram__access_token_{appid}", form: Raw},
				{kind: official, mini: true, key: "gowechat_miniprogram__stable_access_token_{appid}", form: Raw},
				{kind: jsapi, key: "gowechat_officialaccount__jsapi_ticket_{appid}", form: Raw},
				{kind: wecom, key: "gowechat_work__access_token_{corpid}{_agentid}", form: Raw},
				{kind: corpTicket, key: "gowechat_work__corp_jsapi_ticket_{corpid}", form: Raw},
				{kind: agentTicket, key: "gowechat_work__agent_jsapi_ticket_{corpid}_{agentid}", form: Raw},
			}},
		{name: "powerwechat", read: "ArtisanCloud/PowerWeChat v3.2.58, Go",
			hurts: "PowerWeChat panics at anything in JSON that is no object, and takes the rest for a miss",
			rows: []row{
				{kind: official, key: "powerwechat.access_token.md5({appid}{secret})", form: JSONObject, holds: tokenObject},
				{kind: wecom, key: "powerwechat.access_token.md5({corpid}{secret})", form: JSONObject, holds: tokenObject},
				{kind: jsapi, key: ticket + "jsapi.{appid}", form: JSONObject, holds: ticketAnswer},
				{kind: card, key: ticket + "wx_card.{appid}", form: JSONObject, holds: ticketAnswer},
				{kind: corpTicket, key: ticket + "jsapi.{corpid}", form: JSONObject, holds: ticketAnswer},
			}},
		{name: "fastwego", read: "fastwego/offiaccount v1.0.1, Go",
			hurts: "fastwego takes whatever lies there for the token itself",
			rows:  []row{{kind: official, key: "{appid}", form: Raw}}},
	}
}

func javaSDKs() []sdk {
	const read, hurts = "WxJava 4.7.2.B, Java", "WxJava takes whatever lies there for the token itself"
	return []sdk{
		{name: "wxjava", read: read, hurts: hurts, rows: []row{
			{kind: official, key: "{prefix|wx}:access_token:{appid}", form: Raw},
			{kind: jsapi, key: "{prefix|wx}:ticket:key:{appid}:jsapi", form: Raw},
			{kind: card, key: "{prefix|wx}:ticket:key:{appid}:wx_card", form: Raw},
			{kind: official, mini: true, key: "{prefix|wa}:access_token:{appid}", form: Raw},
			{kind: jsapi, mini: true, key: "{prefix|wa}:ticket:key:{appid}:jsapi", form: Raw},
			{kind: card, mini: true, key: "{prefix|wa}:ticket:key:{appid}:wx_card", form: Raw},
			{kind: wecom, key: "{prefix:|wx:cp}wechat_cp_access_token_key:{corpid}{:agentid}", form: Raw},
			{kind: corpTicket, key: "{prefix:|wx:cp}wechat_cp_jsapi_ticket_key:{corpid}{:agentid}", form: Raw},
			{kind: agentTicket, key: "{prefix:|wx:cp}wechat_cp_agent_jsapi_ticket_key:{corpid}{:agentid}", form: Raw},
		}},
		{name: "wxjava_redisson", read: read, hurts: hurts, rows: []row{
			{kind: official, mini: true, key: "{prefix:|wa}wechat_ma_access_token_key:{appid}", form: Raw},
			{kind: jsapi, mini: true, key: "{prefix:|wa}wechat_ma_jsapi_ticket_key:{appid}", form: Raw},
			{kind: card, mini: true, key: "{prefix:|wa}wechat_ma_card_api_ticket_key:{appid}", form: Raw},
		}},
		{name: "wxjava_old", read: read, hurts: "the deprecated storages of WxJava read their own form alone", rows: []row{
			{kind: official, mini: true, key: "{prefix|maConfig}:accessToken", form: Hash, holds: oldHash},
			{kind: jsapi, mini: true, key: "{prefix|maConfig}:jsapiTicket", form: Hash, holds: oldHash},
			{kind: card, mini: true, key: "{prefix|maConfig}:cardApiTicket", form: Hash, holds: oldHash},
			{kind: wecom, key: "WX_CP_ACCESS_TOKEN", form: Raw},
			{kind: wecom, key: "WX_CP_ACCESS_TOKEN_EXPIRES_TIME", form: Raw, holds: "endsMilli"},
			{kind: corpTicket, key: "WX_CP_JS_API_TICKET", form: Raw},
			{kind: corpTicket, key: "WX_CP_JS_API_TICKET_EXPIRES_TIME", form: Raw, holds: "endsMilli"},
			{kind: agentTicket, key: "WX_CP_AGENT_{agentid}_JSAPI_TICKET", form: Raw},
			{kind: agentTicket, key: "WX_CP_AGENT_{agentid}_JSAPI_TICKET_EXPIRES_TIME", form: Raw, holds: "endsMilli"},
		}},
	}
}
