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
	"github.com/silenceper/wechat/v2/util"
)

// answer is one line of output.
type answer struct {
	Ticket string `json:"ticket,omitempty"`
	Error  string `json:"error,omitempty"`
}

// commands are what this program understands; a call returns no text.
type commands map[string]func() (string, error)

// app is how this program was started.
type app struct {
	mode, id, secret, agent string
	cache                   cache.Cache
	rdb                     *redis.Client
}

func main() {
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	a := app{
		mode: os.Getenv("MODE"), id: os.Getenv("APPID"), secret: os.Getenv("SECRET"), agent: os.Getenv("AGENTID"),
		cache: cache.NewRedis(context.Background(), &cache.RedisOpts{Host: options.Addr, Database: options.DB}),
		rdb:   redis.NewClient(options),
	}
	understood := a.commands()
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		var said answer
		if said.Ticket, err = understood[s.Text()](); err != nil {
			said.Error = err.Error()
		}
		line, _ := json.Marshal(said)
		fmt.Println(string(line))
	}
}

func (a app) commands() commands {
	switch {
	case strings.HasPrefix(a.mode, "mini"):
		return a.mini()
	case strings.HasPrefix(a.mode, "work"):
		return a.work()
	}
	return a.official()
}

// get makes a call for which the SDK has no method.
func get(url, token string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text, err := util.HTTPGet(url + "?access_token=" + token)
	if err != nil {
		return "", err
	}
	return "", util.DecodeWithCommonError(text, url)
}
