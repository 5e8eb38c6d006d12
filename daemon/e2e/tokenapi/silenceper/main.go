// Command silenceper is an app on silenceper/wechat: APPID, SECRET and the base
// URL WECHAT are all that it knows. It prints the token that its SDK fetched,
// with which a call was made; its argument says from which of the two APIs.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/util"
)

func main() {
	log.SetFlags(0)
	util.SetURIModifier(func(uri string) string {
		return strings.Replace(uri, "https://api.weixin.qq.com", os.Getenv("WECHAT"), 1)
	})
	account := officialaccount.NewOfficialAccount(&config.Config{
		AppID: os.Getenv("APPID"), AppSecret: os.Getenv("SECRET"), Cache: cache.NewMemory(),
		UseStableAK: os.Args[1] == "stable",
	})
	token, err := account.GetAccessToken()
	if err != nil {
		log.Fatal(err)
	}
	if _, err := account.GetBasic().GetCallbackIP(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(token)
}
