package daemon

import (
	"fmt"
	"strconv"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
	"wxtokend/daemon/testnet"
)

// fault is one thing that goes wrong. act is called with the fleet's lock held
// and answers what happened exactly and how long it lasts.
type fault struct {
	name   string
	weight int
	free   bool // it costs no mint
	act    func(f *fleet, m *member) (detail string, lasts time.Duration)
}

// strike does it, and has the judge know.
func (f *fleet) strike(m *member, k fault) (detail string) {
	f.judge.suffer(0)
	detail, lasts := k.act(f, m)
	f.judge.suffer(lasts)
	f.harmed.Store(k.name, time.Now().Add(lasts))
	return detail
}

func (f *fleet) drawFault() fault {
	all, total := append(faults(), f.plan.houseFaults()...), 0
	for _, k := range all {
		total += k.weight
	}
	at := f.dice.IntN(total)
	for _, k := range all {
		if at -= k.weight; at < 0 {
			return k
		}
	}
	panic("unreachable")
}

func named(name string) fault {
	for _, k := range faults() {
		if k.name == name {
			return k
		}
	}
	panic("no fault " + name)
}

// upTo draws a duration; called with the lock held.
func (f *fleet) upTo(most time.Duration) time.Duration {
	return time.Duration(f.dice.Int64N(int64(most))).Round(time.Millisecond)
}

func faults() []fault {
	all := append(processFaults(), networkFaults()...)
	all = append(all, redisFaults()...)
	return append(all, wechatFaults()...)
}

func processFaults() []fault {
	stopping := func(name string, weight int, most func(f *fleet) time.Duration) fault {
		return fault{name: name, weight: weight, act: func(f *fleet, m *member) (string, time.Duration) {
			d := f.upTo(most(f))
			m.pause(d)
			return fmt.Sprintf("for %v", d), d
		}}
	}
	return []fault{
		{name: "crash", weight: 6, act: func(f *fleet, m *member) (string, time.Duration) {
			down := f.upTo(40 * time.Second)
			m.die(down)
			return fmt.Sprintf("for %v", down), down
		}},
		{name: "crash of all", weight: 2, act: func(f *fleet, _ *member) (string, time.Duration) {
			down := f.upTo(20 * time.Second)
			for _, m := range f.members {
				m.die(down)
			}
			return fmt.Sprintf("for %v", down), down
		}},
		{name: "restart", weight: 2, free: true, act: func(f *fleet, m *member) (string, time.Duration) {
			m.replace(0)
			return "", 0
		}},
		{name: "rolling restart", weight: 1, free: true, act: func(f *fleet, _ *member) (string, time.Duration) {
			for i, m := range f.members {
				f.after(time.Duration(i)*5*time.Second, func() { m.replace(0) })
			}
			return "", time.Duration(len(f.members)) * 5 * time.Second
		}},
		stopping("pause", 6, func(*fleet) time.Duration { return 90 * time.Second }),
		stopping("stopped for long", 1, func(f *fleet) time.Duration { return 2 * f.life }),
		{name: "wall clock back", weight: 1, free: true, act: func(_ *fleet, m *member) (string, time.Duration) {
			m.jumped.Store(true)
			return "by ten hours", 3 * m.fleet.plan.poll
		}},
		{name: "panic", weight: 1, act: func(f *fleet, m *member) (string, time.Duration) {
			m.cursed.Store(true)
			return "", f.longestLease()
		}},
	}
}

// lossy loses one request of a kind, or its reply.
func lossy(name string, weight int, match testnet.Match, path func(m *member) *testnet.Faults, reply bool) fault {
	return fault{name: name, weight: weight, act: func(f *fleet, m *member) (string, time.Duration) {
		if reply {
			path(m).DropReplies(1, match)
		} else {
			path(m).DropRequests(1, match)
		}
		return "", f.longestLease()
	}}
}

func networkFaults() []fault {
	toRedis := func(m *member) *testnet.Faults { return m.toRedis }
	toWeChat := func(m *member) *testnet.Faults { return m.toWeChat }
	cut := func(name string, path func(m *member) *testnet.Faults, refuse bool) fault {
		return fault{name: name, weight: 2, act: func(f *fleet, m *member) (string, time.Duration) {
			d := f.upTo(90 * time.Second)
			broken := path(m).Hang
			if refuse {
				broken = path(m).Refuse
			}
			broken(true)
			f.after(d, func() { broken(false) })
			return fmt.Sprintf("for %v", d), d
		}}
	}
	return []fault{
		cut("redis unreachable", toRedis, false), cut("redis refuses connections", toRedis, true),
		cut("wechat unreachable", toWeChat, false), cut("wechat refuses connections", toWeChat, true),
		lossy("mint request lost", 2, isMint, toWeChat, false), lossy("mint reply lost", 6, isMint, toWeChat, true),
		lossy("begin request lost", 1, isBegin, toRedis, false), lossy("begin reply lost", 3, isBegin, toRedis, true),
		lossy("commit request lost", 1, isCommit, toRedis, false), lossy("commit reply lost", 3, isCommit, toRedis, true),
		lossy("abort request lost", 1, isAbort, toRedis, false), lossy("abort reply lost", 2, isAbort, toRedis, true),
		{name: "mint late", weight: 5, act: func(f *fleet, m *member) (string, time.Duration) {
			d := f.upTo(60 * time.Second)
			m.toWeChat.HoldRequests(1, isMint, d)
			return fmt.Sprintf("by %v", d), f.longestLease() + d
		}},
		{name: "redis slow", weight: 1, act: func(f *fleet, m *member) (string, time.Duration) {
			d := f.upTo(3 * time.Second)
			m.toRedis.Delay(d)
			f.after(20*time.Second, func() { m.toRedis.Delay(0) })
			return fmt.Sprintf("by %v", d), 20 * time.Second
		}},
	}
}

func redisFaults() []fault {
	refusing := func(name, answer string) fault {
		return fault{name: name, weight: 1, act: func(f *fleet, _ *member) (string, time.Duration) {
			d := f.upTo(time.Minute)
			f.server.refuse(answer)
			f.after(d, func() { f.server.refuse("") })
			return fmt.Sprintf("for %v", d), d
		}}
	}
	writing := func(name string, weight int, write func(f *fleet)) fault {
		return fault{name: name, weight: weight, free: true, act: func(f *fleet, _ *member) (string, time.Duration) {
			f.server.change(func() { write(f) })
			return "", 0
		}}
	}
	return []fault{
		refusing("redis full", "OOM command not allowed when used memory > 'maxmemory'."),
		refusing("redis loading", "LOADING Redis is loading the dataset in memory"),
		refusing("redis without replicas", "NOREPLICAS Not enough good replicas to write."),
		refusing("redis cluster down", "CLUSTERDOWN The cluster is down"),
		refusing("redis read-only", "READONLY You can't write against a read only replica."),
		writing("key deleted", 4, func(f *fleet) { f.redis.Del(testKey) }),
		writing("key overwritten with garbage", 2, func(f *fleet) { _ = f.redis.Set(testKey, "garbage") }),
		writing("key persisted", 1, func(f *fleet) { f.redis.SetTTL(testKey, 0) }),
		{name: "lease deleted", weight: 1, act: func(f *fleet, _ *member) (string, time.Duration) {
			f.server.lose(func() { f.redis.Del("{" + testKey + "}:lease") })
			return "", 0
		}},
		{name: "a newer version writes", weight: 1, act: func(f *fleet, _ *member) (string, time.Duration) {
			f.server.change(func() {
				if state := "{" + testKey + "}:state"; f.redis.Exists(state) {
					f.redis.HSet(state, "schema", strconv.Itoa(store.Schema+1))
				}
			})
			return "", 0
		}},
		{name: "flush", weight: 4, act: func(f *fleet, _ *member) (string, time.Duration) {
			f.server.lose(f.redis.FlushAll)
			return "", 0
		}},
		{name: "redis back empty", weight: 4, act: func(f *fleet, _ *member) (string, time.Duration) {
			d := f.upTo(20 * time.Second)
			f.server.lose(f.redis.FlushAll)
			f.server.away(d)
			return fmt.Sprintf("after %v", d), d
		}},
		{name: "redis away", weight: 1, act: func(f *fleet, _ *member) (string, time.Duration) {
			d := f.upTo(90 * time.Second)
			f.server.away(d)
			return fmt.Sprintf("for %v", d), d
		}},
		{name: "failover", weight: 6, act: func(f *fleet, _ *member) (string, time.Duration) {
			lost, d := 1+f.dice.IntN(3), f.upTo(3*time.Second)
			f.server.failover(lost)
			f.server.away(d)
			return fmt.Sprintf("that loses %d writes", lost), d
		}},
		{name: "redis clock", weight: 3, act: func(f *fleet, _ *member) (string, time.Duration) {
			// Minutes are within what waits and tokens allow for, hours are beyond all.
			most := []time.Duration{10 * time.Minute, 10 * time.Hour}[f.dice.IntN(2)]
			skew := f.upTo(2*most) - most
			f.server.setClock(skew)
			return fmt.Sprintf("moves to %v", skew), 0
		}},
		{name: "report", weight: 2, free: true, act: func(f *fleet, m *member) (string, time.Duration) {
			value, _ := f.redis.Get(testKey)
			reported := string(layout.Decode(value))
			if f.dice.IntN(3) == 0 {
				reported = "nonsense"
			}
			f.server.change(func() { _ = f.redis.Set("{"+testKey+"}:rejected", reported) })
			return "", 0
		}},
	}
}
