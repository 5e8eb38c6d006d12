package layout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

const (
	appid, corpid, agent = "wx0123456789abcdef", "ww0123456789abcdef", "1000002"
	appSecret            = "5ec4e7000000000000000000005ec4e7"
	corpSecret           = "corp-_secret0123456789abcdefghijklmnopqrstuvw"
	phpObject            = `a:2:{s:12:"access_token";s:6:"57_abc";s:10:"expires_in";i:7200;}`
	phpAnswer            = `a:4:{s:7:"errcode";i:0;s:6:"errmsg";s:2:"ok";s:6:"ticket";s:6:"57_abc";s:10:"expires_in";i:7200;}`
	answer               = `{"errcode":0,"errmsg":"ok","ticket":"57_abc","expires_in":7200}`
	rubyAnswer           = `{"errcode":0,"errmsg":"ok","ticket":"57_abc","oauth2_state":"0c4d6ef2959cb0f51edceec92b511769",` +
		`"got_ticket_at":1479292800,"ticket_expires_in":7200}`
)

// Every token of these tests is 57_abc, was drawn at 1479292800 and lives 7200 seconds, of which 200 are over.
var ends = time.Unix(1479300000, 0)

func entry(m layout.Mirror) layout.Entry {
	return m.Entry("57_abc", 2*time.Hour, ends, ends.Add(-7000*time.Second))
}

// subject is a credential of that kind, of WeCom without an agent.
func subject(kind string) layout.Subject {
	s := layout.Subject{Credential: "K", Kind: kind, API: "stable", Account: appid, Secret: appSecret}
	if strings.HasPrefix(kind, "wecom") {
		s.API, s.Account, s.Secret = "", corpid, corpSecret
	}
	return s
}

type bytesCase struct {
	layout string
	// kind may end with mini, or with the agent of WeCom.
	kind, prefix string
	// want are keys and what lies there.
	want []string
}

// layoutBytes is what the SDKs themselves write, but for the life that is left.
func layoutBytes() []bytesCase {
	const php, laravel = `s:6:"57_abc";`, "laravel_database_laravel_cache"
	const pw, pwTicket = "powerwechat.access_token.", "powerwechat.basic_service.jssdk.ticket."
	const ew, ewTicket = "easywechat.kernel.access_token.", "easywechat.basic_service.jssdk.ticket."
	const tokenObject = `{"access_token":"57_abc","expires_in":7200}`
	return []bytesCase{
		{"silenceper", "official_account", "", []string{"gowechat_officialaccount__access_token_" + appid, "57_abc",
			"gowechat_officialaccount__stable_access_token_" + appid, "57_abc"}},
		{"silenceper", "official_account mini", "", []string{"gowechat_miniprogram__access_token_" + appid, "57_abc",
			"gowechat_miniprogram__stable_access_token_" + appid, "57_abc"}},
		{"silenceper", "jsapi_ticket", "", []string{"gowechat_officialaccount__jsapi_ticket_" + appid, "57_abc"}},
		{"silenceper", "wecom", "", []string{"gowechat_work__access_token_" + corpid, "57_abc"}},
		{"silenceper", "wecom agent", "", []string{"gowechat_work__access_token_" + corpid + "_1000002", "57_abc"}},
		{"silenceper", "wecom_jsapi_ticket", "", []string{"gowechat_work__corp_jsapi_ticket_" + corpid, "57_abc"}},
		{"silenceper", "wecom_agent_ticket agent", "", []string{"gowechat_work__agent_jsapi_ticket_" + corpid + "_1000002", "57_abc"}},

		{"powerwechat", "official_account", "", []string{pw + "c22132b37d5a5c9b9eccbc2105b895b3", tokenObject}},
		{"powerwechat", "wecom", "", []string{pw + "b4d72f6602ca81e7042d1ad7ebbcab74", tokenObject}},
		{"powerwechat", "jsapi_ticket", "", []string{pwTicket + "jsapi." + appid, answer}},
		{"powerwechat", "wx_card_ticket", "", []string{pwTicket + "wx_card." + appid, answer}},
		{"powerwechat", "wecom_jsapi_ticket", "", []string{pwTicket + "jsapi." + corpid, answer}},

		{"fastwego", "official_account", "", []string{appid, "57_abc"}},

		{"wxjava", "official_account", "", []string{"wx:access_token:" + appid, "57_abc"}},
		{"wxjava", "official_account", "wx:mp:multi", []string{"wx:mp:multi:access_token:" + appid, "57_abc"}},
		{"wxjava", "jsapi_ticket", "", []string{"wx:ticket:key:" + appid + ":jsapi", "57_abc"}},
		{"wxjava", "wx_card_ticket", "", []string{"wx:ticket:key:" + appid + ":wx_card", "57_abc"}},
		{"wxjava", "official_account mini", "", []string{"wa:access_token:" + appid, "57_abc"}},
		{"wxjava", "official_account mini", "wx:ma:multi", []string{"wx:ma:multi:access_token:" + appid, "57_abc"}},
		{"wxjava", "jsapi_ticket mini", "", []string{"wa:ticket:key:" + appid + ":jsapi", "57_abc"}},
		{"wxjava", "wx_card_ticket mini", "", []string{"wa:ticket:key:" + appid + ":wx_card", "57_abc"}},
		{"wxjava", "wecom", "", []string{"wx:cp:wechat_cp_access_token_key:" + corpid, "57_abc"}},
		{"wxjava", "wecom agent", "", []string{"wx:cp:wechat_cp_access_token_key:" + corpid + ":1000002", "57_abc"}},
		{"wxjava", "wecom agent", "none", []string{"wechat_cp_access_token_key:" + corpid + ":1000002", "57_abc"}},
		{"wxjava", "wecom", "shop:", []string{"shop:wechat_cp_access_token_key:" + corpid, "57_abc"}},
		{"wxjava", "wecom_jsapi_ticket agent", "", []string{"wx:cp:wechat_cp_jsapi_ticket_key:" + corpid + ":1000002", "57_abc"}},
		{"wxjava", "wecom_agent_ticket agent", "shop",
			[]string{"shop:wechat_cp_agent_jsapi_ticket_key:" + corpid + ":1000002", "57_abc"}},

		{"wxjava_redisson", "official_account mini", "", []string{"wa:wechat_ma_access_token_key:" + appid, "57_abc"}},
		{"wxjava_redisson", "jsapi_ticket mini", "none", []string{"wechat_ma_jsapi_ticket_key:" + appid, "57_abc"}},
		{"wxjava_redisson", "wx_card_ticket mini", "", []string{"wa:wechat_ma_card_api_ticket_key:" + appid, "57_abc"}},

		{"wxjava_old", "official_account mini", "", []string{"maConfig:accessToken", "value=57_abc expire=1479300000000"}},
		{"wxjava_old", "jsapi_ticket mini", "maConfig:7", []string{"maConfig:7:jsapiTicket", "value=57_abc expire=1479300000000"}},
		{"wxjava_old", "wx_card_ticket mini", "", []string{"maConfig:cardApiTicket", "value=57_abc expire=1479300000000"}},
		{"wxjava_old", "wecom", "", []string{"WX_CP_ACCESS_TOKEN", "57_abc", "WX_CP_ACCESS_TOKEN_EXPIRES_TIME", "1479300000000"}},
		{"wxjava_old", "wecom_jsapi_ticket", "",
			[]string{"WX_CP_JS_API_TICKET", "57_abc", "WX_CP_JS_API_TICKET_EXPIRES_TIME", "1479300000000"}},
		{"wxjava_old", "wecom_agent_ticket agent", "", []string{"WX_CP_AGENT_1000002_JSAPI_TICKET", "57_abc",
			"WX_CP_AGENT_1000002_JSAPI_TICKET_EXPIRES_TIME", "1479300000000"}},

		{"easywechat6", "official_account", "", []string{"official_account.access_token." + appid + "." + appSecret + ".0", php,
			"official_account.access_token." + appid + "." + appSecret + ".1", php}},
		{"easywechat6", "official_account mini", "shop", []string{"shop:mini_app.access_token." + appid + "." + appSecret + ".0", php,
			"shop:mini_app.access_token." + appid + "." + appSecret + ".1", php}},
		{"easywechat6", "jsapi_ticket", "", []string{"official_account.jsapi_ticket." + appid, php}},
		{"easywechat6", "wecom", "", []string{"work.access_token." + corpid + "." + corpSecret, php}},
		{"easywechat6", "wecom_jsapi_ticket", "", []string{"work.jsapi_ticket." + corpid, php}},
		{"easywechat6", "wecom_agent_ticket agent", "", []string{"work.jsapi_ticket." + corpid + ".1000002", php}},

		{"easywechat5", "official_account", "", []string{ew + "49b218e4907682640f8d142c3942ec01", phpObject}},
		{"easywechat5", "jsapi_ticket", "shop", []string{"shop:" + ewTicket + "jsapi." + appid, phpAnswer}},
		{"easywechat5", "wx_card_ticket", "", []string{ewTicket + "wx_card." + appid, phpAnswer}},
		{"easywechat5", "wecom", "", []string{ew + "91fb6d4a7b9b865063fb82d55c979e80", phpObject}},
		{"easywechat5", "wecom_jsapi_ticket", "", []string{"easywechat.work.jssdk.ticket.config." + corpid, phpAnswer}},
		{"easywechat5", "wecom_agent_ticket agent", "",
			[]string{"easywechat.work.jssdk.ticket.1000002.agent_config." + corpid, phpAnswer}},

		{"laravel_easywechat6", "official_account", "laravel_database_laravel_cache_",
			[]string{"laravel_database_laravel_cache_official_account.access_token." + appid + "." + appSecret + ".0", php,
				"laravel_database_laravel_cache_official_account.access_token." + appid + "." + appSecret + ".1", php}},
		{"laravel_easywechat6", "official_account mini", "none", []string{"mini_app.access_token." + appid + "." + appSecret + ".0", php,
			"mini_app.access_token." + appid + "." + appSecret + ".1", php}},
		{"laravel_easywechat6", "jsapi_ticket", laravel, []string{laravel + ":official_account.jsapi_ticket." + appid, php}},
		{"laravel_easywechat6", "wecom", laravel, []string{laravel + ":work.access_token." + corpid + "." + corpSecret, php}},
		{"laravel_easywechat6", "wecom_jsapi_ticket", laravel, []string{laravel + ":work.jsapi_ticket." + corpid, php}},
		{"laravel_easywechat6", "wecom_agent_ticket agent", laravel, []string{laravel + ":work.jsapi_ticket." + corpid + ".1000002", php}},

		{"laravel_easywechat5", "official_account", laravel, []string{laravel + ":" + ew + "49b218e4907682640f8d142c3942ec01", phpObject}},
		{"laravel_easywechat5", "jsapi_ticket", laravel, []string{laravel + ":" + ewTicket + "jsapi." + appid, phpAnswer}},
		{"laravel_easywechat5", "wx_card_ticket", laravel + ":", []string{laravel + ":" + ewTicket + "wx_card." + appid, phpAnswer}},
		{"laravel_easywechat5", "wecom", laravel, []string{laravel + ":" + ew + "91fb6d4a7b9b865063fb82d55c979e80", phpObject}},
		{"laravel_easywechat5", "wecom_jsapi_ticket", laravel,
			[]string{laravel + ":easywechat.work.jssdk.ticket.config." + corpid, phpAnswer}},
		{"laravel_easywechat5", "wecom_agent_ticket agent", laravel,
			[]string{laravel + ":easywechat.work.jssdk.ticket.1000002.agent_config." + corpid, phpAnswer}},

		{"wechatpy", "official_account", "", []string{"wechatpy:" + appid + "_access_token", `"57_abc"`,
			"wechatpy:" + appid + "_access_token_expires_at", "1479300000"}},
		{"wechatpy", "jsapi_ticket", "shop", []string{"shop:" + appid + "_jsapi_ticket", `"57_abc"`,
			"shop:" + appid + "_jsapi_ticket_expires_at", "1479300000"}},
		{"wechatpy", "wx_card_ticket", "", []string{"wechatpy:" + appid + "_jsapi_card_ticket", `"57_abc"`,
			"wechatpy:" + appid + "_jsapi_card_ticket_expires_at", "1479300000"}},
		{"wechatpy", "wecom", "", []string{"wechatpy:" + corpid + "_corp-_secr_access_token", `"57_abc"`,
			"wechatpy:" + corpid + "_access_token_expires_at", "1479300000"}},
		{"wechatpy", "wecom_jsapi_ticket", "", []string{"wechatpy:" + corpid + "_jsapi_ticket", `"57_abc"`,
			"wechatpy:" + corpid + "_jsapi_ticket_expires_at", "1479300000"}},
		{"wechatpy", "wecom_agent_ticket agent", "", []string{"wechatpy:" + corpid + "_agent_jsapi_ticket", `"57_abc"`,
			"wechatpy:" + corpid + "_agent_jsapi_ticket_expires_at", "1479300000"}},

		{"weixin_authorize", "official_account", "",
			[]string{"BC8A9037BA7A495C80E355FD4600FFED", "access_token=57_abc expired_at=1479300000"}},
		{"weixin_authorize", "jsapi_ticket", "", []string{"C3B2F9D4E604CF8D2FCE6DE4B6400BB6", "jsticket=57_abc expired_at=1479300000"}},

		{"eric_guo", "official_account", "", []string{"my_app_wechat_token_" + appSecret,
			`{"access_token":"57_abc","got_token_at":1479292800,"token_expires_in":7200}`}},
		{"eric_guo", "jsapi_ticket", "", []string{"my_app_wechat_ticket_" + appSecret, rubyAnswer}},
		{"eric_guo", "wecom", "shop", []string{"shop_token_" + corpSecret,
			`{"access_token":"57_abc","got_token_at":1479292800,"token_expires_in":7200}`}},
		{"eric_guo", "wecom_jsapi_ticket", "", []string{"my_app_wechat_ticket_" + corpSecret, rubyAnswer}},

		{"nest_wechat", "official_account", "", []string{"nest-wechat:key_access_token_" + appid,
			`{"access_token":"57_abc","expires_in":1479300000}`}},
		{"nest_wechat", "jsapi_ticket", "none", []string{"key_ticket_" + appid,
			`{"errcode":0,"errmsg":"ok","ticket":"57_abc","expires_in":1479300000}`}},

		{"tnwx", "official_account", "", []string{appid, `{"access_token":"57_abc","expires_in":7200,"expired_time":1479300000000}`}},
		{"tnwx", "jsapi_ticket", "", []string{appid + ":jsapi", `{"ticket":"57_abc","expires_in":7200,"expired_time":1479300000000}`}},
		{"tnwx", "wx_card_ticket", "", []string{appid + ":wx_card",
			`{"ticket":"57_abc","expires_in":7200,"expired_time":1479300000000}`}},
		{"tnwx", "wecom agent", "", []string{"1000002_" + corpid,
			`{"access_token":"57_abc","expires_in":7200,"expired_time":1479300000000}`}},
		{"tnwx", "wecom_jsapi_ticket agent", "", []string{"1000002:" + corpid + ":corp",
			`{"ticket":"57_abc","access_token":"57_abc","expires_in":7200,"expired_time":1479300000000}`}},
		{"tnwx", "wecom_agent_ticket agent", "", []string{"1000002:" + corpid + ":agent",
			`{"ticket":"57_abc","access_token":"57_abc","expires_in":7200,"expired_time":1479300000000}`}},

		{"node_easywechat", "official_account", "", []string{"official_account.access_token." + appid + "." + appSecret + ".0", "57_abc",
			"official_account.access_token." + appid + "." + appSecret + ".1", "57_abc"}},
		{"node_easywechat", "official_account mini", "", []string{"mini_app.access_token." + appid + "." + appSecret + ".0", "57_abc",
			"mini_app.access_token." + appid + "." + appSecret + ".1", "57_abc"}},
		{"node_easywechat", "jsapi_ticket", "", []string{"official_account.jsapi_ticket." + appid, "57_abc"}},
		{"node_easywechat", "wecom", "", []string{"work.access_token." + corpid + "." + corpSecret, "57_abc"}},
		{"node_easywechat", "wecom_jsapi_ticket", "", []string{"work.jsapi_ticket." + corpid, "57_abc"}},
		{"node_easywechat", "wecom_agent_ticket agent", "", []string{"work.jsapi_ticket." + corpid + ".1000002", "57_abc"}},
	}
}

// written is what lies in Redis, a hash as name=value name=value.
func written(e layout.Entry) string {
	value, fields := e.Reveal()
	var pairs []string
	for i := 0; i < len(fields); i += 2 {
		pairs = append(pairs, fields[i]+"="+fields[i+1])
	}
	return value + strings.Join(pairs, " ")
}

func (c bytesCase) mirrors(t *testing.T) []layout.Mirror {
	kind, with, _ := strings.Cut(c.kind, " ")
	s := subject(kind)
	if with == "agent" {
		s.AgentID = agent
	}
	target := layout.Target{Layout: c.layout, Prefix: c.prefix, Mini: with == "mini", SecretInKey: true}
	mirrors, err := target.Mirrors(s)
	if err != nil {
		t.Fatal(err)
	}
	return mirrors
}

func TestLayouts(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range layoutBytes() {
		kind, with, _ := strings.Cut(c.kind, " ")
		tried[fmt.Sprint(c.layout, kind, with == "mini")] = true
		t.Run(c.layout+" "+c.kind+" "+c.prefix, func(t *testing.T) {
			var got []string
			for _, m := range c.mirrors(t) {
				e := entry(m)
				got = append(got, m.Key.Reveal(), written(e))
				want := 7000 * time.Second
				if c.layout == "weixin_authorize" {
					want = 6990 * time.Second
				}
				check(t, "TTL", e.TTL, want)
			}
			check(t, "keys and bytes", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		})
	}
	for _, row := range layout.Table() {
		if !tried[fmt.Sprint(row.Layout, row.Kind, row.Mini)] {
			t.Errorf("no case for %+v", row)
		}
	}
}

func secrets(found map[string]string) map[string]secret.Secret {
	all := map[string]secret.Secret{}
	for name, value := range found {
		all[name] = secret.Secret(value)
	}
	return all
}
