package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// Tokens of these tests live so long that a refresh with the default settings
// becomes due (at half of a life, at the earliest) and can be crashed and
// healed; what is left of the old token then is longer than the promise.
const (
	crashLife    = 104 * time.Second
	crashAhead   = 52 * time.Second
	crashOverlap = 56 * time.Second
)

// crash is a way in which something ends too early, and what that costs.
type crash struct {
	name string
	step string // where the process kills itself, "" if it does not
	// fault is what WeChat does to the call that the refresh makes.
	fault string
	// provoke brings a daemon that has a token to its step, where that takes
	// more than waiting.
	provoke func(w *world)
	// calls are all that it costs at WeChat, the due refresh and its repair
	// together, and issues the tokens that classic answers with. Exact, as "at
	// most one more" would hide mistakes where nothing has to be repaired.
	calls, issues int
	lost          bool // a token was issued that nobody stored
}

// replyLost is the one case in which nobody dies.
const replyLost = "reply lost"

// refreshes are crashes in a refresh. A step before the request or after the
// commit adds nothing to the one call that a refresh costs.
var refreshes = []crash{
	{name: "observing", step: "observing", calls: 1, issues: 1},
	{name: "beginning", step: "beginning", calls: 1, issues: 1},
	{name: "drawing", step: "drawing", calls: 1, issues: 1},
	{name: "in flight", fault: `"kind":"delay","delay":"4s"`, calls: 2, issues: 2, lost: true}, // and killed from outside
	{name: replyLost, fault: `"kind":"reply_lost"`, calls: 2, issues: 2, lost: true},
	{name: "committing", step: "committing", calls: 2, issues: 2, lost: true},
	{name: "committed", step: "committed", calls: 1, issues: 1},
	{name: "aborting", step: "aborting", fault: `"kind":"errcode","code":-1`, calls: 2, issues: 1},
}

// repairs are crashes while something other than a refresh is done, to a token
// that is not due. Nothing of that calls WeChat for a token, unless the memory
// of the process was the last place that knew it.
var repairs = []crash{
	{name: "re-asserting", step: "re-asserting", provoke: deleteKey},
	{name: "restoring", step: "restoring", provoke: forgetAll, calls: 1, issues: 1, lost: true},
	{name: "verifying", step: "verifying", provoke: deleteKey}, // what was put back is verified
	{name: "judging", step: "judging", provoke: func(w *world) {
		w.sim.fault(w.account, `"kind":"errcode","code":40001,"path":"/cgi-bin/get_api_domain_ip","times":1`)
		deleteKey(w)
	}},
}

func deleteKey(w *world) { w.redis.do("del", w.key) }
func forgetAll(w *world) { w.redis.do("del", w.key, w.stateKey()) }

func TestKill(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*world){}
	var accounts []account
	byName := map[string]account{}
	add := func(name, api string, test func(*world)) {
		a := newAccount(api)
		// One Redis and one WeChat are enough for all, and forty of each are not.
		a.appid, a.key, a.ahead = fmt.Sprintf("wx%016x", len(accounts)), fmt.Sprintf("%s%d", testKey, len(accounts)),
			crashAhead
		accounts, byName[name], tests[name] = append(accounts, a), a, test
	}
	for _, api := range []string{"stable", "classic"} {
		for _, c := range refreshes {
			add(api+"/cold/"+c.name, api, c.cold)
			add(api+"/warm/"+c.name, api, c.warm)
		}
		for _, c := range repairs {
			add(api+"/warm/"+c.name, api, c.repair)
		}
	}
	shared := startRedis(t)
	sim := startWeChat(t, crashLife, crashOverlap, accounts...)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{T: t, account: byName[name], redis: shared, sim: sim, settings: settings{redis: shared.section(t)}}
			w.reader = watch(t, shared, sim, w.account, 50*time.Millisecond)
			test(w)
		})
	}
}

// cold is a crash in the very first refresh.
func (c crash) cold(w *world) {
	if c.name == replyLost && w.api == "classic" {
		// Without a token to serve nobody waits until WeChat must be done with the
		// first request, so there is a second, and a third settles which came last.
		// To ask the stable endpoint again is harmless, so the second settles it there.
		c.calls, c.issues = 3, 3
	}
	took := c.refresh(w, "")
	w.never(refused)
	w.Logf("an accepted token is stored after %s; %d calls", ms(took), w.calls())
}

// warm is a crash in the refresh of a token that readers use.
func (c crash) warm(w *world) {
	first := w.warm()
	// The process that dies is a new one, and comes in time for the refresh.
	eventually(w.T, crashLife, "the token is nearly due", func() error {
		if left := w.redis.PTTL(w.Context(), w.key).Val(); left > crashAhead+4*time.Second {
			return fmt.Errorf("it has %s left", left)
		}
		return nil
	})
	first.kill()
	w.mints(1, 1)
	took := c.refresh(w, w.token())
	w.never(missing)
	dead := w.worst(refused)
	if c.lost && w.api == "classic" {
		// WeChat keeps only the newest two: the lost token was the second, so the
		// mint that repairs it kills the stored one, until that is committed.
		if dead > time.Second {
			w.Errorf("readers were refused for %s, longer than a reply and a commit take", dead)
		}
	} else {
		w.never(refused)
	}
	w.Logf("a new token is stored after %s, until then readers have the old one (refused for %s); %d calls", ms(took),
		ms(dead), w.calls())
}

// refresh launches the daemon that dies in a refresh, another one right after,
// and returns how long it takes from then until readers have an accepted token
// that is not old.
func (c crash) refresh(w *world, old string) time.Duration {
	calls, issued := w.calls(), len(w.issued())
	if c.fault != "" {
		w.once(c.fault)
	}
	d := launch(w.T, w.config(), c.failpoints()...)
	if c.step == "" {
		eventually(w.T, startup+crashLife, "WeChat is called", func() error {
			if w.calls() == calls {
				return fmt.Errorf("not yet")
			}
			return nil
		})
	}
	switch {
	case c.step != "":
		c.died(w, d)
		d = w.start()
	case c.name == replyLost:
		d.listens()
	default:
		d.kill()
		d = w.start()
	}
	took := w.fresh(old, promise)
	c.costs(w, d, calls, issued, 1)
	return took
}

// repair is a crash while a token that is not due is put back or looked at.
func (c crash) repair(w *world) {
	d := run(w.T, w.config(), c.failpoints()...)
	w.good(startup)
	calls, issued := w.calls(), len(w.issued())
	c.provoke(w)
	c.died(w, d)
	next := w.start()
	took := w.good(promise)
	c.costs(w, next, calls, issued, 0)
	w.never(refused)
	w.Logf("an accepted token is stored after %s; %d calls more", ms(took), w.calls()-calls)
}

func (c crash) failpoints() []string {
	if c.step == "" {
		return nil
	}
	return []string{failpoint(c.step)}
}

func (c crash) died(w *world, d *daemon) {
	w.Helper()
	if status := d.wait(w.T, startup+crashLife); status.Signal() != syscall.SIGKILL {
		w.Fatalf("the daemon was to die at %q and ended with %v", c.step, status)
	}
}

// costs checks the bill when nothing more is left to do. due says how many
// refreshes the stable endpoint has reason to issue a new token for.
func (c crash) costs(w *world, d *daemon, calls, issued, due int) {
	w.Helper()
	eventually(w.T, promise, "nothing is left outstanding", func() error {
		if state := w.redis.HMGet(w.Context(), w.stateKey(), "generation", "settled").Val(); state[0] != state[1] {
			return fmt.Errorf("generation %v, settled %v", state[0], state[1])
		}
		return nil
	})
	d.settled()
	issues := c.issues
	if w.api == "stable" {
		issues = due
	}
	w.mints(calls+c.calls, issued+issues)
}
