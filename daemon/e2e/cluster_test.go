package e2e

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// slots is how many a Cluster has.
const slots = 16384

// startCluster starts three masters, each with a third of the slots.
func startCluster(t *testing.T) (nodes []*server, client *redis.ClusterClient) {
	t.Helper()
	for range 3 {
		nodes = append(nodes, startRedis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000"))
	}
	for i, node := range nodes {
		if err := node.ClusterAddSlotsRange(t.Context(), i*slots/len(nodes), (i+1)*slots/len(nodes)-1).Err(); err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(node.addr)
		nodes[0].do("cluster", "meet", host, port)
	}
	for _, node := range nodes {
		eventually(t, startup, "the cluster is formed", func() error { return formed(t, node) })
	}
	var addrs []string
	for _, node := range nodes {
		addrs = append(addrs, node.addr)
	}
	client = redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, Password: password, Protocol: 2, DisableIdentity: true, MaxRedirects: 1,
		ContextTimeoutEnabled: true, DialTimeout: time.Second, ReadTimeout: time.Second,
	})
	t.Cleanup(func() { _ = client.Close() })
	return nodes, client
}

func formed(t *testing.T, node *server) error {
	info := node.ClusterInfo(t.Context()).Val()
	if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
		return errors.New(info)
	}
	return nil
}

// owner is the node that has the slot of a key.
func owner(t *testing.T, nodes []*server, key string) *server {
	t.Helper()
	slot, err := nodes[0].ClusterKeySlot(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	for i, node := range nodes {
		if slot < int64((i+1)*slots/len(nodes)) {
			return node
		}
	}
	t.Fatalf("nobody has slot %d", slot)
	return nil
}

// TestCluster keeps two keys in two slots, one of them with a tag of its own,
// and kills the node that has the first.
func TestCluster(t *testing.T) {
	beside(t)
	const life = 60 * time.Second
	plain, tagged := newAccount("classic"), newAccount("stable")
	tagged.appid, tagged.key = "wx1111111111111111", "token:{app1}"
	plain.ahead, tagged.ahead = life/2, life/2
	nodes, client := startCluster(t)
	sim := startWeChat(t, life, life*3/5, plain, tagged)
	s := scaled()
	s.redis = fmt.Sprintf("  cluster: [%q, %q, %q]\n  password_file: %s\n", nodes[0].addr, nodes[1].addr, nodes[2].addr,
		passwordFile(t))
	one, two := watch(t, client, sim, plain, 20*time.Millisecond), watch(t, client, sim, tagged, 20*time.Millisecond)
	d := run(t, s.yaml(sim.url, plain, tagged))
	one.good(startup)
	two.good(startup)
	calls := func() string { return fmt.Sprintf("%d+%d", sim.calls(plain.appid), sim.calls(tagged.appid)) }

	for _, key := range []string{plain.key, tagged.key} {
		if err := client.Del(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
	}
	repaired := max(one.good(startup), two.good(startup))

	node := owner(t, nodes, plain.key)
	if node == owner(t, nodes, tagged.key) {
		t.Fatal("both keys are on one node")
	}
	node.kill()
	d.more(unseen, 3, startup)
	node.start() // its slots are in nodes.conf, its keys are gone
	start := time.Now()
	for _, n := range nodes {
		eventually(t, startup, "the cluster is whole again", func() error { return formed(t, n) })
	}
	whole := time.Since(start)
	one.good(startup)
	back := time.Since(start)
	two.good(startup)
	d.settled()
	if got := calls(); got != "1+1" {
		t.Errorf("%s calls, want 1+1: the node's return is no reason for a call", got)
	}

	old, oldTagged := one.token(), two.token()
	one.fresh(old, life)
	two.fresh(oldTagged, life)
	d.settled()
	if got := calls(); got != "2+2" {
		t.Errorf("%s calls after one refresh, want 2+2", got)
	}
	one.never(refused)
	two.never(refused)
	t.Logf("deleted keys are back after %s; after the node's restart the cluster is whole after %s, the lost token "+
		"back after %s, without a call",
		ms(repaired), ms(whole), ms(back))
}

// TestTargetsInOtherSlots: targets follow the key although they live on other
// nodes, and a node of theirs that is gone is no matter of the key.
func TestTargetsInOtherSlots(t *testing.T) {
	beside(t)
	const life = 60 * time.Second
	a := newAccount("stable")
	a.ahead = life / 2
	nodes, client := startCluster(t)
	var targets, list []string
	for i := 0; len(targets) < 2; i++ {
		// One on each of the other two nodes.
		key := fmt.Sprintf("target:%d", i)
		taken := owner(t, nodes, key) == owner(t, nodes, a.key)
		for _, other := range targets {
			taken = taken || owner(t, nodes, key) == owner(t, nodes, other)
		}
		if !taken {
			targets, list = append(targets, key), append(list, fmt.Sprintf("{key: %q, format: raw}", key))
		}
	}
	a.targets = "[" + strings.Join(list, ", ") + "]"
	sim := startWeChat(t, life, life*3/5, a)
	s := scaled()
	s.redis = fmt.Sprintf("  cluster: [%q, %q, %q]\n  password_file: %s\n", nodes[0].addr, nodes[1].addr, nodes[2].addr,
		passwordFile(t))
	readers := watch(t, client, sim, a, 5*time.Millisecond)
	d := run(t, s.yaml(sim.url, a))
	readers.good(startup)
	follow := func(what string, keys ...string) time.Duration {
		start := time.Now()
		for _, key := range keys {
			eventually(t, startup, what+" "+key, func() error {
				if text, err := client.Get(t.Context(), key).Result(); err != nil || text != readers.token() {
					return fmt.Errorf("has another token, or none: %v", err)
				}
				return nil
			})
			// The key is asked first: what passes until the target is asked makes that look shorter.
			theirs := client.PTTL(t.Context(), a.key).Val()
			mine := client.PTTL(t.Context(), key).Val()
			if mine > theirs+20*time.Millisecond {
				t.Errorf("%s ends in %v, and the key in %v", key, mine, theirs)
			}
		}
		return time.Since(start)
	}
	first := follow("the first token at", targets...)
	old := readers.token()
	readers.fresh(old, life)
	lag := follow("the next one at", targets...)
	if err := client.Del(t.Context(), targets[0]).Err(); err != nil {
		t.Fatal(err)
	}
	back := follow("a deleted one is back at", targets[0])

	for _, n := range nodes {
		n.do("config", "set", "cluster-require-full-coverage", "no")
	}
	node := owner(t, nodes, targets[0])
	node.kill()
	old = readers.token()
	readers.fresh(old, 2*life)
	readers.never(refused)
	node.start()
	for _, n := range nodes {
		eventually(t, startup, "the cluster is whole again", func() error { return formed(t, n) })
	}
	readers.good(startup)
	follow("after the node is back at", targets...)
	d.settled()
	t.Logf("targets in other slots follow the first token in %s and the next in %s; a deleted one is back after %s",
		ms(first), ms(lag), ms(back))
}
