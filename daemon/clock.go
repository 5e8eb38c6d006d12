package daemon

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"wxtokend/daemon/keeper"
)

// weChatClock is how far WeChat's clock is ahead of this host's, as its last
// answer told.
type weChatClock struct {
	expose func(ahead time.Duration)
	log    *slog.Logger

	mu    sync.Mutex
	ahead time.Duration
}

// answered takes in an answer of WeChat. Nothing here compares the two clocks,
// but if WeChat's is right, this host's is wrong, and so are people who compare
// its times with those of Redis.
func (c *weChatClock) answered(ahead time.Duration) {
	c.expose(ahead)
	c.mu.Lock()
	defer c.mu.Unlock()
	wasFar := c.far()
	if c.ahead = ahead; c.far() && !wasFar {
		c.log.Warn("the clock of WeChat is not this host's: is this host's synchronised?",
			"ahead", ahead.Round(time.Second).String())
	}
}

// far is called with mu held.
func (c *weChatClock) far() bool { return c.ahead.Abs() > keeper.FarClock }

// notes say that the clock is far off, if it is.
func (c *weChatClock) notes() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.far() {
		all = append(all, fmt.Sprintf("the clock of WeChat is %s ahead of this host's: is this host's synchronised?",
			c.ahead.Round(time.Second)))
	}
	return all
}
