package main

import (
	"context"

	"github.com/go-redis/redis/v8"
)

// fromRedis is an AccessTokenHandle: account.SetAccessTokenHandle(fromRedis{rdb, "WXAccessToken"})
type fromRedis struct {
	rdb *redis.Client
	key string
}

func (r fromRedis) GetAccessToken() (string, error) {
	return r.rdb.Get(context.Background(), r.key).Result()
}
