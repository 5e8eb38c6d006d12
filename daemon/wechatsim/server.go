package wechatsim

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"wxtokend/daemon/secret"
)

// Server is a simulated WeChat. It implements http.Handler, starts no
// goroutines of its own and reads the clock with time.Now alone, so that it
// lives in a synctest bubble as well as behind a real port.
type Server struct {
	periods        Periods
	tokenLength    int
	keepSuperseded bool
	strictJSON     bool
	corpRemaining  bool
	admin          http.Handler

	// mu guards everything below; nobody holds it while reading or writing
	// a connection.
	mu   sync.Mutex
	apps map[string]*app
	// grants are by token those that may still be accepted, and a few more.
	grants map[string]*grant
	log    issueLog
	// entropy is what tokens and rids are made of.
	entropy io.Reader
	// dice choose the calls that a fault hits. They are apart from entropy so that a seed repeats them.
	dice    *rand.Rand
	faults  []*Fault
	faultID int
	// messages counts the template messages that were sent.
	messages int64
}

// app is an account and everything that WeChat remembers about it.
type app struct {
	id              string
	secret          secret.Secret
	kind            Kind
	whitelist       []netip.Prefix
	whitelistTokens bool

	state State
	// nextState comes into force at changeAt.
	nextState State
	// changeAt is zero if no change is coming.
	changeAt time.Time

	channels   map[Channel]*channel
	meters     map[string]*meter
	lastForced time.Time
	forced     perPeriod
	clears     perPeriod
	calls      map[string]int

	// Of a corp: its agents, and how often gettoken met a wrong secret.
	agents []*app
	wrong  perPeriod
	// corp is that of an agent.
	corp *app
}

// New makes a simulator, or returns a *FieldError that names the bad option.
func New(o Options) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("simulator options: %w", err)
	}
	s := &Server{
		periods: o.Periods, tokenLength: o.TokenLength,
		keepSuperseded: o.KeepSuperseded, strictJSON: o.StrictJSON, corpRemaining: o.CorpRemaining,
		apps: map[string]*app{}, grants: map[string]*grant{},
		entropy: crand.Reader, dice: rand.New(rand.NewPCG(rand.Uint64(), 0)),
	}
	if o.Seed != 0 {
		var key [32]byte
		binary.LittleEndian.PutUint64(key[:], o.Seed)
		s.entropy, s.dice = rand.NewChaCha8(key), rand.New(rand.NewPCG(o.Seed, 0))
	}
	var all []*app
	for _, a := range o.Apps {
		all = append(all, newApp(a))
	}
	for _, c := range o.Corps {
		all = append(all, c.apps()...)
	}
	for _, a := range all {
		if s.apps[a.id] != nil {
			return nil, fmt.Errorf("simulator options: %w",
				&FieldError{"appid", fmt.Sprintf("%q is given twice", a.id), "give each app, corp and agent once"})
		}
		s.apps[a.id] = a
	}
	s.admin = s.adminHandler()
	return s, nil
}

func newApp(a App) *app {
	if a.Kind == "" {
		a.Kind = Normal
	}
	if a.State == "" {
		a.State = OK
	}
	return &app{
		id: a.AppID, secret: a.Secret, kind: a.Kind, state: a.State,
		whitelist: a.Whitelist, whitelistTokens: a.WhitelistTokens,
		channels: map[Channel]*channel{
			Classic: {name: Classic}, Stable: {name: Stable},
			JSAPITicket: {name: JSAPITicket}, WXCardTicket: {name: WXCardTicket},
		},
		meters: meters(a.Kind), calls: map[string]int{},
	}
}

// settle brings a change of state into force whose time has come.
func (a *app) settle(now time.Time) {
	if !a.changeAt.IsZero() && !now.Before(a.changeAt) {
		a.state, a.changeAt = a.nextState, time.Time{}
	}
}

// admits says whether the whitelist lets a caller in.
func (a *app) admits(caller netip.Addr) bool {
	for _, p := range a.whitelist {
		if p.Contains(caller) {
			return true
		}
	}
	return len(a.whitelist) == 0
}

// ServeHTTP answers WeChat's endpoints, and the simulator's own under /sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/sim/") {
		s.admin.ServeHTTP(w, r)
		return
	}
	c, err := readCall(r)
	if err != nil {
		// The client left in the middle of its request.
		panic(http.ErrAbortHandler)
	}
	f := s.arrive(c)
	if f.replacesAnswer() {
		s.misbehave(w, r, f)
		return
	}
	s.send(w, r, s.process(c, f), f)
}

// Serve answers on ln until ctx ends, and returns nil when every connection
// and handler has ended. Faults that last for ever end with ctx too.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	var conns, handlers sync.WaitGroup
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handlers.Add(1)
			defer handlers.Done()
			s.ServeHTTP(w, r)
		}),
		BaseContext: func(net.Listener) context.Context { return ctx },
		// A test may hold a request for long.
		ReadHeaderTimeout: 2 * time.Minute,
		ReadTimeout:       2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    bodyLimit,
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				conns.Done()
			}
		},
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		// What does not end by itself is cut off below.
		_ = srv.Shutdown(grace)
		cancel()
		<-served
	}
	// Closing twice is harmless, and all that it can report.
	_ = srv.Close()
	conns.Wait()
	// A handler outlives its connection after a hijack.
	handlers.Wait()
	if err != nil {
		return fmt.Errorf("serve simulator: %w", err)
	}
	return nil
}
