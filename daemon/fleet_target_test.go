package daemon

import (
	"fmt"
	"testing"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechatsim"
)

// withHouse gives the fleet what its plan has besides the one token: targets of
// it, and tickets and a token of WeCom in keys of their own.
func (f *fleet) withHouse(c *config.Config) {
	if f.plan.targets {
		c.Credentials[0].Targets = []config.Target{{Key: rawKey, Format: "raw"}, {Key: hashKey, Format: "hash"}}
	}
	if f.plan.house {
		for _, key := range []string{"jsapi", "wecom", "agent"} {
			c.Credentials = append(c.Credentials, f.world.member(key))
		}
	}
}

// mirrored is a target as the judge saw it last.
type mirrored struct {
	key   string
	token secret.Token
	// The place of its token among those that readers of the key got, -1 if nobody knows.
	place int
	// Since when it says something else than the key, zero while it does not.
	behind time.Time
	said   bool
}

// mirrors are the targets of a fleet.
type mirrors struct {
	all []*mirrored
	// The place of each token among those that readers of the key got.
	places map[secret.Token]int
	count  int
	// The latest end that each of them had under the key: a draw that gives the same
	// token again may find an earlier one, as a life counts from before the draw.
	ends map[secret.Token]time.Time
	// The last of them.
	shown secret.Token
	// How long a target was behind at most.
	lag time.Duration
}

func newMirrors() mirrors {
	return mirrors{all: []*mirrored{{key: rawKey, place: -1}, {key: hashKey, place: -1}}, places: map[secret.Token]int{},
		ends: map[secret.Token]time.Time{}}
}

// seen is what lies at a target.
func (s *redisServer) seen(key string) (secret.Token, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	if key == hashKey {
		if s.f.redis.Type(key) != "hash" {
			return "", 0
		}
		return secret.Token(s.f.redis.HGet(key, "access_token")), s.f.redis.TTL(key)
	}
	text, _ := s.f.redis.Get(key)
	return secret.Token(text), s.f.redis.TTL(key)
}

// mirror: readers of a target get what those of the key get, at most a poll and
// a moment later, never longer, and never one that an older one has replaced.
// Called with the lock held.
func (j *judge) mirror(g glance, now time.Time) {
	if !j.f.plan.targets {
		return
	}
	t := &j.mirrors
	if g.token != "" && g.token != t.shown {
		t.shown = g.token
		t.count++
		t.places[g.token] = t.count
	}
	if end := now.Add(g.ttl); g.token != "" && g.ttl > 0 && end.After(t.ends[g.token]) {
		t.ends[g.token] = end
	}
	for _, m := range t.all {
		token, ttl := j.f.server.seen(m.key)
		same := token == g.token && token != "" && g.ttl > 0
		if token != m.token {
			j.written(m, token, g)
		}
		if same && now.Add(ttl).After(t.ends[token].Add(time.Second)) && now.After(j.skewed) {
			j.fail("%s ends in %v, and the key in %v, never later", m.key, ttl, g.ttl)
		}
		if m.place >= 0 && ttl == 0 && !m.said {
			j.fail("%s never ends", m.key)
			m.said = true
		}
		j.behind(m, token == g.token && !(same && ttl > g.ttl+time.Second), token, g, now)
	}
}

// written judges what was written to a target since the last look.
func (j *judge) written(m *mirrored, token secret.Token, g glance) {
	place, known := j.mirrors.places[token]
	switch {
	case j.meddled, token == "":
		place = -1
	case !known:
		j.fail("%s has %v, which no reader of the key ever got", m.key, token)
	case place < m.place && token != g.token:
		j.fail("%s has the older %v in place of %v", m.key, token, m.token)
	}
	m.token, m.place, m.said = token, place, false
}

// behind judges for how long a target is not like the key: of another token, or longer.
func (j *judge) behind(m *mirrored, like bool, token secret.Token, g glance, now time.Time) {
	good := g.token != "" && g.state["token"] == string(g.token) && j.f.wechat.Accepts(testAppID, string(g.token))
	if like || !good {
		// It looks before each command, so of two writes in one trip it sees the first in time.
		if !m.behind.IsZero() && m.key == rawKey {
			j.mirrors.lag = max(j.mirrors.lag, now.Sub(m.behind))
		}
		m.behind = time.Time{}
		return
	}
	if m.behind.IsZero() {
		m.behind = now
	}
	from := later(later(m.behind, j.trouble), later(j.handsOff, j.skewed))
	if late := now.Sub(from); late > j.f.plan.poll+11*time.Second && !m.said {
		j.fail("%s says %v and not %v for %v", m.key, token, g.token, now.Sub(m.behind))
		m.said = true
	}
}

// resident is a credential beside the fleet's token.
type resident struct {
	key string
	// Since when its readers have nothing that works, zero while they do.
	bad  time.Time
	said bool
}

func residents() []*resident { return []*resident{{key: "jsapi"}, {key: "wecom"}, {key: "agent"}} }

// reside: what readers of the other keys get works, or soon does again. Called
// with the lock held.
func (j *judge) reside(now time.Time) {
	if !j.f.plan.house {
		return
	}
	parents := map[string]time.Time{credential.OfficialAccount: j.bad, credential.WeCom: j.residents[1].bad}
	for _, r := range j.residents {
		value, _ := j.f.redis.Get(r.key)
		token := layout.Decode(value)
		if token != "" && j.f.wechat.Accepts(house[r.key].account, token.Reveal()) {
			if !r.bad.IsZero() && now.Sub(r.bad) > time.Second {
				j.f.tell("readers of %s had nothing that works for %v", r.key, now.Sub(r.bad))
			}
			r.bad, r.said = time.Time{}, false
			continue
		}
		if r.bad.IsZero() {
			r.bad = j.lastAt
		}
		form, _ := credential.FormOf(house[r.key].kind)
		if !parents[form.Parent].IsZero() {
			// There is nothing to draw with.
			r.bad = now
		}
		from := later(later(r.bad, j.trouble), later(j.skewed, j.f.waits(j.trouble)))
		if late := now.Sub(from); late > j.heal()+max(j.f.config.Refresh.VerifyEvery, overlap)+4*j.f.plan.poll && !r.said {
			j.fail("readers of %s have %q, which does not work, for %v", r.key, token.Fingerprint(), now.Sub(r.bad))
			r.said = true
		}
	}
}

// houseFaults are those of a plan with more than one token.
func (p plan) houseFaults() (all []fault) {
	writing := func(name string, write func(f *fleet)) fault {
		return fault{name: name, weight: 6, free: true, act: func(f *fleet, _ *member) (string, time.Duration) {
			f.server.change(func() { write(f) })
			return "", 0
		}}
	}
	if p.targets {
		all = append(all,
			writing("targets deleted", func(f *fleet) { f.redis.Del(rawKey); f.redis.Del(hashKey) }),
			writing("a target overwritten with garbage", func(f *fleet) { _ = f.redis.Set(rawKey, "garbage") }),
			writing("a target of another type", func(f *fleet) { f.redis.Del(hashKey); _ = f.redis.Set(hashKey, "x") }),
			fault{name: "an app draws for itself", weight: 2, act: func(f *fleet, _ *member) (string, time.Duration) {
				token, err := f.wechat.Draw(testAppID, wechatsim.Classic, rogue)
				f.server.change(func() { _ = f.redis.Set(rawKey, token.Reveal()); f.redis.SetTTL(rawKey, f.life) })
				return orOK(err), overlap
			}})
	}
	if p.house {
		all = append(all, fault{name: "WeCom ends its token", weight: 3, free: true,
			act: func(f *fleet, _ *member) (string, time.Duration) {
				return orOK(f.wechat.Revoke(testAgent, wechatsim.WeCom)), 0
			}},
			writing("tickets deleted", func(f *fleet) { f.redis.Del("jsapi"); f.redis.Del("agent") }),
			writing("a ticket reported", func(f *fleet) {
				value, _ := f.redis.Get("jsapi")
				_ = f.redis.Set("{jsapi}:rejected", layout.Decode(value).Reveal())
			}))
	}
	return all
}

// more is how a plan says what it has besides.
func (p plan) more() string { return fmt.Sprintf("targets %v, house %v", p.targets, p.house) }

// TestTargetsOfAFleet: with nothing to disturb them targets follow the key within
// the round trips that it takes, and each is written once for each token.
func TestTargetsOfAFleet(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		p := peaceful(api, 3)
		p.targets = true
		var written float64
		f := inFleet(t, p, func(f *fleet) {
			f.wait(59 * time.Minute)
			for _, m := range f.members {
				f.page = m.page
				written += metric(f.world, f.page1("/metrics"),
					`wxtokend_target_writes_total{key="WXAccessToken",result="written"}`)
			}
		})
		f.acquit(t)
		if int(written) != 2*f.mints() {
			t.Errorf("%v writes of %d tokens to two targets", written, f.mints())
		}
		figure(t, "targets", "%s, 3 daemons with Redis up to 3 ms away: up to %v after the key", api, f.judge.mirrors.lag)
	}
}
