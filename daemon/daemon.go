package daemon

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
	"wxtokend/daemon/web"
	"wxtokend/metrics"
)

// Dial opens connections in place of the network.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Options are what a daemon runs with. The zero value of each Dial is the
// real network.
type Options struct {
	Config config.Config
	// Source is where Config came from; it is read again when it changes, and
	// when Reread gets a signal. Without it the configuration stays as it is.
	Source                Source
	Reread                <-chan os.Signal
	Build                 metrics.Build
	Log                   *slog.Logger
	DialRedis, DialWeChat Dial

	// Jitter spreads a fleet's polls and waits: numbers in [0,1), asked for by
	// several goroutines. nil is math/rand.
	Jitter func() float64
	// Passing is told of each Step before it is taken, and of the attempt if it
	// belongs to one; it may delay the step. nil is nobody, or, in a binary built
	// with the tag failpoint, what kills the process at the step that
	// WXTOKEND_FAILPOINT names.
	Passing func(s keeper.Step, attempt string)

	// tamper changes what a keeper works with; only tests do.
	tamper func(*keeper.Options)
}

// Daemon keeps all configured credentials fresh.
type Daemon struct {
	config   config.Config
	log      *slog.Logger
	instance string
	build    metrics.Build

	clients  []redis.UniversalClient
	embedded func() // stops the embedded Redis, nil if there is none
	store    *store.Store
	platform *credential.Platform
	registry *registry
	observer *observer
	reloader *reloader
	pool     *pool
	metrics  *metrics.Metrics
	gatherer *prometheus.Registry
	heart    *heartbeat
	passing  func(s keeper.Step, attempt string)
	jitter   func() float64
	tamper   func(*keeper.Options)

	mu sync.Mutex
	// The causes of panics that were logged.
	told map[string]bool
}

// New prepares a daemon. It talks to nobody yet; the errors are those of the
// configuration. Close must be called unless Run is.
func New(o Options) (*Daemon, error) {
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Passing == nil {
		o.Passing = failpoint()
	}
	d := &Daemon{
		config: o.Config, log: o.Log, instance: instance(), build: o.Build,
		gatherer: prometheus.NewRegistry(), passing: o.Passing, jitter: o.Jitter, tamper: o.tamper, told: map[string]bool{},
	}
	var err error
	d.platform, err = credential.NewPlatform(credential.Options{
		BaseURL: o.Config.WeChat.BaseURL, Proxy: o.Config.WeChat.Proxy.Reveal(), DialContext: o.DialWeChat,
		Clock: func(ahead time.Duration) { d.metrics.ClockAhead(metrics.ClockWeChat, ahead) },
	})
	if err != nil {
		return nil, fmt.Errorf("wechat: %w", err)
	}
	if d.clients, d.embedded, err = redisClients(o.Config.Redis, o.DialRedis, connections(), 1); err != nil {
		return nil, err
	}
	d.assemble()
	d.reloader = &reloader{
		source: o.Source, asked: o.Reread, apply: d.applyConfig, panicked: d.panicked, metrics: d.metrics, log: o.Log,
		running: o.Config, seen: o.Config.Digest(), read: o.Config.Digest(),
	}
	if _, err := d.apply(o.Config.Credentials); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// assemble puts together what all credentials share.
func (d *Daemon) assemble() {
	c := d.config
	d.metrics = metrics.New(d.gatherer, d.build, metrics.PerKey(c.Metrics.PerKey))
	d.metrics.ConfigRead(time.Now(), true)
	d.store = store.New(d.clients[0], c.Redis.Timeout, layout.Decode)
	d.registry = newRegistry(c.Refresh.Poll)
	d.pool = newPool()
	d.heart = &heartbeat{
		rhythm: d.registry.rhythm, schedule: every{d.registry.rhythm, d.jitter},
		panicked: d.panicked, log: d.log, soon: make(chan struct{}, 1),
	}
	d.observer = &observer{
		registry: d.registry, store: store.New(d.clients[1], c.Redis.Timeout, layout.Decode), pool: d.pool, metrics: d.metrics,
		passing: d.passing, panicked: d.panicked, tickSoon: d.heart.tickSoon, oneServer: len(c.Redis.Cluster) == 0,
		loss: &loss{log: d.log, next: c.Refresh.Poll, failing: map[*entry]bool{}},
	}
}

// apply makes these the credentials, whatever is under way.
func (d *Daemon) apply(wanted []config.Credential) (Changes, error) {
	return d.registry.apply(wanted, func(c config.Credential) (*entry, error) {
		e, err := d.open(c, len(wanted))
		if err != nil {
			err = fmt.Errorf("key %s: %w", c.Key, err)
		}
		return e, err
	})
}

// open makes a keeper for one credential among n. Nothing looks at it yet.
func (d *Daemon) open(c config.Credential, n int) (*entry, error) {
	spec, err := d.spec(c, n)
	if err != nil {
		return nil, err
	}
	kind, err := d.platform.Kind(spec.Kind, spec.API)
	if err != nil {
		return nil, err
	}
	e := &entry{config: c}
	options := keeper.Options{
		Spec: spec, Kind: kind, Store: d.store, Metrics: d.metrics, Log: d.log,
		LookSoon: func() { d.lookSoon(e) }, Many: n > 1,
		Passing: d.passing, Jitter: d.jitter,
		RedisTimeout: d.config.Redis.Timeout, CallTimeout: d.config.WeChat.Timeout,
	}
	if d.tamper != nil {
		d.tamper(&options)
	}
	e.Keeper = keeper.New(options)
	d.metrics.Credential(c.Key, c.AppID, spec.Kind, c.API, c.Mint)
	d.metrics.DailyLimit(c.Key, c.DailyLimit)
	return e, nil
}

// spec is what the configuration means for one credential among n.
func (d *Daemon) spec(c config.Credential, n int) (credential.Spec, error) {
	keys, err := store.NewKeys(c.Key)
	if err != nil {
		return credential.Spec{}, err
	}
	kind := credential.OfficialAccount
	traits, _ := credential.TraitsOf(kind, c.API)
	target := layout.Target{Format: layout.Format(c.Format), UTCOffset: c.UTCOffset}
	return credential.Spec{
		Slot: store.Slot{
			Keys: keys, Account: c.AppID, Issuer: credential.Issuer(d.config.WeChat.BaseURL), API: c.API,
			Replaces: traits.Replaces, Encode: target.Encode,
			Lease: c.Lease, Overlap: traits.Overlap, Poll: paceOf(n, d.config.Refresh.Poll).round, VerifyEvery: c.VerifyEvery,
		},
		Kind: kind, Traits: traits, Secret: c.ReadSecret, Mint: c.Mint,
		Ahead:      c.Ahead + spread(c.Ahead, traits.RenewWindow, c.Key, n),
		DailyLimit: c.DailyLimit, BackoffMin: c.BackoffMin, BackoffMax: c.BackoffMax,
	}, nil
}

// Close lets go of Redis.
func (d *Daemon) Close() {
	for _, client := range d.clients {
		_ = client.Close()
	}
	if d.embedded != nil {
		d.embedded()
	}
}

// Run serves HTTP on ln and keeps the credentials fresh until ctx ends. A mint
// in flight may then commit; Run returns when all its goroutines have ended.
func (d *Daemon) Run(ctx context.Context, ln net.Listener) error {
	defer d.Close()
	// What is under way outlives ctx: the token of a mint exists nowhere else yet.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(d.grace(), cancel) })

	served := make(chan error, 1)
	serving, stopServing := context.WithCancel(work)
	go func() {
		served <- web.Serve(serving, ln, d.handler(), d.log)
		stop() // without HTTP nobody could see us any more
	}()
	var reading sync.WaitGroup
	reading.Go(func() { d.reloader.run(ctx) })
	d.observer.start()
	d.heart.job = func() { d.observer.tick(ctx, work) }
	d.heart.run(ctx)
	d.log.Info("stopping", "cause", context.Cause(ctx).Error())
	reading.Wait()
	d.pool.close()
	d.settle(work)
	stopServing()
	return <-served
}

func (d *Daemon) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", web.NewHandler(d, d.Live, d.gatherer))
	mux.HandleFunc("POST /refresh/{key...}", d.refreshHandler)
	return mux
}

// grace is how long a mint and its commit may take after the end of ctx.
func (d *Daemon) grace() time.Duration {
	return d.config.WeChat.Timeout + 2*d.config.Redis.Timeout
}

// settle ends what WeChat has answered and Redis does not know yet.
func (d *Daemon) settle(work context.Context) {
	var all sync.WaitGroup
	for _, e := range d.registry.all() {
		all.Go(func() { e.Settle(work) })
	}
	all.Wait()
}

// lookSoon asks for a look at one credential before the next poll.
func (d *Daemon) lookSoon(e *entry) {
	d.registry.lookSoon(e)
	d.heart.tickSoon()
}

// Live returns an error when for so long no tick ended as it
// should that a restart is the only cure left. A bug that breaks the ticks of
// some credentials would break them after a restart as well, and the others
// would miss the process meanwhile.
func (d *Daemon) Live() error {
	limit := 3*d.registry.rhythm().round + 2*d.config.Redis.Timeout
	silence := d.observer.silence()
	if silence <= limit {
		return nil
	}
	what := "no tick ended"
	if d.heart.since(&d.heart.ended) <= limit {
		what = "every tick ended in a panic"
	}
	return fmt.Errorf("%s for %s (limit %s)", what, silence.Round(time.Millisecond), limit)
}

// instance names this process: host and a random part, new at each start.
func instance() string {
	host, _ := os.Hostname()
	id := make([]byte, 3)
	_, _ = crand.Read(id) // never fails
	return host + "-" + hex.EncodeToString(id)
}
