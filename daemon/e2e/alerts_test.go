package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// stage is a world that Prometheus scrapes, in a namespace of its own.
type stage struct {
	*world
	p         *prom
	namespace string
	// The configuration's file, where the trouble is in there.
	file string
}

// trouble is something that operators have to be told of.
type trouble struct {
	name, api string
	life      time.Duration
	begin     func(s *stage)
	// The alerts that fire, and no others, sorted.
	want []string
	// What a person does; nil where the alert lasts for its hour or has no end here.
	mend func(s *stage)
}

const (
	// young is a token's life where refreshes are to be seen.
	young = 40 * time.Second
	old   = 2 * time.Hour
)

func troubles() []trouble {
	return []trouble{
		{"healthy-stable", "stable", young, func(s *stage) { s.daemon(); s.daemon(); s.daemon("mint: false") }, nil, nil},
		{"healthy-classic", "classic", 2 * time.Minute, func(s *stage) { s.daemon(); s.daemon() }, nil, nil},
		{"busy", "stable", old, func(s *stage) {
			s.sim.fault(s.account, `"kind":"errcode","code":-1`)
			s.daemon()
		}, []string{"Failing", "NoToken"}, (*stage).calm},
		{"refused", "stable", old, func(s *stage) {
			s.sim.fault(s.account, `"kind":"errcode","code":40164`)
			s.daemon()
		}, []string{"NoToken", "Refused"}, (*stage).calm},
		{"minters", "stable", old, func(s *stage) {
			a, b := s.daemon(), s.daemon()
			for range 3 {
				s.daemon("mint: false")
			}
			s.seen(5)
			a.kill()
			b.kill()
		}, []string{"NoMinter"}, func(s *stage) { s.daemon() }},
		{"redis-away", "stable", old, func(s *stage) {
			s.daemon().expect("/readyz", 200, startup)
			s.seen(1)
			s.redis.kill()
		}, []string{"NoToken"}, func(s *stage) { s.redis.start() }},
		{"redis-full", "stable", young, func(s *stage) {
			s.daemon().expect("/readyz", 200, startup)
			s.redis.do("config", "set", "maxmemory", "1")
		}, []string{"Failing", "NoToken"}, func(s *stage) { s.redis.do("config", "set", "maxmemory", "0") }},
		{"one-replica", "stable", old, func(s *stage) {
			s.daemon()
			lost := *s.world
			lost.redis = startRedis(s.T)
			lost.settings.redis = lost.redis.section(s.T)
			(&stage{world: &lost, p: s.p, namespace: s.namespace}).daemon("mint: false")
			lost.redis.kill()
		}, []string{"ReplicaNotReady"}, nil},
		{"outside", "classic", old, func(s *stage) {
			s.daemon().expect("/readyz", 200, startup)
			s.seen(1)
			s.redis.do("set", s.key, fmt.Sprintf(`{"access_token":%q,"expires_in":7200}`, s.sim.draw(s.account)), "px",
				7_200_000)
		}, []string{"OutsideDraw"}, nil},
		{"blind", "stable", old, func(s *stage) {
			s.sim.fault(s.account, `"kind":"status","path":"/cgi-bin/get_api_domain_ip"`)
			s.daemon("verify_every: 2s")
		}, []string{"Unverified"}, (*stage).calm},
		{"calls", "stable", old, func(s *stage) { s.daemon("daily_limit: 1") }, []string{"ManyCalls"}, nil},
		{"stuck", "stable", old, func(s *stage) {
			s.daemon()
			s.p.scrape(run(s.T, s.config(), failpoint("observing:sleep=10s")), s.namespace)
		}, []string{"Stuck"}, nil},
		{"config", "stable", old, func(s *stage) {
			s.file = filepath.Join(s.TempDir(), "config.yaml")
			writeFile(s, s.file, s.config())
			d := launchFrom(s.T, s.file)
			d.listens()
			s.p.scrape(d, s.namespace)
			s.seen(1)
			writeFile(s, s.file, s.config()+"    pole: 2s")
		}, []string{"ConfigRefused"}, func(s *stage) { writeFile(s, s.file, s.config()) }},
		{"clock", "stable", old, func(s *stage) {
			s.sim.fault(s.account, `"kind":"clock_skew","skew":"-3m"`)
			s.daemon("verify_every: 2s")
		}, []string{"Clock"}, (*stage).calm},
	}
}

// TestAlerts: a real Prometheus scrapes daemons while everything around them
// misbehaves. What should fire does, and ends with its cause, and nothing else
// fires in the meantime.
func TestAlerts(t *testing.T) {
	beside(t)
	p := startPrometheus(t)
	all := troubles()
	stages := make([]*stage, len(all))
	for i, trouble := range all {
		stages[i] = newStage(t, p, trouble)
		trouble.begin(stages[i])
	}
	for _, trouble := range all {
		p.fire(trouble.name, trouble.want, 2*time.Minute)
	}
	p.answered(readDashboard(t))
	for i, trouble := range all {
		if trouble.mend != nil {
			trouble.mend(stages[i])
		}
	}
	for _, trouble := range all {
		if trouble.mend != nil {
			p.end(trouble.name, time.Minute)
		}
	}
	for _, trouble := range all {
		got, err := p.alerts("count_over_time(%s[1h])", trouble.name)
		if err != nil || !slices.Equal(got, trouble.want) {
			t.Errorf("%s: %v fired, want %v (%v)", trouble.name, got, trouble.want, err)
		}
	}
	if refreshes := len(stages[0].issued()); refreshes < 2 {
		t.Errorf("the healthy world saw %d tokens, so no refresh", refreshes)
	}
}

func newStage(t *testing.T, p *prom, trouble trouble) *stage {
	t.Helper()
	a := newAccount(trouble.api)
	w := &world{T: t, account: a, redis: startRedis(t), settings: scaled()}
	overlap := 5 * time.Minute
	if trouble.life < old {
		// The stable endpoint gives a new token when half of the life is over.
		overlap = trouble.life/2 + time.Second
	}
	w.sim = startWeChat(t, trouble.life, overlap, a)
	w.settings.redis = w.redis.section(t)
	return &stage{world: w, p: p, namespace: trouble.name}
}

// daemon starts one, with more options of the credential, and has it scraped.
func (s *stage) daemon(options ...string) *daemon {
	s.Helper()
	config := s.config()
	for _, option := range options {
		config += "    " + option + "\n"
	}
	d := run(s.T, config)
	s.p.scrape(d, s.namespace)
	return d
}

// seen waits until Prometheus has that many ready replicas.
func (s *stage) seen(replicas int) {
	s.Helper()
	expr := fmt.Sprintf(`wxtokend_ready{namespace=%q} == 1`, s.namespace)
	eventually(s.T, startup, expr, func() error {
		found, err := s.p.query(expr)
		if err == nil && len(found) != replicas {
			err = fmt.Errorf("%d, want %d", len(found), replicas)
		}
		return err
	})
}

// calm ends all faults of WeChat.
func (s *stage) calm() {
	s.Helper()
	var gone struct{}
	if err := s.sim.ask("DELETE", "/sim/faults", "", &gone); err != nil {
		s.Fatal(err)
	}
}
