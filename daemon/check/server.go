package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/store"
)

// address says where Redis is.
func address(c config.Redis) string {
	switch {
	case c.Sentinel != nil:
		return fmt.Sprintf("master %s by sentinels %s", c.Sentinel.Master, strings.Join(c.Sentinel.Addrs, ", "))
	case len(c.Cluster) > 0:
		return "cluster " + strings.Join(c.Cluster, ", ")
	}
	return c.URL.String()
}

// servers looks at each server that holds credentials, and says whether all of
// them answer. In a Cluster these are masters: scripts run there, and a
// replica's role would be a false alarm.
func (p *probe) servers(ctx context.Context) bool {
	name := address(p.config.Redis)
	cluster, isCluster := p.redis.(*redis.ClusterClient)
	switch {
	case strings.HasPrefix(name, "embedded:"):
		p.skip("redis", "an embedded Redis lives inside the daemon that runs")
		return false
	case !isCluster:
		return p.server(ctx, name, p.redis, p.config.Credentials[0])
	}
	answers, known := true, map[string]bool{}
	for _, c := range p.config.Credentials {
		asking, cancel := context.WithTimeout(ctx, p.config.Redis.Timeout)
		master, err := cluster.MasterForKey(asking, c.Key)
		cancel()
		if err != nil {
			return p.away(name, err, c)
		}
		if node := master.Options().Addr; !known[node] {
			known[node] = true
			answers = p.server(ctx, "cluster node "+node, master, c) && answers
		}
	}
	return answers
}

// away says why a server gives no answer.
func (p *probe) away(name string, err error, c config.Credential) (answers bool) {
	t := store.ExplainFor(needed(c), err)
	p.fail("redis", t.Cure, "%s: %s", name, t.What)
	return false
}

// askTime answers the time of Redis in microseconds.
const askTime = "local time = redis.call('TIME') return time[1] * 1000000 + time[2]"

// server looks at the server that holds the keys of c, and says whether it
// answers. It asks for the time as the daemon does: by a script on a key of its
// own. PING is not among the rights that the daemon needs, and there are proxies
// that hang up at TIME.
func (p *probe) server(ctx context.Context, name string, client redis.Cmdable, c config.Credential) (answers bool) {
	ctx, cancel := context.WithTimeout(ctx, p.config.Redis.Timeout)
	defer cancel()
	start := time.Now()
	now, err := client.Eval(ctx, askTime, []string{c.Key}).Int64()
	if err != nil {
		return p.away(name, err, c)
	}
	took := time.Since(start)
	p.ok("redis", "%s answers in %v, connecting included", name, round(took))
	p.clock("Redis", time.UnixMicro(now).Sub(start.Add(took/2)), took/2)
	info, err := client.Info(ctx).Result()
	if err != nil {
		p.skip("redis server", "version, role and memory are not known, as INFO failed: %s", store.Explain(err).What)
		return true
	}
	p.info(info)
	return true
}

// info judges what INFO says. Persistence is not looked at, as the daemon does
// not need it.
func (r *report) info(text string) {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[name] = printable(value)
	}
	version, policy := info["redis_version"], info["maxmemory_policy"]
	number, _, _ := strings.Cut(version, ".")
	major, err := strconv.Atoi(number)
	switch {
	case err != nil:
		r.skip("redis server", "it does not say its version")
	// There a script may not write after it has asked for the time.
	case major < 5:
		r.fail("redis server", "upgrade to Redis 5.0 or newer", "version %d.x is too old", major)
	case info["role"] == "slave":
		r.fail("redis server", "set redis.url to the master, or use redis.sentinel, which follows it",
			"a replica: what is written here is refused or lost")
	// volatile-* as well: the token's key has a time to live.
	case info["maxmemory"] != "0" && policy != "noeviction" && policy != "":
		r.warn("redis server", "set maxmemory-policy noeviction, or give the tokens a Redis of their own",
			"policy %s may evict the token when memory is full", policy)
	default:
		r.ok("redis server", "version %.20s, and nothing in INFO stands against it", version)
	}
}
