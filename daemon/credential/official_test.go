package credential_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

const (
	appID     = "wx0123456789abcdef"
	appSecret = "5ec2e7c4a4a2900d5ec2e7c4a4a2900d"
	life      = 2 * time.Hour
)

// account is an official account at a simulated WeChat, with what we believe of it.
type account struct {
	*testing.T
	credential.Traits
	kind credential.Kind
	sim  *wechatsim.Server
}

// each runs body once for each API, in a bubble of virtual time.
func each(t *testing.T, body func(a account)) {
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim, err := wechatsim.New(wechatsim.Options{Apps: []wechatsim.App{{AppID: appID, Secret: appSecret}}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				ln, served := testnet.NewListener("10.0.0.1:80"), make(chan error, 1)
				go func() { served <- sim.Serve(ctx, ln) }()
				defer func() { stop(); <-served }()
				platform, err := credential.NewPlatform(credential.Options{BaseURL: "http://10.0.0.1", DialContext: ln.Dial})
				if err != nil {
					t.Fatal(err)
				}
				kind, err := platform.Kind(credential.OfficialAccount, api)
				if err != nil {
					t.Fatal(err)
				}
				traits, known := credential.TraitsOf(credential.OfficialAccount, api)
				if !known {
					t.Fatal("no traits")
				}
				body(account{t, traits, kind, sim})
			})
		})
	}
}

func (a account) try(force bool) (secret.Token, error) {
	ctx, cancel := context.WithTimeout(a.Context(), 5*time.Second)
	defer cancel()
	grant, err := a.kind.Draw(ctx, credential.Inputs{Account: appID, Secret: appSecret, Force: force})
	return grant.Token, err
}

func (a account) draw(force bool) secret.Token {
	a.Helper()
	token, err := a.try(force)
	if err != nil {
		a.Fatal(err)
	}
	return token
}

// accepted asks WeChat about a token in the way that the traits promise.
func (a account) accepted(token secret.Token) bool {
	a.Helper()
	if !a.Verifiable {
		a.Fatal("no way to ask")
	}
	ctx, cancel := context.WithTimeout(a.Context(), 5*time.Second)
	defer cancel()
	err := a.kind.Verify(ctx, token)
	var failed *credential.Error
	if err != nil && (!errors.As(err, &failed) || !failed.Refused()) {
		a.Fatal(err)
	}
	return err == nil
}

// wants compares what WeChat accepts now.
func (a account) wants(when string, tokens map[secret.Token]bool) {
	a.Helper()
	for token, want := range tokens {
		if got := a.accepted(token); got != want {
			a.Errorf("%s: %v accepted %v, want %v", when, token, got, want)
		}
	}
}

// An ordinary draw early in a token's life.
func TestReplaces(t *testing.T) {
	each(t, func(a account) {
		first := a.draw(false)
		time.Sleep(time.Hour)
		second := a.draw(false)
		if (first != second) != a.Replaces {
			a.Errorf("%v, then %v", first, second)
		}
		time.Sleep(30 * time.Minute)
		a.wants("half an hour later", map[secret.Token]bool{first: !a.Replaces, second: true})
	})
}

// How long the token lives on that a draw has replaced.
func TestOverlap(t *testing.T) {
	each(t, func(a account) {
		first := a.draw(false)
		time.Sleep(time.Hour)
		second := a.draw(true)
		time.Sleep(a.Overlap - time.Second)
		a.wants("before the overlap ends", map[secret.Token]bool{first: true, second: true})
		time.Sleep(time.Second)
		a.wants("after it", map[secret.Token]bool{first: false, second: true})
	})
}

// The last part of a life: from when on does a draw help, and how long does the old token live?
func TestRenewWindow(t *testing.T) {
	each(t, func(a account) {
		first := a.draw(false)
		time.Sleep(life - a.RenewWindow - time.Second)
		if again := a.draw(false); (again != first) != a.Replaces {
			a.Errorf("before the window: %v, then %v", first, again)
		}
		time.Sleep(2 * time.Second)
		second := a.draw(false)
		if second == first {
			a.Error("no new token within the window")
		}
		if !a.Replaces { // there the draw before the window began another overlap
			a.wants("within the window", map[secret.Token]bool{first: true, second: true})
		}
		if !a.Replaces && a.Ahead >= a.RenewWindow {
			a.Errorf("due %v before the expiry, when a draw gives the old token", a.Ahead)
		}
	})
}

// Two forced draws, apart, end a token that leaked, and the day has so many of them.
func TestForced(t *testing.T) {
	each(t, func(a account) {
		leaked := a.draw(false)
		time.Sleep(time.Hour)
		second := a.draw(true)
		a.wants("after one forced draw", map[secret.Token]bool{leaked: true, second: true})
		time.Sleep(a.ForceSpacing - time.Second)
		if early := a.draw(true); a.ForcedPerDay > 0 && early != second {
			a.Error("a forced draw within the spacing gave a new token")
		}
		time.Sleep(time.Second)
		third := a.draw(true)
		a.wants("after two", map[secret.Token]bool{leaked: false, third: true})
		for used := 2; used < a.ForcedPerDay; used++ {
			time.Sleep(a.ForceSpacing)
			last := third
			if third = a.draw(true); third == last {
				a.Errorf("forced draw %d gave no new token", used+1)
			}
		}
		time.Sleep(a.ForceSpacing)
		_, err := a.try(true)
		var failed *credential.Error
		spent := errors.As(err, &failed) && failed.Class == credential.ClassQuota && failed.Code == 45009
		if spent != (a.ForcedPerDay > 0) {
			a.Errorf("one more than %d: %v", a.ForcedPerDay, err)
		}
	})
}

// The day's draws of the configuration fit into WeChat's.
func TestDailyLimit(t *testing.T) {
	each(t, func(a account) {
		path := wechatsim.PathStableToken
		if a.Replaces {
			path = wechatsim.PathToken
		}
		quota, err := a.sim.Quota(appID, path)
		if err != nil || a.DailyLimit <= 0 || a.DailyLimit > quota.Limit/2 {
			a.Errorf("%d of %+v, %v", a.DailyLimit, quota, err)
		}
	})
}

func TestFailures(t *testing.T) {
	each(t, func(a account) {
		token := a.draw(false)
		if err := a.sim.SetSecret(appID, "another"); err != nil {
			a.Fatal(err)
		}
		_, err := a.try(false)
		var failed *credential.Error
		if !errors.As(err, &failed) || failed.Class != credential.ClassConfig || failed.Issued != credential.NotIssued {
			a.Errorf("a wrong secret: %v", err)
		}
		if cure, known := credential.Lookup(failed.Code); !known || cure.Class != failed.Class {
			a.Errorf("%+v", cure)
		}
		if _, err := a.sim.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 48001, Times: 1}); err != nil {
			a.Fatal(err)
		}
		err = a.kind.Verify(within(a), token)
		if !errors.As(err, &failed) || failed.Refused() || failed.Code != 48001 {
			a.Errorf("no verdict: %v", err)
		}
		a.wants("a token with a digit more", map[secret.Token]bool{token + "0": false, token: true})
	})
}

func within(a account) context.Context {
	ctx, cancel := context.WithTimeout(a.Context(), 5*time.Second)
	a.Cleanup(cancel)
	return ctx
}

func TestUnknownKinds(t *testing.T) {
	platform, err := credential.NewPlatform(credential.Options{BaseURL: "https://api.weixin.qq.com"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range [][2]string{
		{"", ""}, {"", "stable"}, {credential.OfficialAccount, ""}, {credential.OfficialAccount, "Stable"},
		{"wecom", "stable"},
	} {
		if kind, err := platform.Kind(name[0], name[1]); err == nil || kind != nil {
			t.Errorf("%q: %v", name, kind)
		}
		if traits, known := credential.TraitsOf(name[0], name[1]); known || traits != (credential.Traits{}) {
			t.Errorf("%q: %+v", name, traits)
		}
	}
	if _, err := credential.NewPlatform(credential.Options{BaseURL: "api.weixin.qq.com"}); err == nil {
		t.Error("an address without a scheme is taken")
	}
	if got := credential.Issuer("https://API.weixin.qq.com:443"); got != "api.weixin.qq.com" {
		t.Error(got)
	}
}
