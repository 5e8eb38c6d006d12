// Command silenceper is an app on silenceper/wechat: APPID, SECRET, AGENTID of
// WeCom and the base URL WECHAT are all that it knows. It prints the token that
// its SDK fetched, with which a call was made, and the tickets; its argument says
// from which of the two APIs, or from WeCom.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/credential"
	"github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/util"
	"github.com/silenceper/wechat/v2/work"
	workconfig "github.com/silenceper/wechat/v2/work/config"
)

func main() {
	log.SetFlags(0)
	platforms := strings.NewReplacer(
		"https://api.weixin.qq.com", os.Getenv("WECHAT"), "https://qyapi.weixin.qq.com", os.Getenv("WECHAT"))
	util.SetURIModifier(platforms.Replace)
	app := official
	if os.Args[1] == "work" {
		app = agent
	}
	got, err := app(os.Getenv("APPID"), os.Getenv("SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Join(got, " "))
}

func official(id, secret string) ([]string, error) {
	account := officialaccount.NewOfficialAccount(&config.Config{
		AppID: id, AppSecret: secret, Cache: cache.NewMemory(), UseStableAK: os.Args[1] == "stable",
	})
	token, err := account.GetAccessToken()
	if err != nil {
		return nil, err
	}
	if _, err := account.GetBasic().GetCallbackIP(); err != nil {
		return nil, err
	}
	ticket, err := account.GetJs().GetTicket(token)
	return []string{token, ticket}, err
}

func agent(id, secret string) ([]string, error) {
	kept, agentID := cache.NewMemory(), os.Getenv("AGENTID")
	corp := work.NewWork(&workconfig.Config{CorpID: id, CorpSecret: secret, AgentID: agentID, Cache: kept})
	token, err := corp.GetContext().GetAccessToken()
	if err != nil {
		return nil, err
	}
	// It has no method for a call that does no harm.
	const call = "https://qyapi.weixin.qq.com/cgi-bin/getcallbackip?access_token="
	text, err := util.HTTPGet(call + token)
	if err == nil {
		err = util.DecodeWithCommonError(text, "getcallbackip")
	}
	if err != nil {
		return nil, err
	}
	tickets := credential.NewWorkJsTicket(id, agentID, credential.CacheKeyWorkPrefix, kept)
	got := []string{token}
	for _, kind := range []credential.TicketType{credential.TicketTypeCorpJs, credential.TicketTypeAgentJs} {
		ticket, err := tickets.GetTicket(token, kind)
		if err != nil {
			return nil, err
		}
		got = append(got, ticket)
	}
	return got, nil
}
