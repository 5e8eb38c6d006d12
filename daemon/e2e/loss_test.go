package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// loss is something that happens to a key whose token is fresh. The daemon
// knows the token, from the state or from its memory, and WeChat is not needed.
type loss struct {
	name   string
	happen func(w *world, d *daemon) (foreign string) // what lies under the key afterwards, if it looks like a token
	calls  map[string]int                             // to WeChat, by API
}

var losses = []loss{
	{name: "Redis killed and back empty", happen: func(w *world, _ *daemon) string {
		w.redis.kill()
		w.redis.start()
		return ""
	}},
	{name: "Redis away for three polls and back empty", happen: func(w *world, d *daemon) string {
		w.redis.kill()
		d.more(unseen, 4, startup) // more than the three polls for which it would trust its memory anyway
		w.redis.start()
		return ""
	}},
	{name: "FLUSHALL", happen: func(w *world, _ *daemon) string { w.redis.do("flushall"); return "" }},
	{name: "DEL", happen: func(w *world, _ *daemon) string { w.redis.do("del", w.key); return "" }},
	{name: "garbage", happen: func(w *world, _ *daemon) string { w.redis.do("set", w.key, "garbage"); return "" }},
	{name: "another type", happen: func(w *world, _ *daemon) string {
		w.redis.do("eval", "redis.call('del', KEYS[1]) return redis.call('lpush', KEYS[1], 'garbage')", 1, w.key)
		return ""
	}},
	// With classic a foreign token may say that somebody drew one, and that ours is about to end.
	{name: "a token that nobody issued", calls: map[string]int{"classic": 1}, happen: func(w *world, _ *daemon) string {
		return w.publish("98_" + strings.Repeat("x", 133))
	}},
	{name: "a token that somebody else drew", calls: map[string]int{"classic": 1},
		happen: func(w *world, _ *daemon) string {
			return w.publish(w.sim.draw(account{appid: w.appid, api: "classic"}))
		}},
}

// publish overwrites the key as another program would.
func (w *world) publish(token string) string {
	w.redis.do("set", w.key,
		fmt.Sprintf(`{"access_token":%q,"expires_in":7200,"expiresAt":"\/Date(4102444800000+0800)\/"}`, token), "ex", 7200)
	return token
}

// TestLoss uses the default settings: what is lost is back within one poll.
func TestLoss(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		for _, l := range losses {
			t.Run(api+"/"+l.name, func(t *testing.T) {
				w := inParallel(t, api, settings{})
				d := w.warm()
				foreign := l.happen(w, d)
				took := w.fresh(foreign, startup)
				if took > onePoll {
					t.Errorf("healed after %s, longer than a poll, a reconnection and some room for a busy machine", took)
				}
				d.settled()
				if calls := w.calls() - 1; calls != l.calls[api] {
					t.Errorf("%d more calls to WeChat, want %d", calls, l.calls[api])
				}
				if l.calls[api] == 0 && d.metric(restored) != 1 {
					t.Errorf("%v restores are counted, want 1", d.metric(restored))
				}
				t.Logf("healed after %s; %d calls to WeChat; readers found it missing for %s, refused for %s",
					ms(took), w.calls()-1, ms(w.worst(missing)), ms(w.worst(refused)))
			})
		}
	}
}
