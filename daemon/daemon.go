package daemon

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
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
	version  string

	redis      redis.UniversalClient
	embedded   func() // stops the embedded Redis, nil if there is none
	store      *store.Store
	slots      []store.Credential
	refreshers []*refresher
	metrics    *metrics.Metrics
	registry   *prometheus.Registry
	heart      *heartbeat
	passing    func(Step)
	actions    sync.WaitGroup
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
		config: o.Config, log: o.Log, instance: instance(), version: o.Build.Version,
		registry: prometheus.NewRegistry(), passing: o.Passing,
	}
	client, err := wechat.New(wechat.Options{BaseURL: o.Config.WeChat.BaseURL, Proxy: o.Config.WeChat.Proxy.Reveal(), DialContext: o.DialWeChat})
	if err != nil {
		return nil, fmt.Errorf("wechat: %w", err)
	}
	if d.redis, d.embedded, err = Redis(o.Config.Redis, o.DialRedis); err != nil {
		return nil, err
	}
	d.store = store.New(d.redis, o.Config.Redis.Timeout)
	keys := make([]string, len(o.Config.Credentials))
	for i, c := range o.Config.Credentials {
		keys[i] = c.Key
	}
	d.metrics = metrics.New(d.registry, o.Build, keys)
	d.heart = &heartbeat{poll: o.Config.Refresh.Poll, panicky: d.panicked, log: o.Log, soon: make(chan struct{}, 1), jitter: o.Jitter}
	for _, c := range o.Config.Credentials {
		if err := d.add(c, client, o.Jitter); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

func (d *Daemon) add(c config.Credential, client *wechat.Client, jitter func() float64) error {
	keys, err := store.NewKeys(c.Key)
	if err != nil {
		return fmt.Errorf("key %s: %w", c.Key, err)
	}
	slot := store.Credential{
		Keys: keys, AppID: c.AppID, Issuer: credential.Issuer(d.config.WeChat.BaseURL), API: c.API, Replaces: c.API == string(wechat.Classic),
		Format: store.Format(c.Format), UTCOffset: c.UTCOffset, Lease: c.Lease, Overlap: overlap,
		Poll: d.config.Refresh.Poll, VerifyEvery: c.VerifyEvery,
	}
	d.slots = append(d.slots, slot)
	d.refreshers = append(d.refreshers, &refresher{
		config: c, store: d.store, slot: slot, wechat: client, metrics: d.metrics,
		log: d.log.With("key", c.Key, "appid", c.AppID), stored: d.lookAgain,
		passing: d.passing, jitter: jitter, redisTimeout: d.config.Redis.Timeout, mintTimeout: d.config.WeChat.Timeout,
		policy: policy{
			replaces: slot.Replaces, mint: c.Mint, limit: c.DailyLimit, ahead: c.Ahead,
			poll: d.config.Refresh.Poll, lease: c.Lease, backoffMin: c.BackoffMin, backoffMax: c.BackoffMax, verifyEvery: c.VerifyEvery,
		},
	})
	d.metrics.Credential(c.Key, c.AppID, kind, c.API)
	d.metrics.DailyLimit(c.Key, c.DailyLimit)
	return nil
}

// Close lets go of Redis.
func (d *Daemon) Close() {
	_ = d.redis.Close()
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
	d.heart.job = func() { d.tick(ctx, work) }
	d.heart.run(ctx)
	d.log.Info("stopping", "cause", context.Cause(ctx).Error())
	d.actions.Wait()
	for _, r := range d.refreshers {
		r.settle(work)
	}
	stopServing()
	return <-served
}

func (d *Daemon) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", web.NewHandler(d, d.Live, d.registry))
	mux.HandleFunc("POST /refresh/{key...}", d.refreshHandler)
	return mux
}

// grace is how long a mint and its commit may take after the end of ctx.
func (d *Daemon) grace() time.Duration {
	return d.config.WeChat.Timeout + 2*d.config.Redis.Timeout
}

// tick observes all credentials at once and lets each decide. When ctx ends
// meanwhile nothing begins: it could not be finished in time.
func (d *Daemon) tick(ctx, work context.Context) {
	d.passing(Observing)
	results := d.store.Observe(work, d.slots)
	if ctx.Err() != nil {
		return
	}
	var failed error
	for i, r := range d.refreshers {
		failed = errors.Join(failed, results[i].Err)
		r.tick(results[i], func(action func(context.Context)) { d.spawn(work, action) })
	}
	d.metrics.RedisOperation(metrics.OpObserve, failed)
	d.metrics.Tick(time.Now())
}

func (d *Daemon) spawn(work context.Context, action func(context.Context)) {
	d.actions.Go(func() {
		defer func() {
			if reason := recover(); reason != nil {
				d.panicked(reason)
			}
		}()
		action(work)
	})
}

// panicked counts a panic. The reason may hold anything, so only its type and
// the stack without arguments are logged.
func (d *Daemon) panicked(reason any) {
	d.metrics.Panic()
	d.log.Error("panic; the next tick comes all the same", "type", fmt.Sprintf("%T", reason), "stack", frames(debug.Stack()))
}

// frames drops the lines of a stack that print arguments' values.
func frames(stack []byte) []string {
	var places []string
	for line := range strings.Lines(string(stack)) {
		if strings.HasPrefix(line, "\t") {
			place, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			places = append(places, place)
		}
	}
	return places
}

// lookAgain asks for a tick before the next poll.
func (d *Daemon) lookAgain() {
	select {
	case d.heart.soon <- struct{}{}:
	default:
	}
}

// Live returns an error when no tick ended for so long that a
// restart is the only cure left.
func (d *Daemon) Live() error {
	limit := 3*d.config.Refresh.Poll + 2*d.config.Redis.Timeout
	if since := d.heart.since(&d.heart.ended); since > limit {
		return fmt.Errorf("no tick ended for %s (limit %s)", since.Round(time.Millisecond), limit)
	}
	return nil
}

// instance names this process: host and a random part, new at each start.
func instance() string {
	host, _ := os.Hostname()
	id := make([]byte, 3)
	_, _ = crand.Read(id) // never fails
	return host + "-" + hex.EncodeToString(id)
}
