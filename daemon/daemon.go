package daemon

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/lock"
	"wxtokend/daemon/store"
	"wxtokend/daemon/tokenapi"
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
	// Lock says who may look; nil is everybody. It does not concern Probes, where
	// the probes are served as well, in plain HTTP; nil is nowhere.
	Lock   *lock.Lock
	Probes net.Listener

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
	options  Options
	instance string

	clients []redis.UniversalClient
	// Stops the embedded Redis, nil if there is none.
	embedded    func()
	platform    *credential.Platform
	weChatClock *weChatClock
	// Of the keepers; the observer has one of its own.
	store *store.Store
	// Of all keepers.
	herald *keeper.Herald
	causes *keeper.Causes

	registry *registry
	heart    *heartbeat
	observer *observer
	pool     *pool
	reloader *reloader
	api      *tokenapi.API

	metrics  *metrics.Metrics
	gatherer *prometheus.Registry
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
	d := &Daemon{options: o, instance: instance(), gatherer: prometheus.NewRegistry()}
	d.metrics = metrics.New(d.gatherer, o.Build, metrics.PerKey(o.Config.Metrics.PerKey))
	d.metrics.ConfigRead(time.Now(), true)
	d.weChatClock = &weChatClock{log: o.Log, expose: func(ahead time.Duration) {
		d.metrics.ClockAhead(metrics.ClockWeChat, ahead)
	}}
	var err error
	d.platform, err = credential.NewPlatform(credential.Options{
		BaseURL: o.Config.WeChat.BaseURL, WeComURL: o.Config.WeChat.WeComBaseURL, Proxy: o.Config.WeChat.Proxy.Reveal(),
		DialContext: o.DialWeChat, Clock: d.weChatClock.answered,
	})
	if err != nil {
		return nil, fmt.Errorf("wechat: %w", err)
	}
	if d.clients, d.embedded, err = redisClients(o.Config.Redis, o.DialRedis, connections(), 1); err != nil {
		return nil, err
	}
	d.assemble()
	err = d.mayServe(o.Config)
	if err == nil {
		_, err = d.apply(context.Background(), o.Config.Credentials)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	d.useConsumers(o.Config)
	return d, nil
}

// assemble puts together what all credentials share.
func (d *Daemon) assemble() {
	o, c := d.options, d.options.Config
	panics := &panics{count: d.metrics.Panic, log: o.Log, told: map[string]bool{}}
	d.store = store.New(d.clients[0], c.Redis.Timeout, layout.Decode)
	d.herald, d.causes = keeper.NewHerald(d.store, o.Log), keeper.NewCauses()
	d.registry = newRegistry(c.Refresh.Poll)
	d.pool = newPool()
	d.api = tokenapi.New(tokenapi.Options{Tokens: lender{d}, Log: o.Log, Count: d.metrics.APIRequest})
	d.heart = &heartbeat{
		rhythm: d.registry.rhythm, schedule: every{d.registry.rhythm, o.Jitter},
		panics: panics, log: o.Log, soon: make(chan struct{}, 1),
	}
	d.observer = &observer{
		registry: d.registry, pool: d.pool, metrics: d.metrics,
		store:  store.New(d.clients[1], c.Redis.Timeout, layout.Decode),
		panics: panics, passing: o.Passing, tickSoon: d.heart.tickSoon, oneServer: len(c.Redis.Cluster) == 0,
		loss: &loss{log: o.Log, next: c.Refresh.Poll, failing: map[*entry]bool{}},
	}
	d.reloader = &reloader{
		source: o.Source, asked: o.Reread, apply: d.reconfigure, panics: panics, metrics: d.metrics, log: o.Log,
		running: c, newest: c, seen: c.Digest(), read: c.Digest(),
	}
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

	serving, stopServing := context.WithCancel(work)
	served := d.serve(serving, ln, stop)
	var reading sync.WaitGroup
	reading.Go(func() { d.reloader.run(ctx) })
	notified := make(chan struct{})
	go func() {
		defer close(notified)
		d.notify(ctx)
	}()
	d.observer.start()
	d.heart.job = func() { d.observer.tick(ctx, work) }
	d.heart.run(ctx)
	d.options.Log.Info("stopping", "cause", context.Cause(ctx).Error())
	reading.Wait()
	d.pool.close()
	d.settle(work)
	select {
	case <-notified:
	case <-work.Done():
		// Nobody takes what systemd is sent.
	}
	stopServing()
	return served()
}

// grace is how long a mint and its commit may take after the end of ctx.
func (d *Daemon) grace() time.Duration {
	return d.options.Config.WeChat.Timeout + 2*d.options.Config.Redis.Timeout
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

// Live returns an error when for so long no tick ended as it should that a
// restart is the only cure left. A bug that breaks the ticks of some credentials
// would break them after a restart as well, and the others would miss the process
// meanwhile.
func (d *Daemon) Live() error {
	limit := 3*d.registry.rhythm().round + 2*d.options.Config.Redis.Timeout
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
	// It never fails.
	_, _ = crand.Read(id)
	return host + "-" + hex.EncodeToString(id)
}
