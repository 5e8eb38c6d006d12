// Package demo shows wxtokend at work on a bare machine: an embedded Redis, a
// simulated WeChat whose tokens live a minute, and the daemon between them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"wxtokend/daemon"
	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/web"
	"wxtokend/daemon/wechatsim"
	"wxtokend/metrics"
)

// The account that exists in the demo alone.
const (
	appID     = "wx0123456789abcdef"
	appSecret = "0123456789abcdef0123456789abcdef"
)

// life is that of a token in the demo. The last quarter of it plays the part
// of WeChat's last five minutes.
const life = time.Minute

// Command is `wxtokend demo`.
type Command struct {
	Redis    string `help:"address of the embedded Redis" default:"127.0.0.1:6379" placeholder:"HOST:PORT"`
	HTTP     string `help:"address of the daemon's page" default:"127.0.0.1:9477" placeholder:"HOST:PORT"`
	Simulate string `help:"address of the simulated WeChat" default:"127.0.0.1:9478" placeholder:"HOST:PORT"`
	API      string `help:"WeChat's endpoint: stable or classic" default:"stable"`
}

// Validate says what is wrong with the flags: a mistake in them is one of usage.
func (c Command) Validate() error {
	if _, known := credential.TraitsOf(credential.OfficialAccount, c.API); !known {
		return errors.New("--api: must be stable or classic")
	}
	for name, addr := range map[string]string{"redis": c.Redis, "http": c.HTTP, "simulate": c.Simulate} {
		if err := config.CheckListen(addr); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	return nil
}

// Run runs the demo until ctx ends.
func (c Command) Run(ctx context.Context, out io.Writer, build metrics.Build, log *slog.Logger) error {
	sim, err := wechatsim.New(wechatsim.Options{
		Apps:    []wechatsim.App{{AppID: appID, Secret: appSecret}},
		Periods: periods(),
	})
	if err != nil {
		return err
	}
	var ports []net.Listener
	for _, addr := range []string{c.Redis, c.HTTP, c.Simulate} {
		ln, err := listen(ctx, out, addr)
		if err != nil {
			return err
		}
		defer ln.Close()
		ports = append(ports, ln)
	}
	redis, page, weChat := ports[0].Addr().String(), ports[1], ports[2]
	// miniredis opens its port itself, so this one was looked for and is let go.
	_ = ports[0].Close()
	d, err := daemon.New(daemon.Options{Config: c.config(redis, weChat.Addr().String()), Build: build, Log: log})
	if err != nil {
		return err
	}
	explain(out, redis, page.Addr().String(), weChat.Addr().String())

	simulating, stop := context.WithCancel(context.WithoutCancel(ctx))
	simulated := make(chan error, 1)
	go func() { simulated <- sim.Serve(simulating, weChat) }()
	err = d.Run(ctx, page)
	// Only now: a mint in flight may still commit.
	stop()
	return errors.Join(err, <-simulated)
}

func periods() wechatsim.Periods {
	p := wechatsim.DefaultPeriods()
	p.Life, p.Overlap, p.RenewWindow = life, life/4, life/4
	p.Fractions = true
	return p
}

func (c Command) config(redis, weChat string) config.Config {
	f := config.Default()
	f.Redis.URL = secret.URL("embedded://" + redis)
	f.WeChat.BaseURL = "http://" + weChat
	f.WeChat.Timeout = 2 * time.Second
	f.Refresh.Poll, f.Refresh.Lease = time.Second, 6*time.Second
	f.Refresh.BackoffMin, f.Refresh.BackoffMax = 100*time.Millisecond, 5*time.Second
	credential := config.DefaultCredential(c.API, f.Refresh)
	credential.AppID, credential.Secret, credential.Ahead = appID, appSecret, life/5
	f.Credentials = []config.Credential{credential}
	return f
}

// listen opens a port; when it is in use it takes a free one and says so.
func listen(ctx context.Context, out io.Writer, addr string) (net.Listener, error) {
	ln, err := web.Listen(ctx, addr)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ln, err
	}
	// Validate has seen the address.
	host, _, _ := net.SplitHostPort(addr)
	if ln, err = web.Listen(ctx, net.JoinHostPort(host, "0")); err == nil {
		_, _ = fmt.Fprintf(out, "%s is taken, using %s instead.\n", addr, ln.Addr())
	}
	return ln, err
}

func explain(out io.Writer, redis, page, weChat string) {
	_, port, _ := net.SplitHostPort(redis)
	_, _ = fmt.Fprintf(out, `
wxtokend demo: a token that lives one minute, always fresh in Redis.

  the page        http://%[1]s/
  read the token  redis-cli -p %[2]s get WXAccessToken
  delete it       redis-cli -p %[2]s del WXAccessToken
                  then read it again: within a second the same token is back,
                  without a call to WeChat
  overwrite it    redis-cli -p %[2]s set WXAccessToken garbage
  what WeChat saw curl http://%[3]s/sim/issued
  fail WeChat     curl -d '{"kind":"errcode","code":40164,"times":3}' http://%[3]s/sim/faults
                  then watch the page: the stored token stays as long as it lives
  stop            Ctrl-C

`, page, port, weChat)
}
