package daemon

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2/server"
)

// redisServer is the Redis of a fleet: it can lose its newest writes, refuse
// commands as a full or read-only server does, and have a clock of its own.
type redisServer struct {
	f *fleet

	mu      sync.Mutex
	skew    time.Duration // of its clock
	moved   bool          // its clock is no longer everybody's, and never will be
	refusal string        // answer to writes
	history []content     // before each of the newest writes, oldest first
	told    uint64        // hash of all commands and their times
	taken   int           // commands so far
}

// content is all that Redis holds, with its expiries as instants.
type content map[string]stored

type stored struct {
	text    string
	hash    map[string]string
	expires time.Time // zero: never
}

const historyLimit = 4

func newRedisServer(f *fleet) *redisServer {
	s := &redisServer{f: f}
	conn, err := f.redis.Dial() // creates the server inside, which takes the hook
	if err != nil {
		f.Fatal(err)
	}
	_ = conn.Close()
	f.redis.Server().SetPreHook(s.before)
	return s
}

// before is called by Redis before each command, those inside of a script
// included, which find Redis locked. Scripts are all that the daemons send.
func (s *redisServer) before(peer *server.Peer, cmd string, args ...string) bool {
	if cmd != "EVALSHA" && cmd != "EVAL" {
		return false
	}
	s.f.judge.look()
	s.mu.Lock()
	s.taken++
	defer s.mu.Unlock()
	s.tick()
	s.record(args[0])
	deaf := strings.HasPrefix(s.refusal, "LOADING") || strings.HasPrefix(s.refusal, "CLUSTERDOWN")
	if isLook(args[len(args)-1]) && !deaf {
		return false
	}
	// A full Redis takes a commit: its first write needs no memory.
	if s.refusal != "" && !(strings.HasPrefix(s.refusal, "OOM") && isCommit([]byte(args[len(args)-1]))) {
		peer.WriteError(s.refusal)
		return true
	}
	s.history = append(s.history, s.content())
	s.history = s.history[max(0, len(s.history)-historyLimit):]
	if args[2] == testKey {
		s.f.judge.scripted(args[len(args)-1])
	}
	return false
}

// isLook tells by its argument whether a script reads alone: it says whose
// credential it is, or which text at a target is known, and nothing else.
func isLook(argument string) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(argument), &fields) != nil {
		return false
	}
	for _, name := range []string{"appid", "issuer", "known"} {
		delete(fields, name)
	}
	return len(fields) == 0
}

// commands is how many scripts were taken so far.
func (s *redisServer) commands() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// clockMoved says that times in Redis are no longer everybody's.
func (s *redisServer) clockMoved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved
}

// tick keeps the clock of Redis, which stands still in between.
func (s *redisServer) tick() {
	if s.moved {
		s.f.redis.SetTime(time.Now().Add(s.skew))
	}
}

// record adds a script and its instant to the hash of the story (FNV-1a).
func (s *redisServer) record(script string) {
	const prime = 1099511628211
	s.told = (s.told ^ uint64(time.Since(s.f.begin))) * prime
	for i := range len(script) {
		s.told = (s.told ^ uint64(script[i])) * prime
	}
}

func (s *redisServer) content() content {
	all := content{}
	for _, key := range s.f.redis.Keys() {
		var e stored
		if s.f.redis.Type(key) == "hash" {
			e.hash = map[string]string{}
			fields, _ := s.f.redis.HKeys(key)
			for _, field := range fields {
				e.hash[field] = s.f.redis.HGet(key, field)
			}
		} else {
			e.text, _ = s.f.redis.Get(key)
		}
		if ttl := s.f.redis.TTL(key); ttl > 0 {
			e.expires = time.Now().Add(ttl)
		}
		all[key] = e
	}
	return all
}

// failover promotes a replica that has not seen the newest writes.
func (s *redisServer) failover(lost int) {
	s.lose(func() {
		if lost > len(s.history) {
			lost = len(s.history)
		}
		s.f.redis.FlushAll()
		if lost == 0 {
			return
		}
		before := s.history[len(s.history)-lost]
		for key, e := range before {
			if !e.expires.IsZero() && !e.expires.After(time.Now()) {
				continue
			}
			for field, value := range e.hash {
				s.f.redis.HSet(key, field, value)
			}
			if e.hash == nil {
				_ = s.f.redis.Set(key, e.text)
			}
			if !e.expires.IsZero() {
				s.f.redis.SetTTL(key, time.Until(e.expires))
			}
		}
		s.history = slices.Delete(s.history, len(s.history)-lost, len(s.history))
	})
}

// change does something to what readers read that no daemon does.
func (s *redisServer) change(do func()) { s.meddle(do, false) }

// lose is change where more is lost: the state, the lease or the time.
func (s *redisServer) lose(do func()) { s.meddle(do, true) }

func (s *redisServer) meddle(do func(), forgets bool) {
	s.f.judge.look()
	s.mu.Lock()
	s.tick()
	do()
	s.tick()
	s.mu.Unlock()
	s.f.judge.touched(forgets)
}

// setClock moves the clock of Redis to skew from everybody's.
func (s *redisServer) setClock(skew time.Duration) {
	s.f.judge.clockMoves(skew - s.skewed())
	s.lose(func() {
		s.skew, s.moved = skew, true
	})
}

// refuse makes every write fail with this answer, "" none.
func (s *redisServer) refuse(answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = answer
}

// away resets all connections and takes no new ones for d.
func (s *redisServer) away(d time.Duration) {
	for _, m := range s.f.members {
		m.toRedis.Refuse(true)
	}
	s.f.after(d, func() {
		for _, m := range s.f.members {
			m.toRedis.Refuse(false)
		}
	})
}
