package store

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

// Embedded starts a Redis inside this process, for demo and tests, listening
// on addr, a loopback address. Its data live and die with the process. close
// must be called.
func Embedded(addr string) (address string, closeServer func(), err error) {
	server := miniredis.NewMiniRedis()
	// Without it no key would ever expire.
	server.ClockTTL(true)
	if err := server.StartAddr(addr); err != nil {
		return "", nil, fmt.Errorf("embedded redis: %w", err)
	}
	return server.Addr(), server.Close, nil
}
