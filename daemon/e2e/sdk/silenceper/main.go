// Command silenceper is a client of daemon/e2e/sdk.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/go-redis/redis/v8"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/miniprogram"
	miniconfig "github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/util"
)

func main() {
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	rdb := redis.NewClient(options)
	store := cache.NewRedis(context.Background(), &cache.RedisOpts{Host: options.Addr, Database: options.DB})
	call := caller(os.Getenv("MODE"), os.Getenv("APPID"), os.Getenv("SECRET"), store, rdb)
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		answer := map[string]string{}
		if err := call(); err != nil {
			answer["error"] = err.Error()
		}
		line, _ := json.Marshal(answer)
		fmt.Println(string(line))
	}
}

// caller makes one call with the SDK, in the way of that mode.
func caller(mode, appid, secret string, store cache.Cache, rdb *redis.Client) func() error {
	if strings.HasPrefix(mode, "mini") {
		mini := miniprogram.NewMiniProgram(&miniconfig.Config{
			AppID: appid, AppSecret: secret, Cache: store, UseStableAK: mode == "mini stable",
		})
		return func() error { return miniCall(mini) }
	}
	account := officialaccount.NewOfficialAccount(&config.Config{
		AppID: appid, AppSecret: secret, Cache: store, UseStableAK: mode == "stable",
	})
	if mode == "hook" {
		account.SetAccessTokenHandle(fromRedis{rdb})
	}
	return func() error {
		_, err := account.GetBasic().GetCallbackIP()
		return err
	}
}

// miniCall is of no 小程序 alone: the SDK has none that the simulator serves.
func miniCall(mini *miniprogram.MiniProgram) error {
	token, err := mini.GetContext().GetAccessToken()
	if err != nil {
		return err
	}
	text, err := util.HTTPGet("https://api.weixin.qq.com/cgi-bin/get_api_domain_ip?access_token=" + token)
	if err != nil {
		return err
	}
	return util.DecodeWithCommonError(text, "get_api_domain_ip")
}
