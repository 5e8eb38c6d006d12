package check

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon"
	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
)

// connect returns a client of Redis; nothing is asked yet. An embedded Redis
// lives in the daemon: where the port is taken, that is the one to look at.
// stop is never nil.
func connect(c config.Redis, dial daemon.Dial) (redis.UniversalClient, func(), error) {
	client, stop, err := daemon.Redis(c, dial)
	if rest, embedded := strings.CutPrefix(c.URL.Reveal(), "embedded://"); err != nil && embedded {
		c.URL = secret.Secret("redis://" + rest)
		client, stop, err = daemon.Redis(c, dial)
	}
	if stop == nil {
		stop = func() {}
	}
	return client, stop, err
}

// address says where Redis is, without user and password.
func address(c config.Redis) string {
	switch u, err := url.Parse(c.URL.Reveal()); {
	case c.Sentinel != nil:
		return fmt.Sprintf("master %s by sentinels %s", c.Sentinel.Master, strings.Join(c.Sentinel.Addrs, ", "))
	case len(c.Cluster) > 0:
		return "cluster " + strings.Join(c.Cluster, ", ")
	case err != nil:
		return "redis.url"
	default:
		return u.Scheme + "://" + u.Host + u.Path
	}
}

// server is one Redis server that holds credentials: the only one, or the
// master of their slots in a Cluster.
type server struct {
	name   string
	client redis.Cmdable
	key    string // that it holds
}

// servers finds them, in the order of the credentials. Only masters count:
// scripts run there, and a replica's role would be a false alarm.
func (p *probe) servers(ctx context.Context) ([]server, error) {
	cluster, isCluster := p.redis.(*redis.ClusterClient)
	if !isCluster {
		return []server{{address(p.config.Redis), p.redis, p.config.Credentials[0].Key}}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.Redis.Timeout)
	defer cancel()
	var found []server
	known := map[string]bool{}
	for _, c := range p.config.Credentials {
		master, err := cluster.MasterForKey(ctx, c.Key)
		if err != nil {
			return nil, err
		}
		if addr := master.Options().Addr; !known[addr] {
			known[addr] = true
			found = append(found, server{"cluster node " + addr, master, c.Key})
		}
	}
	return found, nil
}

// server looks at one server and says whether it answers.
func (p *probe) server(ctx context.Context, s server) bool {
	if err := p.time(ctx, s); err != nil {
		t := p.explain(err)
		p.report.fail("redis", t.Cure, "%s: %s", s.name, t.What)
		return false
	}
	var text string
	err := p.within(ctx, func(ctx context.Context) (err error) {
		text, err = s.client.Info(ctx).Result()
		return err
	})
	if err != nil {
		p.report.skip("redis server", "version, role and memory are not known, as INFO failed: %s", p.explain(err).What)
		return true
	}
	info := parseInfo(text)
	version(p.report, info["redis_version"])
	role(p.report, info["role"])
	memory(p.report, info)
	return true
}

// clock answers the time of Redis in microseconds.
const clock = "local time = redis.call('TIME') return time[1] * 1000000 + time[2]"

// time connects and asks for the time, as the daemon does: by a script on a key
// of its own. PING is not among the rights that the daemon needs, and there are
// proxies that hang up at TIME. The first question pays for connecting, the
// second one is measured.
func (p *probe) time(ctx context.Context, s server) error {
	var now int64
	var start time.Time
	var took time.Duration
	for range 2 {
		err := p.within(ctx, func(ctx context.Context) (err error) {
			start = time.Now()
			now, err = s.client.Eval(ctx, clock, []string{s.key}).Int64()
			took = time.Since(start)
			return err
		})
		if err != nil {
			return err
		}
	}
	p.report.ok("redis", "%s answers in %s", s.name, round(took))
	p.clocks.host(p.report, time.UnixMicro(now), start, took)
	return nil
}

// within gives one question to Redis the time that one operation has, so that
// a server that hangs between two of them ends the check too.
func (p *probe) within(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Redis.Timeout)
	defer cancel()
	return question(ctx)
}
