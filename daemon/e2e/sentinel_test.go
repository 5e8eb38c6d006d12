package e2e

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const masterName = "mymaster"

// startSentinels starts three that watch the master. They decide that it is
// down after three seconds of silence: a busy machine was seen to silence a
// living one for half a second, and the failover that followed was one too many.
// A vote that nobody wins is repeated after twice the failover-timeout, whose
// default of three minutes is no time for a test.
func startSentinels(t *testing.T, master *server) (addrs []string) {
	t.Helper()
	for i := range 3 {
		addr := freeAddr(t)
		_, port, _ := net.SplitHostPort(addr)
		_, masterPort, _ := net.SplitHostPort(master.addr)
		dir := t.TempDir()
		file := filepath.Join(dir, "sentinel.conf")
		writeFile(t, file, fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\n"+
			"sentinel monitor %s 127.0.0.1 %s 2\nsentinel auth-pass %[3]s %[5]s\n"+
			"sentinel down-after-milliseconds %[3]s 3000\nsentinel failover-timeout %[3]s 1000\n",
			port, dir, masterName, masterPort, password))
		spawn(t, fmt.Sprintf("sentinel %d", i), nil, "redis-server", file, "--sentinel")
		addrs = append(addrs, addr)
	}
	return addrs
}

// TestSentinelFailover kills the master, and then wants a repair and a refresh
// on the one that was elected.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) { sentinelFailover(t, api) })
	}
}

func sentinelFailover(t *testing.T, api string) {
	beside(t)
	const life = 40 * time.Second
	a := newAccount(api)
	a.ahead = life / 2
	master := startRedis(t)
	_, port, _ := net.SplitHostPort(master.addr)
	for range 2 {
		startRedis(t, "--replicaof", "127.0.0.1", port)
	}
	sentinels := startSentinels(t, master)
	eventually(t, startup, "every sentinel knows two replicas and two sentinels",
		func() error { return complete(t.Context(), sentinels) })

	sim := startWeChat(t, life, life*3/5, a)
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: masterName, SentinelAddrs: sentinels, Password: password, Protocol: 2, DisableIdentity: true,
		MaxRetries:            -1,
		ContextTimeoutEnabled: true, DialTimeout: time.Second, ReadTimeout: time.Second,
	})
	t.Cleanup(func() { _ = client.Close() })
	s := scaled()
	s.redis = fmt.Sprintf("  sentinel: {master: %s, addrs: [%q, %q, %q]}\n  password_file: %s\n", masterName, sentinels[0],
		sentinels[1], sentinels[2], passwordFile(t))
	r := watch(t, client, sim, a, 20*time.Millisecond)
	d := run(t, s.yaml(sim.url, a))
	r.good(startup)
	old := r.token()
	// What is not replicated yet may be lost, which is another test.
	if n := master.Wait(t.Context(), 2, 10*time.Second).Val(); n != 2 {
		t.Fatalf("%d replicas have the token", n)
	}

	start := time.Now()
	master.kill()
	var elected string
	eventually(t, startup, "the sentinels name a new master", func() (err error) {
		elected, err = masterOf(t.Context(), sentinels[0])
		if err == nil && elected == master.addr {
			err = fmt.Errorf("still the old one")
		}
		return err
	})
	election := time.Since(start)
	r.good(startup)
	reads := time.Since(start)
	// The daemon has found the new master when it repairs the key there.
	before := d.metric(restored)
	eventually(t, startup, "the key is deleted on the new master",
		func() error { return client.Del(t.Context(), a.key).Err() })
	r.good(startup)
	d.more(observed, 1, startup)
	repaired := time.Since(start)
	if after := d.metric(restored); after != before+1 {
		t.Errorf("%v restores are counted on the new master, want 1", after-before)
	}
	if calls := sim.calls(a.appid); calls != 1 {
		t.Errorf("the failover cost %d calls", calls-1)
	}
	r.fresh(old, life)
	d.settled()
	if calls := sim.calls(a.appid); calls != 2 {
		t.Errorf("%d calls after a failover and a refresh, want 2", calls)
	}
	r.never(refused)
	t.Logf("new master %s after %s, readers served again after %s, a deleted key repaired there after %s", elected,
		ms(election), ms(reads), ms(repaired))
}

// complete says whether a majority can fail over to one of two replicas.
func complete(ctx context.Context, sentinels []string) error {
	for _, addr := range sentinels {
		c := redis.NewSentinelClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true})
		defer c.Close()
		master, err := c.Master(ctx, masterName).Result()
		if err != nil {
			return err
		}
		if master["num-slaves"] != "2" || master["num-other-sentinels"] != "2" {
			return fmt.Errorf("%s replicas, %s other sentinels", master["num-slaves"], master["num-other-sentinels"])
		}
		replicas, err := c.Replicas(ctx, masterName).Result()
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(replicas,
			func(r map[string]string) bool { return r["master-link-status"] != "ok" }); i >= 0 {
			return fmt.Errorf("replica %s: link %s", replicas[i]["name"], replicas[i]["master-link-status"])
		}
	}
	return nil
}

func masterOf(ctx context.Context, sentinel string) (string, error) {
	c := redis.NewSentinelClient(&redis.Options{Addr: sentinel, Protocol: 2, DisableIdentity: true})
	defer c.Close()
	parts, err := c.GetMasterAddrByName(ctx, masterName).Result()
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(parts[0], parts[1]), nil
}
