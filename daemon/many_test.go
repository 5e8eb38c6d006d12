package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

// inWorldOfMany is inWorld with n credentials, each of an account of its own.
func inWorldOfMany(t *testing.T, n int, api string, body func(w *world)) {
	t.Helper()
	var apps []wechatsim.App
	for i := range n {
		apps = append(apps, wechatsim.App{AppID: manyApp(i), Secret: testSecret})
	}
	inWorldWith(t, 1, api, 2*time.Hour, apps, func(w *world) {
		like := w.config.Credentials[0]
		w.config.Credentials = nil
		w.sockets = true
		for i := range n {
			like.Key, like.AppID = fmt.Sprintf("%s:%05d", testKey, i), manyApp(i)
			w.config.Credentials = append(w.config.Credentials, like)
		}
		body(w)
	})
}

// readyWithin waits until all credentials are ready, and says how long it took.
func (w *world) readyWithin(limit time.Duration) time.Duration {
	w.Helper()
	for start := time.Now(); ; w.wait(100 * time.Millisecond) {
		reasons := w.daemon.Ready()
		if took := time.Since(start); len(reasons) == 0 {
			return took
		} else if took > limit {
			w.Fatalf("%d are not ready after %v, the first: %s", len(reasons), took, reasons[0])
		}
	}
}

// counted is a WeChat client that counts the draws under way.
type counted struct {
	credential.Kind
	now, most *atomic.Int32
}

func (c counted) Draw(ctx context.Context, in credential.Inputs) (credential.Grant, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	c.most.Store(max(c.most.Load(), now))
	return c.Kind.Draw(ctx, in)
}

// TestManyAtOnce: a first start with Redis and WeChat some way off is quick, asks
// for no more at a time than it may, and finds nothing to warn of. At rest each
// credential is looked at once a poll, and a refresh of one is no matter of the others.
func TestManyAtOnce(t *testing.T) {
	withoutRace(t)
	const n = 2000
	inWorldOfMany(t, n, "stable", func(w *world) {
		w.toRedis.Delay(5 * time.Millisecond)
		w.toWeChat.Delay(50 * time.Millisecond)
		var now, most, scripts atomic.Int32
		w.startWith(func(o *keeper.Options) { o.Kind = counted{o.Kind, &now, &most} })
		took := w.readyWithin(10 * time.Second)
		w.wait(10 * time.Second)
		w.toRedis.DropRequests(1, func(request []byte) bool {
			scripts.Add(int32(bytes.Count(request, []byte("evalsha"))))
			return false
		})
		w.wait(20 * time.Second)
		looks := scripts.Load()
		if w.mints() != n || int(most.Load()) > places(keeper.ToDraw) || w.logged("level=WARN") != 0 {
			w.Errorf("%d mints, up to %d at a time, %d warnings", w.mints(), most.Load(), w.logged("level=WARN"))
		}
		if looks < 10*n || looks > 12*n {
			w.Errorf("%d looks in ten polls", looks)
		}
		figure(t, "many credentials",
			"%d with Redis 5 ms and WeChat 50 ms away: all ready after %v, up to %d calls at a time, %d looks in 20 s",
			n, took, most.Load(), looks)
	})
}

// TestHangStarvesNobody: whom WeChat leaves waiting does not keep the others
// waiting, neither at first nor when it is tried again.
func TestHangStarvesNobody(t *testing.T) {
	withoutRace(t)
	inWorldOfMany(t, 300, "stable", func(w *world) {
		const hung = 100
		for i := range hung {
			w.inject(wechatsim.Fault{Kind: wechatsim.FaultHang, AppID: manyApp(i)})
		}
		w.start()
		w.wait(5 * time.Second)
		states := map[keeper.State]int{}
		for _, c := range w.daemon.shown() {
			states[c.State]++
		}
		if states[keeper.Fresh] != 300-hung || states[keeper.Missing] != hung {
			w.Errorf("after five seconds: %v", states)
		}
		w.wait(time.Minute)
		well := w.daemon.registry.all()[hung].key()
		w.redis.Del("{" + well + "}:state")
		w.redis.Del(well)
		w.wait(3 * time.Second)
		if w.redis.Exists(well) != true || w.daemon.Live() != nil {
			w.Errorf("a key that was lost beside those that hang is back: %v; alive: %v", w.redis.Exists(well), w.daemon.Live())
		}
		w.wechat.ClearFaults()
		w.readyWithin(time.Minute)
	})
}

// TestManyAreRestored: the chain of failures that a restore needs does not
// break because there are many, and takes as long as for one.
func TestManyAreRestored(t *testing.T) {
	withoutRace(t)
	for name, away := range map[string]func(f *testnet.Faults, on bool){"refuses": (*testnet.Faults).Refuse,
		"hangs": (*testnet.Faults).Hang} {
		t.Run(name, func(t *testing.T) {
			inWorldOfMany(t, 5*batch, "classic", func(w *world) {
				w.start()
				w.readyWithin(10 * time.Second)
				w.wait(10 * time.Second)
				away(w.toRedis, true)
				w.wait(time.Minute)
				w.redis.FlushAll()
				away(w.toRedis, false)
				w.wait(recovery + 2*time.Second)
				if reasons := w.daemon.Ready(); w.mints() != 5*batch || len(reasons) != 0 {
					w.Errorf("%d mints of %d; %d are not ready", w.mints(), 5*batch, len(reasons))
				}
				if slices.ContainsFunc(w.daemon.registry.all(), func(e *entry) bool { return e.Status().Fingerprint == "" }) {
					w.Error("a token is missing")
				}
				w.rest()
			})
		})
	}
}

func manyApp(i int) string { return fmt.Sprintf("wx%016x", i) }

// dialRedis connects to miniredis. A whole batch goes only through sockets that
// take some bytes before anybody reads them, as those of a kernel do.
func (w *world) dialRedis(ctx context.Context, network, addr string) (net.Conn, error) {
	inner, err := w.redis.Dial()
	if err != nil || !w.sockets {
		return inner, err
	}
	wire := testnet.NewListener("10.0.0.2:6379")
	client, err := wire.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	server, err := wire.Accept()
	if err != nil {
		return nil, err
	}
	pump := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = to.Close(), from.Close()
	}
	go pump(inner, server)
	go pump(server, inner)
	return client, nil
}
