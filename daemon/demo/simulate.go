package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/web"
	"wxtokend/daemon/wechatsim"
)

// Simulate is `wxtokend simulate`.
type Simulate struct {
	Listen  string        `help:"address to listen on" default:"127.0.0.1:9478" placeholder:"HOST:PORT"`
	App     []string      `arg:"separate" help:"an account; may be given several times; default: the one of the demo, without --corp" placeholder:"APPID:SECRET"`
	Corp    []string      `arg:"separate" help:"an agent of WeCom with its secret; may be given several times" placeholder:"CORPID:AGENTID:SECRET"`
	Life    time.Duration `help:"how long a token lives" default:"2h"`
	Overlap time.Duration `help:"how long a superseded token is accepted, and how early the stable endpoint renews; default: life/24, as at WeChat"`
	Seed    uint64        `help:"draw the same tokens and faults each time; 0: random" default:"0"`
}

// Validate says what is wrong with the flags: a mistake in them is one of usage.
func (s Simulate) Validate() error {
	if err := config.CheckListen(s.Listen); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	_, err := s.simulator()
	return err
}

// simulator is the one that the flags describe.
func (s Simulate) simulator() (*wechatsim.Server, error) {
	o := wechatsim.Options{Seed: s.Seed, Periods: wechatsim.DefaultPeriods()}
	if s.Life <= 0 || s.Overlap < 0 {
		return nil, errors.New("--life and --overlap must be positive durations, such as 90s")
	}
	if s.Life != o.Periods.Life {
		o.Periods = o.Periods.Scaled(s.Life.Seconds() / o.Periods.Life.Seconds())
		// Quotas and minutes stay those of the calendar.
		o.Periods.Day, o.Periods.Minute = 24*time.Hour, time.Minute
	}
	if s.Overlap > 0 {
		o.Periods.Overlap, o.Periods.RenewWindow = s.Overlap, s.Overlap
	}
	if len(s.App)+len(s.Corp) == 0 {
		o.Apps = []wechatsim.App{{AppID: appID, Secret: appSecret}}
	}
	for _, text := range s.App {
		id, appSecret, ok := strings.Cut(text, ":")
		if !ok || id == "" || appSecret == "" {
			return nil, errors.New("--app must be APPID:SECRET")
		}
		o.Apps = append(o.Apps, wechatsim.App{AppID: id, Secret: secret.Secret(appSecret)})
	}
	corps, err := corpsOf(s.Corp)
	if err != nil {
		return nil, err
	}
	o.Corps = corps
	return wechatsim.New(o)
}

// corpsOf collects agents by the corp that they belong to.
func corpsOf(agents []string) (corps []wechatsim.Corp, err error) {
	for _, text := range agents {
		parts := strings.SplitN(text, ":", 3)
		if len(parts) != 3 {
			return nil, errors.New("--corp must be CORPID:AGENTID:SECRET")
		}
		at := slices.IndexFunc(corps, func(c wechatsim.Corp) bool { return c.CorpID == parts[0] })
		if at < 0 {
			at, corps = len(corps), append(corps, wechatsim.Corp{CorpID: parts[0]})
		}
		corps[at].Agents = append(corps[at].Agents, wechatsim.Agent{AgentID: parts[1], Secret: secret.Secret(parts[2])})
	}
	return corps, nil
}

// Run serves the simulator until ctx ends.
func (s Simulate) Run(ctx context.Context, out io.Writer) error {
	sim, err := s.simulator()
	if err != nil {
		return err
	}
	ln, err := web.Listen(ctx, s.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	_, _ = fmt.Fprintf(out,
		"simulated WeChat on http://%s: use it as wechat.base_url; what it does is under /sim/\n", ln.Addr())
	return sim.Serve(ctx, ln)
}
