package e2e

import (
	"fmt"
	"testing"
	"time"
)

// world is what most tests need: a Redis, a WeChat, one account and a reader.
// Daemons are started by the tests.
type world struct {
	*testing.T
	account
	*reader
	redis    *server
	sim      *simulator
	settings settings
}

// inParallel is a world of its own for a test that runs beside the others.
// Tokens live two hours, as at WeChat.
func inParallel(t *testing.T, api string, s settings) *world {
	t.Helper()
	return withLife(t, newAccount(api), s, 2*time.Hour, 5*time.Minute)
}

// withLife is inParallel where tokens live as long as life.
func withLife(t *testing.T, a account, s settings, life, overlap time.Duration) *world {
	t.Helper()
	beside(t)
	w := &world{T: t, account: a, redis: startRedis(t), sim: startWeChat(t, life, overlap, a), settings: s}
	w.settings.redis = w.redis.section(t)
	w.reader = watch(t, w.redis, w.sim, a, 20*time.Millisecond)
	return w
}

// places bounds how many worlds there are at a time: a hundred that start
// together would measure the machine.
var places = make(chan struct{}, 12)

// beside runs a test beside the others when there is a place for it.
func beside(t *testing.T) {
	t.Helper()
	t.Parallel()
	places <- struct{}{}
	t.Cleanup(func() { <-places })
}

// section is how a daemon reaches this server.
func (s *server) section(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("  url: redis://%s/0\n  password_file: %s\n", s.addr, passwordFile(t))
}

func (w *world) config() string { return w.settings.yaml(w.sim.url, w.account) }

// start runs a daemon in this world.
func (w *world) start(env ...string) *daemon {
	w.Helper()
	return run(w.T, w.config(), env...)
}

// warm runs a daemon and returns when readers have a token.
func (w *world) warm() *daemon {
	w.Helper()
	d := w.start()
	w.good(startup)
	w.forget()
	return d
}

func (w *world) calls() int       { return w.sim.calls(w.appid) }
func (w *world) issued() []string { return w.sim.issued(w.appid) }

// mints fails the test unless WeChat was called this often, and issued this
// many tokens.
func (w *world) mints(calls, issued int) {
	w.Helper()
	if got := w.calls(); got != calls {
		w.Errorf("%d calls to WeChat, want %d", got, calls)
	}
	if got := len(w.issued()); got != issued {
		w.Errorf("%d tokens were issued, want %d", got, issued)
	}
}

// failpoint kills a daemon at a step, or pauses it there.
func failpoint(step string) string { return "WXTOKEND_FAILPOINT=" + step }

const (
	// startup is what a process and its first mint may take on a machine that
	// does much else.
	startup = 30 * time.Second
	// promise is the bound of the daemon's package doc with the default
	// settings: lease, poll and one call, with room.
	promise = 50 * time.Second
	// onePoll is what the default poll of 2 s takes, with the reconnection of
	// the Redis client and room for a busy machine.
	onePoll = 5 * time.Second
)

// eventually polls what happens in other processes, ever more slowly: many do
// so at the same time.
func eventually(t testing.TB, within time.Duration, what string, check func() error) {
	t.Helper()
	pause := 5 * time.Millisecond
	for deadline := time.Now().Add(within); ; time.Sleep(pause) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s: %v", within, what, err)
		}
		pause = min(pause*5/4, 100*time.Millisecond)
	}
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// stateKey is where the daemon's bookkeeping lies.
func (w *world) stateKey() string { return "{" + w.key + "}:state" }

// once has WeChat misbehave at the next call for a token.
func (w *world) once(fault string) {
	w.Helper()
	path := map[string]string{"stable": "/cgi-bin/stable_token", "classic": "/cgi-bin/token"}[w.api]
	w.sim.fault(w.account, fmt.Sprintf(`%s,"path":%q,"times":1`, fault, path))
}
