package main

import (
	"context"
	"encoding/json"

	"github.com/go-redis/redis/v8"
)

// fromRedis is for account.SetAccessTokenHandle(fromRedis{rdb}).
type fromRedis struct{ *redis.Client }

func (r fromRedis) GetAccessToken() (string, error) {
	var value struct {
		AccessToken string `json:"access_token"`
	}
	text, err := r.Get(context.Background(), "WXAccessToken").Bytes()
	if err == nil {
		err = json.Unmarshal(text, &value)
	}
	return value.AccessToken, err
}
