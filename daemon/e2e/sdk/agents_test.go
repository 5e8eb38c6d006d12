//go:build sdk

package sdk

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	agentsCorp  = "wwaaaaaaaaaaaaaaaa"
	otherAgent  = "1000003"
	otherSecret = "0ther5ecre70ther5ecre70ther5ecr"
)

// twoAgents are the flags that have the simulator know them.
func twoAgents() []string {
	return []string{"--corp", agentsCorp + ":" + agentID + ":" + appSecret,
		"--corp", agentsCorp + ":" + otherAgent + ":" + otherSecret}
}

// TestAgentsOfOneCorp: wechatpy has one key for the end of the tokens of all
// agents of a corp. Each agent's token is read and put back, and the two do not
// fight over that key.
func TestAgentsOfOneCorp(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: shared.redis, DB: len(modes()), Protocol: 2, DisableIdentity: true})
	defer rdb.Close()
	i := slices.IndexFunc(modes(), func(m mode) bool { return m.sdk == "wechatpy2" && m.name == "work" })
	work := modes()[i]
	work.kinds = work.kinds[:1]
	var agents []*story
	for _, one := range []struct{ id, secret, key string }{
		{agentID, appSecret, "first"}, {otherAgent, otherSecret, "second"},
	} {
		s := &story{T: t, mode: work, account: agentsCorp, db: len(modes()), rdb: rdb, wire: newWire(t, shared.simulator)}
		s.tokens, s.agent = s.wire, one.id
		s.all = s.credentials(agentsCorp)
		s.all[0].key, s.all[0].agent, s.all[0].secret = one.key, one.id, one.secret
		s.launch(one.secret)
		agents = append(agents, s)
	}
	first, second := agents[0], agents[1]
	d := startDaemon(t, first.db, append(first.all, second.all...))
	each := func(do func(s *story, c *credential)) {
		for _, s := range agents {
			s.daemon = d
			do(s, s.all[0])
		}
	}
	each((*story).settled)
	each(func(s *story, c *credential) { s.used(c, "written") })
	// From here on the two end at different times.
	ends := func(s *story) any { return s.do("HGET", "{"+s.all[0].key+"}:state", "expires_at") }
	passed := time.Now().Add(2 * time.Second)
	eventually(t, "two seconds have passed", func() bool { return time.Now().After(passed) })
	second.rotate(second.all[0])
	if ends(first) == ends(second) {
		t.Fatalf("both end at %v", ends(first))
	}
	flat(t, d)
	each(func(s *story, c *credential) { s.used(c, "the other rotated") })
	each(func(s *story, c *credential) { s.remove(c); s.settled(c); s.used(c, "deleted") })
	each((*story).overwritten)
	each((*story).settled)
	each(func(s *story, c *credential) { s.used(c, "overwritten") })
	flat(t, d)
	each(func(s *story, c *credential) { s.used(c, "after some polls") })
}

// flat wants that nothing is written while there is nothing to mend: once all is
// mended, for ten polls.
func flat(t *testing.T, d *wxtokend) {
	t.Helper()
	const writes = "wxtokend_target_writes_total"
	looks := func() int { return d.counted(`wxtokend_redis_operations_total{op="observe"`) }
	// What somebody did is seen by the poll after next at the latest.
	wait := func(polls int) {
		until := looks() + 2*polls
		eventually(t, "some polls", func() bool { return looks() >= until })
	}
	wait(3)
	before := d.counted(writes)
	wait(10)
	if n := d.counted(writes); n != before || n == 0 {
		t.Errorf("%d writes to targets, and %d after ten polls", before, n)
	}
}
