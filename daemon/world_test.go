package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/store"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
	"wxtokend/metrics"
)

// TestMain keeps the Redis library's own lines out of the tests', as main does
// with the log.
func TestMain(m *testing.M) {
	redis.SetLogger(store.Logger{Log: slog.New(slog.DiscardHandler)})
	os.Exit(m.Run())
}

const (
	testKey    = "WXAccessToken"
	testAppID  = "wx0123456789abcdef"
	testSecret = "CANARY6789abcdef0123456789abcdef"

	// overlap is how long WeChat accepts a token after the next one was drawn.
	overlap = 5 * time.Minute
)

// world is WeChat and Redis in one bubble of virtual time, with a daemon that
// most tests need, and more if a test launches them.
type world struct {
	*testing.T
	*replica
	wechat      *wechatsim.Server
	redis       *miniredis.Miniredis
	config      config.Config
	logs        *safeBuffer
	life        time.Duration
	sockets     bool // between the daemons and Redis, in place of pipes
	closeWeChat func()
	listener    *testnet.Listener // WeChat's
}

// replica is one daemon with network paths of its own.
type replica struct {
	toRedis, toWeChat *testnet.Faults
	ip                string                                  // as WeChat sees it
	noting            func(testnet.DialFunc) testnet.DialFunc // notes where calls of WeChat are made from
	jitter            func() float64                          // nil: the daemon's own
	passing           func(keeper.Step, string)               // nil: nobody
	tamper            func(*keeper.Options)                   // as in Options
	prepare           func(*Daemon)                           // called before it runs; nil: nothing
	configure         func(*config.Config)                    // its own configuration; nil: the world's
	source            Source                                  // where its configuration is read again; nil: it stays
	reread            chan os.Signal                          // asks for that
	daemon            *Daemon
	page              *testnet.Listener
	stop              context.CancelFunc
	ended             chan error
}

func newReplica(ip string) *replica {
	unnoted := func(dial testnet.DialFunc) testnet.DialFunc { return dial }
	return &replica{toRedis: &testnet.Faults{}, toWeChat: &testnet.Faults{}, ip: ip, noting: unnoted}
}

// inWorld runs body in a bubble, with WeChat and Redis up and no daemon yet.
func inWorld(t *testing.T, api string, body func(w *world)) {
	t.Helper()
	inWorldOf(t, api, 2*time.Hour, body)
}

// inWorldOf is inWorld where tokens live as long as life, and all else at
// WeChat takes its usual time.
func inWorldOf(t *testing.T, api string, life time.Duration, body func(w *world)) {
	t.Helper()
	inSeededWorld(t, 1, api, life, body)
}

// inSeededWorld is inWorldOf with a WeChat whose tokens and dice come from seed.
func inSeededWorld(t *testing.T, seed uint64, api string, life time.Duration, body func(w *world)) {
	t.Helper()
	inWorldWith(t, seed, api, life, []wechatsim.App{{AppID: testAppID, Secret: testSecret}}, body)
}

// inWorldWith is inSeededWorld with these accounts.
func inWorldWith(t *testing.T, seed uint64, api string, life time.Duration, apps []wechatsim.App, body func(w *world)) {
	t.Helper()
	inWorldAt(t, wechatsim.Options{Seed: seed, Apps: apps}, api, life, body)
}

// inWorldAt is inWorldOf at a WeChat of these options, but for the life of its tokens.
func inWorldAt(t *testing.T, o wechatsim.Options, api string, life time.Duration, body func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Periods = wechatsim.DefaultPeriods()
		o.Periods.Life = life
		sim, err := wechatsim.New(o)
		if err != nil {
			t.Fatal(err)
		}
		ln := testnet.NewListener("10.0.0.1:80")
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- sim.Serve(ctx, ln) }()
		w := &world{
			T: t, replica: newReplica("10.0.0.9"), listener: ln,
			wechat: sim, redis: miniredis.NewMiniRedis(), logs: &safeBuffer{},
			life: life, closeWeChat: func() { cancel(); <-served },
		}
		w.redis.ClockTTL(true)
		w.config = config.Default()
		w.config.Redis.URL = "redis://10.0.0.2:6379"
		w.config.WeChat.BaseURL, w.config.WeChat.WeComBaseURL = "http://10.0.0.1", "http://10.0.0.1"
		credential := config.DefaultCredential(api, w.config.Refresh)
		credential.AppID, credential.Secret = testAppID, testSecret
		w.config.Credentials = []config.Credential{credential}
		body(w)
		w.kill()
		w.closeWeChat()
		// A dial of the Redis library that hangs looks a second after its timeout whether it was closed.
		time.Sleep(w.config.Redis.Timeout + 2*time.Second)
		w.redis.Close()
	})
}

// start runs a daemon with the world's configuration.
func (w *world) start() {
	w.Helper()
	w.launch(w.replica)
}

// launch runs a daemon at r's place in the network.
func (w *world) launch(r *replica) {
	w.Helper()
	own := w.config
	own.Credentials = slices.Clone(own.Credentials)
	if r.configure != nil {
		r.configure(&own)
	}
	d, err := New(Options{
		Config: own, Source: r.source, Reread: r.reread, Build: metrics.Build{Version: "test"},
		Log:        slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		DialRedis:  Dial(r.toRedis.Wrap(w.dialRedis)),
		DialWeChat: Dial(r.toWeChat.Wrap(r.noting(w.listener.From(r.ip)))),
		Jitter:     r.jitter, Passing: r.passing, tamper: r.tamper,
	})
	if err != nil {
		w.Fatal(err)
	}
	if r.prepare != nil {
		r.prepare(d)
	}
	ctx, cancel := context.WithCancel(w.Context())
	r.daemon, r.stop, r.ended, r.page = d, cancel, make(chan error, 1), testnet.NewListener("10.0.0.3:80")
	go func() { r.ended <- d.Run(ctx, r.page) }()
}

// kill stops the daemon, if one runs, and waits for its end.
func (r *replica) kill() {
	if r.daemon == nil {
		return
	}
	r.stop()
	if err := <-r.ended; err != nil {
		panic(err) // Run fails only when HTTP does
	}
	r.daemon = nil
}

// crash ends the daemon as SIGKILL does: nothing it sends from now on arrives
// anywhere, and what it holds in Redis stays there.
func (r *replica) crash() {
	r.toRedis.Refuse(true)
	r.toWeChat.Refuse(true)
	r.kill()
	r.toRedis.Heal()
	r.toWeChat.Heal()
}

// read is what a reader that reads each time would use.
func (w *world) read() string {
	value, err := w.redis.Get(testKey)
	if err != nil {
		return ""
	}
	return string(layout.Decode(value))
}

// accepted asks the only oracle that counts.
func (w *world) accepted() bool { return w.wechat.Accepts(testAppID, w.read()) }

// mints is how many tokens WeChat has issued.
func (w *world) mints() int { return len(w.wechat.Issued()) }

// wait lets virtual time pass.
func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// safeBuffer takes the log of all goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestStartStop(t *testing.T) {
	inWorld(t, "stable", func(w *world) {
		w.start()
		w.wait(time.Second)
		if !w.accepted() || w.mints() != 1 {
			w.Fatalf("after a second: reader has %q, %d mints\n%s", w.read(), w.mints(), w.logs)
		}
		if reasons := w.daemon.Ready(); reasons != nil {
			w.Errorf("not ready: %v", reasons)
		}
		w.kill()
		w.start()
		w.wait(time.Minute)
		if w.mints() != 1 {
			w.Errorf("a restart minted: %d", w.mints())
		}
		if strings.Contains(w.logs.String(), testSecret) {
			w.Error("the secret is in the log")
		}
	})
}
