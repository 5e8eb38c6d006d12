package main

import (
	"os"
	"strings"

	"github.com/silenceper/wechat/v2/credential"
	"github.com/silenceper/wechat/v2/miniprogram"
	miniconfig "github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/util"
	"github.com/silenceper/wechat/v2/work"
	workconfig "github.com/silenceper/wechat/v2/work/config"
)

func (a app) official() commands {
	if a.mode == "moved" {
		util.SetURIModifier(tokensFrom(os.Getenv("TOKEN_URL")))
	}
	account := officialaccount.NewOfficialAccount(&config.Config{
		AppID: a.id, AppSecret: a.secret, Cache: a.cache, UseStableAK: a.mode == "stable",
	})
	if a.mode == "hook" {
		account.SetAccessTokenHandle(fromRedis{a.rdb})
	}
	return commands{
		"call": func() (string, error) {
			_, err := account.GetBasic().GetCallbackIP()
			return "", err
		},
		"jsapi_ticket": func() (string, error) {
			token, err := account.GetAccessToken()
			if err != nil {
				return "", err
			}
			return account.GetJs().GetTicket(token)
		},
	}
}

// tokensFrom moves the calls for a token, and no other.
func tokensFrom(base string) util.URIModifier {
	return func(uri string) string {
		if path, ok := strings.CutPrefix(uri, "https://api.weixin.qq.com/cgi-bin/token?"); ok {
			return base + "/cgi-bin/token?" + path
		}
		return uri
	}
}

func (a app) mini() commands {
	mini := miniprogram.NewMiniProgram(&miniconfig.Config{
		AppID: a.id, AppSecret: a.secret, Cache: a.cache, UseStableAK: a.mode == "mini stable",
	})
	return commands{"call": func() (string, error) {
		token, err := mini.GetContext().GetAccessToken()
		return get("https://api.weixin.qq.com/cgi-bin/get_api_domain_ip", token, err)
	}}
}

func (a app) work() commands {
	corp := work.NewWork(&workconfig.Config{CorpID: a.id, CorpSecret: a.secret, AgentID: a.agent, Cache: a.cache})
	tickets := credential.NewWorkJsTicket(a.id, a.agent, credential.CacheKeyWorkPrefix, a.cache)
	ticket := func(kind credential.TicketType) func() (string, error) {
		return func() (string, error) {
			token, err := corp.GetContext().GetAccessToken()
			if err != nil {
				return "", err
			}
			return tickets.GetTicket(token, kind)
		}
	}
	return commands{
		"call": func() (string, error) {
			token, err := corp.GetContext().GetAccessToken()
			return get("https://qyapi.weixin.qq.com/cgi-bin/getcallbackip", token, err)
		},
		"wecom_jsapi_ticket": ticket(credential.TicketTypeCorpJs),
		"wecom_agent_ticket": ticket(credential.TicketTypeAgentJs),
	}
}
