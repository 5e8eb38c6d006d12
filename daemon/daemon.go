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
	"wxtokend/daemon/store"
	"wxtokend/daemon/web"
	"wxtokend/daemon/wechat"
	"wxtokend/metrics"
)

// Dial opens connections in place of the network.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Options are what a daemon runs with. The zero value of each Dial is the
// real network.
type Options struct {
	Config                config.Config
	Build                 metrics.Build
	Log                   *slog.Logger
	DialRedis, DialWeChat Dial

	// Jitter spreads a fleet's polls and waits: numbers in [0,1), asked for by
	// several goroutines. nil is math/rand.
	Jitter func() float64
	// Passing is told of each Step before it is taken, and may delay it. nil is
	// nobody, or, in a binary built with the tag failpoint, what kills the
	// process at the step that WXTOKEND_FAILPOINT names.
	Passing func(Step)
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
	registry *registry
	observer *observer
	pool     *pool
	metrics  *metrics.Metrics
	gatherer *prometheus.Registry
	heart    *heartbeat
	passing  func(Step)
	jitter   func() float64

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
		gatherer: prometheus.NewRegistry(), passing: o.Passing, jitter: o.Jitter, told: map[string]bool{},
	}
	client, err := wechat.New(wechat.Options{BaseURL: o.Config.WeChat.BaseURL, Proxy: o.Config.WeChat.Proxy.Reveal(), DialContext: o.DialWeChat})
	if err != nil {
		return nil, fmt.Errorf("wechat: %w", err)
	}
	if d.clients, d.embedded, err = redisClients(o.Config.Redis, o.DialRedis, connections(), 1); err != nil {
		return nil, err
	}
	d.assemble()
	for _, c := range o.Config.Credentials {
		if err := d.add(c, client); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// assemble puts together what all credentials share.
func (d *Daemon) assemble() {
	c := d.config
	d.metrics = metrics.New(d.gatherer, d.build, metrics.Auto)
	d.store = store.New(d.clients[0], c.Redis.Timeout)
	d.registry = newRegistry(paceOf(len(c.Credentials), c.Refresh.Poll))
	d.pool = newPool()
	d.heart = &heartbeat{
		poll: d.registry.round, schedule: every{d.registry.beat, d.jitter},
		panicky: d.panicked, log: d.log, soon: make(chan struct{}, 1),
	}
	d.observer = &observer{
		registry: d.registry, store: store.New(d.clients[1], c.Redis.Timeout), pool: d.pool, metrics: d.metrics,
		passing: d.passing, panicked: d.panicked, soon: d.heart.hasten, oneServer: len(c.Redis.Cluster) == 0,
		loss: &loss{log: d.log, next: c.Refresh.Poll, of: len(c.Credentials)},
	}
}

func (d *Daemon) add(c config.Credential, client *wechat.Client) error {
	keys, err := store.NewKeys(c.Key)
	if err != nil {
		return fmt.Errorf("key %s: %w", c.Key, err)
	}
	poll, replaces := d.registry.round, c.API == string(wechat.Classic)
	e := &registered{}
	e.refresher = &refresher{
		config: c, store: d.store, wechat: client, metrics: d.metrics,
		slot: store.Credential{
			Keys: keys, AppID: c.AppID, Issuer: credential.Issuer(d.config.WeChat.BaseURL), API: c.API, Replaces: replaces,
			Format: store.Format(c.Format), UTCOffset: c.UTCOffset, Lease: c.Lease, Overlap: overlap,
			Poll: poll, VerifyEvery: c.VerifyEvery,
		},
		log:    d.log.With("key", c.Key, "appid", c.AppID),
		stored: func() { d.lookAgain(e) }, many: len(d.config.Credentials) > 1,
		passing: d.passing, jitter: d.jitter,
		redisTimeout: d.config.Redis.Timeout, mintTimeout: d.config.WeChat.Timeout,
		policy: policy{
			replaces: replaces, mint: c.Mint, limit: c.DailyLimit,
			ahead: c.Ahead + spread(c.Ahead, replaces, c.Key, len(d.config.Credentials)),
			poll:  poll, lease: c.Lease, backoffMin: c.BackoffMin, backoffMax: c.BackoffMax, verifyEvery: c.VerifyEvery,
		},
	}
	d.registry.add(e)
	d.metrics.Credential(c.Key, c.AppID, kind, c.API)
	d.metrics.DailyLimit(c.Key, c.DailyLimit)
	return nil
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
	d.observer.start()
	d.heart.job = func() { d.observer.look(ctx, work) }
	d.heart.run(ctx)
	d.log.Info("stopping", "cause", context.Cause(ctx).Error())
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
		if own := e.unsettled(); own != nil {
			all.Go(func() { e.pursue(work, own) })
		}
	}
	all.Wait()
}

// lookAgain asks for a look at one credential before the next poll.
func (d *Daemon) lookAgain(e *registered) {
	d.registry.hasten(e)
	d.heart.hasten()
}

// Live returns an error when for so long no tick ended as it
// should that a restart is the only cure left. A bug that breaks the ticks of
// some credentials would break them after a restart as well, and the others
// would miss the process meanwhile.
func (d *Daemon) Live() error {
	limit := 3*d.registry.round + 2*d.config.Redis.Timeout
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
