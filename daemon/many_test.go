package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

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
