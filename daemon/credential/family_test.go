package credential_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

const (
	corpID = "ww0123456789abcdef"
	agent  = corpID + "/1000002"
)

// family is the kinds of one house at a simulated WeChat and WeCom.
type family struct {
	*testing.T
	sim   *wechatsim.Server
	kinds map[string]credential.Kind
}

// house runs body in a bubble of virtual time.
func house(t *testing.T, change func(*wechatsim.Options), body func(f family)) {
	synctest.Test(t, func(t *testing.T) {
		o := wechatsim.Options{
			Apps:  []wechatsim.App{{AppID: appID, Secret: appSecret}},
			Corps: []wechatsim.Corp{{CorpID: corpID, Agents: []wechatsim.Agent{{AgentID: "1000002", Secret: appSecret}}}},
		}
		if change != nil {
			change(&o)
		}
		sim, err := wechatsim.New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ln, served := testnet.NewListener("10.0.0.1:80"), make(chan error, 1)
		go func() { served <- sim.Serve(ctx, ln) }()
		defer func() { stop(); <-served }()
		platform, err := credential.NewPlatform(credential.Options{
			BaseURL: "http://10.0.0.1", WeComURL: "http://10.0.0.1/", DialContext: ln.Dial,
		})
		if err != nil {
			t.Fatal(err)
		}
		f := family{t, sim, map[string]credential.Kind{}}
		for _, form := range credential.Kinds() {
			if f.kinds[form.Kind], err = platform.Kind(form.Kind, form.APIs[0]); err != nil {
				t.Fatal(err)
			}
		}
		body(f)
	})
}

func (f family) within() context.Context {
	ctx, cancel := context.WithTimeout(f.Context(), 5*time.Second)
	f.Cleanup(cancel)
	return ctx
}

func (f family) traits(kind string) credential.Traits {
	for _, form := range credential.Kinds() {
		if form.Kind == kind {
			traits, _ := credential.TraitsOf(kind, form.APIs[0])
			return traits
		}
	}
	return credential.Traits{}
}

// place is where the simulator keeps a kind's tokens, and counts its draws.
type place struct{ id, counted, path string }

func placeOf(kind string) place {
	return map[string]place{
		credential.OfficialAccount:  {appID, appID, wechatsim.PathStableToken},
		credential.JSAPITicket:      {appID, appID, wechatsim.PathTicket},
		credential.WXCardTicket:     {appID, appID, wechatsim.PathTicket},
		credential.WeCom:            {agent, corpID, wechatsim.PathCorpToken},
		credential.WeComJSAPITicket: {corpID, corpID, wechatsim.PathCorpTicket},
		credential.WeComAgentTicket: {agent, agent, wechatsim.PathAgentTicket},
	}[kind]
}

// try draws with a token of the parent that is drawn before.
func (f family) try(kind string) (credential.Grant, error) {
	f.Helper()
	in := credential.Inputs{Account: appID, Secret: appSecret}
	if strings.HasPrefix(kind, "wecom") {
		in.Account = agent
	}
	if parent := f.traits(kind).Parent; parent != "" {
		in = credential.Inputs{Parent: f.draw(parent).Token}
	}
	return f.kinds[kind].Draw(f.within(), in)
}

func (f family) draw(kind string) credential.Grant {
	f.Helper()
	grant, err := f.try(kind)
	if err != nil {
		f.Fatal(err)
	}
	return grant
}

func failed(t *testing.T, err error) *credential.Error {
	t.Helper()
	var e *credential.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v is no *credential.Error", err, err)
	}
	return e
}

// others are the kinds beside the official account, which has its own tests.
func others() (names []string) {
	for _, form := range credential.Kinds()[1:] {
		names = append(names, form.Kind)
	}
	return names
}

func eachOther(t *testing.T, body func(f family, kind string)) {
	for _, kind := range others() {
		t.Run(kind, func(t *testing.T) { house(t, nil, func(f family) { body(f, kind) }) })
	}
}

// The same token until the whole life is over, which every answer names.
func TestWhole(t *testing.T) {
	eachOther(t, func(f family, kind string) {
		traits := f.traits(kind)
		first := f.draw(kind)
		time.Sleep(life - time.Second)
		again := f.draw(kind)
		if traits.Replaces || again.Token != first.Token || (again.ExpiresIn == life) != traits.Whole {
			f.Errorf("%s: %v, then %v for %v", kind, first.Token, again.Token, again.ExpiresIn)
		}
		time.Sleep(time.Second)
		next := f.draw(kind)
		if traits.RenewWindow != 0 || next.Token == first.Token {
			f.Errorf("%s: nothing new after a life", kind)
		}
		// What was shown last lives on for the overlap, whatever was drawn since.
		time.Sleep(traits.Overlap - time.Second - time.Millisecond)
		if !f.sim.Accepts(placeOf(kind).id, first.Token.Reveal()) {
			f.Errorf("%s: dead within %v of an answer that gave it", kind, traits.Overlap)
		}
	})
}

// A token that was first seen when it was almost a life old is asked for again
// before it dies, if it cannot be asked about.
func TestAheadOfWhatWasSeenLate(t *testing.T) {
	eachOther(t, func(f family, kind string) {
		f.draw(kind)
		time.Sleep(life - time.Second)
		seen := f.draw(kind)
		time.Sleep(life - f.traits(kind).Ahead)
		if !f.traits(kind).Verifiable && !f.sim.Accepts(placeOf(kind).id, seen.Token.Reveal()) {
			f.Errorf("%s: dead when it becomes due", kind)
		}
	})
}

func TestParent(t *testing.T) {
	eachOther(t, func(f family, kind string) {
		parent := f.traits(kind).Parent
		if parent == "" {
			return
		}
		_, err := f.kinds[kind].Draw(f.within(), credential.Inputs{Account: appID, Secret: appSecret})
		if e := failed(f.T, err); e.Class != credential.ClassTransient || e.Left() || e.Refused() {
			f.Errorf("%s: without a parent's token: %#v", kind, e)
		}
		token := f.draw(parent).Token
		channel := map[string]wechatsim.Channel{
			credential.OfficialAccount: wechatsim.Stable, credential.WeCom: wechatsim.WeCom,
		}[parent]
		if err := f.sim.Revoke(placeOf(parent).id, channel); err != nil {
			f.Fatal(err)
		}
		_, err = f.kinds[kind].Draw(f.within(), credential.Inputs{Parent: token})
		if e := failed(f.T, err); e.Class != credential.ClassTransient || !e.Refused() || !e.Left() {
			f.Errorf("%s: with a dead one: %#v", kind, e)
		}
		f.draw(kind)
	})
}

func TestVerifiable(t *testing.T) {
	eachOther(t, func(f family, kind string) {
		token := f.draw(kind).Token
		err := f.kinds[kind].Verify(f.within(), token)
		if f.traits(kind).Verifiable {
			if err != nil {
				f.Errorf("%s: %v", kind, err)
			}
			err = f.kinds[kind].Verify(f.within(), token+"0")
			if !failed(f.T, err).Refused() {
				f.Errorf("%s: a token with a character more: %v", kind, err)
			}
			return
		}
		if e := failed(f.T, err); e.Left() || e.Refused() {
			f.Errorf("%s: %#v", kind, e)
		}
	})
}

func TestMetered(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		each(t, func(a account) {
			token := a.draw(false)
			q, err := a.kind.Quota(within(a), token)
			if err != nil || !a.Metered || q.Used != 1 || q.Remain != q.Limit-1 || q.Limit < 2*a.DailyLimit {
				a.Errorf("%s: %+v, %v", api, q, err)
			}
			_, err = a.kind.Quota(within(a), token+"0")
			if !failed(a.T, err).Refused() {
				a.Errorf("%s: a dead token: %v", api, err)
			}
		})
	}
	house(t, nil, func(f family) {
		for _, kind := range others() {
			_, err := f.kinds[kind].Quota(f.within(), f.draw(kind).Token)
			if e := failed(f.T, err); e.Left() || e.Refused() || f.traits(kind).Metered {
				f.Errorf("%s: %#v", kind, e)
			}
		}
	})
}

// The day's draws of the configuration fit into what the platform gives.
func TestDailyLimitsOfTheOthers(t *testing.T) {
	house(t, nil, func(f family) {
		for _, kind := range others() {
			q, err := f.sim.Quota(placeOf(kind).counted, placeOf(kind).path)
			if limit := f.traits(kind).DailyLimit; err != nil || limit <= 0 || limit > q.Limit/2 {
				f.Errorf("%s: %d of %+v, %v", kind, limit, q, err)
			}
		}
	})
}

// The answer to a draw is lost: the next one gives the same, so nothing was spent.
func TestLostReplies(t *testing.T) {
	eachOther(t, func(f family, kind string) {
		first := f.draw(kind).Token
		for _, fault := range []wechatsim.FaultKind{
			wechatsim.FaultReplyLost, wechatsim.FaultNoToken, wechatsim.FaultTruncated, wechatsim.FaultHTML,
		} {
			if _, err := f.sim.Inject(wechatsim.Fault{Kind: fault, Path: placeOf(kind).path, Times: 1}); err != nil {
				f.Fatal(err)
			}
			_, err := f.try(kind)
			e := failed(f.T, err)
			if e.Issued != credential.MaybeIssued || e.Refused() ||
				e.Class != credential.ClassTransport && e.Class != credential.ClassGarbage {
				f.Errorf("%s: %s: %#v", kind, fault, e)
			}
		}
		if again := f.draw(kind).Token; again != first {
			f.Errorf("%s: %v, then %v", kind, first, again)
		}
	})
}
