package daemon

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/testnet"
	"wxtokend/daemon/wechatsim"
)

// rogue is the reason of whatever somebody else draws, in the simulator's log.
const rogue = "rogue"

// cause is why WeChat refuses the token that readers get.
type cause string

// Causes, worked out from WeChat's list of issues alone. After a lost mint the
// protocol itself asks for the next token; the others are left to verification.
const (
	foreignText cause = "no token of WeChat"
	expired     cause = "it expired"
	lostMint    cause = "a lost mint"
	stranger    cause = "somebody else drew"
	lateMint    cause = "a mint came later than its lease"
	forgotten   cause = "Redis lost what it knew of a mint"
)

// call is one that a daemon made while it held a lease.
type call struct{ from, until time.Time }

// origin is who drew a token, and since when somebody knew that it would be.
type origin struct {
	cause cause
	from  time.Time
}

// callKey is the key of the call, in the context that it is made with.
type callKey struct{}

// noting dials with dial, and notes from which port a call is made: no other is
// made from there, and WeChat's log tells of whom each token is.
func (j *judge) noting(dial testnet.DialFunc) testnet.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if c, mints := ctx.Value(callKey{}).(call); mints && err == nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.calls[conn.LocalAddr().String()] = c
		}
		return conn, err
	}
}

// issue is the place of a token in WeChat's log.
func (j *judge) issue(token secret.Token) (place int, known bool) {
	if token == "" {
		return 0, false
	}
	if _, known = j.issues[token]; !known {
		j.learn()
	}
	place, known = j.issues[token]
	return place, known
}

// learn reads what WeChat has issued meanwhile, and finds the call of each.
func (j *judge) learn() {
	j.log = slices.DeleteFunc(j.f.wechat.Issued(), ofOthers)
	for i := len(j.origins); i < len(j.log); i++ {
		j.issues[j.log[i].Token] = i
		j.origins = append(j.origins, j.origin(j.log[i]))
		j.unforced(j.log[i])
	}
}

// ofOthers tells tickets and WeCom's tokens from those of the fleet's account.
func ofOthers(issue wechatsim.Issue) bool {
	return issue.Channel != wechatsim.Classic && issue.Channel != wechatsim.Stable
}

// unforced: the stable endpoint is made to draw only for a person, or where
// somebody else did so. Readers are refused after nothing else.
func (j *judge) unforced(issue wechatsim.Issue) {
	if issue.Reason == "forced" && !j.f.forced() {
		j.fail("a forced refresh that nobody asked for: %s", issue.Token.Fingerprint())
	}
}

// forced says that a person, or somebody else, ever made the stable endpoint draw.
func (f *fleet) forced() bool {
	return !f.did("person forces").IsZero() || !f.did("somebody forces").IsZero()
}

// origin of an issue in time is lostMint, even if its token was stored: then
// nothing came of it that readers could feel.
func (j *judge) origin(issue wechatsim.Issue) origin {
	if issue.Reason == rogue {
		return origin{stranger, issue.At}
	}
	if c := j.calls[issue.From]; !issue.At.After(c.until) {
		return origin{lostMint, c.from}
	}
	return origin{lateMint, issue.At}
}

// cause is why WeChat refuses the token now, and since when that was to be
// expected: the first of what was issued after it.
func (j *judge) cause(token secret.Token) (why cause, since time.Time) {
	j.learn()
	i, known := j.issues[token]
	if !known {
		return foreignText, time.Time{}
	}
	why = expired
	if j.origins[i].cause != lostMint {
		why = j.origins[i].cause
	}
	for n := i + 1; n < len(j.log); n++ {
		o := j.origins[n]
		if j.log[n].Channel != j.log[i].Channel {
			continue
		}
		if since.IsZero() {
			since = j.log[n].At
		}
		switch {
		case o.cause != lostMint:
			return o.cause, since
		case !j.forgot.Before(o.from):
			why = forgotten
		case why == expired:
			why = lostMint
		}
	}
	return why, since
}

// death is when WeChat stopped accepting the token of an issue, worked out
// from the list of issues and the published rules alone.
func (j *judge) death(i int) time.Time {
	j.learn()
	died, newer := j.log[i].ExpiresAt, 0
	for _, issue := range j.log[i+1:] {
		if issue.Channel != j.log[i].Channel {
			continue
		}
		if newer++; newer == 1 {
			died = earlier(died, issue.At.Add(overlap))
		} else {
			return earlier(died, issue.At)
		}
	}
	return died
}

// bystander sits between a daemon and WeChat.
type bystander struct {
	credential.Kind
	m     *member
	lease time.Duration
}

// Mint sees that no call is made without the lease.
func (b bystander) Draw(ctx context.Context, in credential.Inputs) (credential.Grant, error) {
	own := b.m.begun()
	j, g := b.m.fleet.judge, b.m.fleet.server.glance()
	if ctx.Err() == nil {
		ctx = context.WithValue(ctx, callKey{}, call{own.at, own.at.Add(b.lease)})
		j.spend(own, 1)
		j.mu.Lock()
		if g.lease != own.attempt && j.forgot.Before(own.at) {
			j.fail("a call without the lease: attempt %s, held by %q", own.attempt, g.lease)
		}
		j.mu.Unlock()
	}
	if late := time.Duration(b.m.oversleep.Swap(0)); late > 0 {
		time.Sleep(late)
		overslept, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		ctx = overslept
	}
	grant, err := b.Kind.Draw(ctx, in)
	if err == nil {
		b.m.fleet.granted.Add(1)
	}
	if failed, ok := errors.AsType[*credential.Error](err); ok {
		if !failed.Left() {
			j.spend(own, -1)
		}
	}
	return grant, err
}
