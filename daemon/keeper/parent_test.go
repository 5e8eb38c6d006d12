package keeper

import (
	"context"
	"slices"
	"testing"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// ticketPolicy is that of a ticket.
func ticketPolicy() policy {
	p := policyOf("stable")
	p.Traits, _ = credential.TraitsOf(credential.JSAPITicket, "")
	p.Ahead, p.Overlap, p.API, p.Kind = p.Traits.Ahead, p.Traits.Overlap, "", credential.JSAPITicket
	return p
}

// TestElapsed: a token whose answers name the whole life lives since it was first
// seen, and an overlap from each answer on; W1.
func TestElapsed(t *testing.T) {
	life, overlap := 2*time.Hour, 5*time.Minute
	for _, tt := range []struct {
		name  string
		whole bool
		token secret.Token
		left  time.Duration // of the known one
		names time.Duration // what the answer names
		want  time.Duration // until its end
	}{
		{"a new one", true, foreign, time.Hour, life, life},
		{"the same, early", true, ours, time.Hour, life, time.Hour},
		{"the same, late", true, ours, time.Minute, life, overlap},
		{"the same, after its end", true, ours, -time.Hour, life, overlap},
		{"the same, of which less is left", true, ours, time.Hour, time.Minute, time.Minute},
		{"the same, and answers name what is left", false, ours, 30 * time.Minute, 59 * time.Minute, 59 * time.Minute},
	} {
		p := ticketPolicy()
		p.Traits.Whole = tt.whole
		known := store.State{Token: ours, ExpiresAt: instant.Add(tt.left)}
		grant := credential.Grant{Token: tt.token, ExpiresIn: tt.names}
		check(t, tt.name, grant.ExpiresIn-p.elapsed(grant, instant, known), tt.want)
	}
}

// TestReportOfATicket: to draw is to ask, as often as a question may be asked, and
// not while what failed before has to wait; P1.
func TestReportOfATicket(t *testing.T) {
	for _, tt := range []struct {
		name     string
		change   func(v *look, p *policy)
		mint     reason
		hold     hold
		answered bool
	}{
		{"reported", func(*look, *policy) {}, "reported", "", true},
		{"of another token", func(v *look, _ *policy) { v.Rejected = foreign }, "", "", false},
		{"of a kind that can be asked about", func(_ *look, p *policy) { p.Traits.Verifiable = true }, "", "", false},
		{"asked a moment ago", func(v *look, _ *policy) { v.State.VerifiedAt = v.Now }, "", "", false},
		{"the hour is full", func(v *look, _ *policy) { v.State.QuestionsAt = v.Now.Add(time.Hour) }, "", "", false},
		{"after the same came once more", func(v *look, _ *policy) { v.State.NextAttemptAt = v.Now.Add(time.Minute) },
			"reported", "", true},
		{"after a failure", func(v *look, _ *policy) {
			v.State.NextAttemptAt, v.State.Failures = v.Now.Add(time.Minute), 1
		}, "reported", holdBackoff, true},
	} {
		v, p := freshLook(), ticketPolicy()
		v.State.ExpiresAt, v.State.VerifyAt = v.Now.Add(100*time.Minute), time.Time{}
		v.Value.TTL, v.Rejected = 100*time.Minute, ours
		tt.change(&v, &p)
		d := decide(v, p)
		if d.mint != tt.mint || d.hold != tt.hold || d.answers != tt.answered {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
}

// TestOrphan: without a token of the parent nothing is drawn; P2.
func TestOrphan(t *testing.T) {
	v := freshLook()
	without(&v)
	v.orphan = true
	check(t, "hold", decide(v, ticketPolicy()).hold, holdParent)
	p := ticketPolicy()
	p.Mint = false
	check(t, "hold of who never mints", decide(v, p).hold, holdMint)
}

// guardian is a parent.
type guardian struct {
	token  secret.Token
	wishes []Wish
}

func (g *guardian) Lend() (secret.Token, time.Time) { return g.token, time.Now().Add(time.Hour) }
func (g *guardian) Wish(_ context.Context, wish Wish) (store.Status, string, error) {
	g.wishes = append(g.wishes, wish)
	return store.Accepted, "", nil
}

// TestParentsToken is what a ticket is drawn with, and a refusal of it is a report
// of it; P3.
func TestParentsToken(t *testing.T) {
	inWorld(t, func(w *world) {
		g := &guardian{}
		w.parent = g
		w.observed()
		w.observed()
		check(w, "said", w.said("due, but waiting: the credential that it is drawn from has no token"), 1)
		g.token = ours
		w.platform.err = &credential.Error{Op: "mint ticket", Class: credential.ClassTransient, Code: 40014}
		w.observed(ToDraw)
		w.run()
		check(w, "drawn with", w.platform.input.Parent, ours)
		if want := []Wish{{Fingerprint: ours.Fingerprint()}}; !slices.Equal(g.wishes, want) {
			t.Errorf("reports %v, want %v", g.wishes, want)
		}
		check(w, "class", w.observe().State.LastError.Class, "transient")
		for _, failed := range []*credential.Error{
			{Op: "mint token", Class: credential.ClassConfig, Code: 40001},
			{Op: "mint ticket", Class: credential.ClassTransient, Code: -1},
		} {
			time.Sleep(time.Hour)
			w.platform.err, w.actions = failed, nil
			w.Take(w.looked(), w.spawn)
			w.run()
			check(w, "class", w.observe().State.LastError.Class, string(failed.Class))
			check(w, "reports", len(g.wishes), 1)
		}
	})
}

// TestLend is of what readers of the key can use; P4.
func TestLend(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*store.Observation)
		want   secret.Token
	}{
		"fresh": {func(*store.Observation) {}, ours},
		"due": {func(o *store.Observation) {
			o.State.ExpiresAt, o.Value.TTL = o.Now.Add(time.Minute), time.Minute
		}, ours},
		"expired":       {func(o *store.Observation) { o.State.ExpiresAt = o.Now }, ""},
		"refused":       {func(o *store.Observation) { o.State.Refused = ours.Fingerprint() }, ""},
		"under the key": {func(o *store.Observation) { o.Value.Token = foreign }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				lends := func(when string, want secret.Token) {
					token, _ := b.Lend()
					check(b, when, token, want)
				}
				lends("before a look", "")
				b.take(tt.change)
				lends("then", tt.want)
				time.Sleep(b.policy.Lease + time.Second)
				lends("long after the look", "")
			})
		})
	}
}

// TestNothingIsForced where WeChat forces nothing; P5.
func TestNothingIsForced(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mint()
		for _, tt := range []struct {
			traits credential.Traits
			want   store.Status
		}{{credential.Traits{}, Limited}, {credential.Traits{ForcedPerDay: 1}, store.Accepted}} {
			w.policy.Traits = tt.traits
			status, _, err := w.Wish(w.Context(), Wish{Force: true})
			w.must(err)
			check(w, "status", status, tt.want)
		}
		w.policy.Traits, w.policy.Replaces = credential.Traits{Replaces: true}, true
		time.Sleep(time.Second)
		status, _, err := w.Wish(w.Context(), Wish{Force: true})
		w.must(err)
		check(w, "status where each draw replaces", status, store.Accepted)
	})
}
