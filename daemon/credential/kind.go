package credential

import (
	"context"
	"fmt"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechat"
)

// Kind is one kind of credential at its platform. All calls are made at most
// once, need a deadline, and fail with an *Error alone.
type Kind interface {
	// Draw asks for a token. It cannot be undone: if the process dies in here, there may be a token that nobody knows.
	// Where the kind has a parent, an error with Refused() says that the parent's token is dead.
	Draw(ctx context.Context, in Inputs) (Grant, error)

	// Verify asks whether the platform accepts a token. nil says that it does, an error with Refused() that the token
	// is dead, and every other error says nothing about the token. It is one question, and the package keeper knows
	// the rest: whose turn it is to ask, when, and what several answers mean together.
	// Without Traits.Verifiable it asks nothing and fails.
	Verify(ctx context.Context, token secret.Token) error

	// Quota asks what the platform has counted of today's draws, whoever made them. Without Traits.Metered it asks
	// nothing and fails. An error with Refused() says that the token is dead.
	Quota(ctx context.Context, token secret.Token) (Quota, error)
}

// Inputs are what a draw needs.
type Inputs struct {
	// Account is the appid; at WeCom CORPID or CORPID/AGENTID, of which a draw needs the first part.
	Account string
	Secret  secret.Secret
	// Parent is the current token of the parent. Only a kind that has one needs it, and then nothing else.
	Parent secret.Token
	// Force wants a new token even if the old one is good. It has no effect where Traits.ForcedPerDay is 0.
	Force bool
}

// Platform is WeChat and WeCom by one way there. Many goroutines may use it.
type Platform struct{ client *wechat.Client }

// NewPlatform reads the addresses and connects to nothing. Its errors name
// the option, never its value.
func NewPlatform(o Options) (*Platform, error) {
	client, err := wechat.New(o)
	return &Platform{client}, err
}

// Kind returns the kind of that name, as one of its APIs gives it.
func (p *Platform) Kind(kind, api string) (Kind, error) {
	row, known := rowOf(kind, api)
	if !known {
		return nil, fmt.Errorf("kind %q has no api %q", kind, api)
	}
	return opened{row, p.client}, nil
}

// opened is a row of the table at its platform.
type opened struct {
	row
	client *wechat.Client
}

func (o opened) Draw(ctx context.Context, in Inputs) (Grant, error) {
	if o.Parent != "" && in.Parent == "" {
		// It passes as soon as the parent has been drawn.
		return Grant{}, unasked("mint ticket", ClassTransient, "the credential that it is drawn from has no token yet")
	}
	return o.draw(ctx, o.client, in)
}

func (o opened) Verify(ctx context.Context, token secret.Token) error {
	if !o.Verifiable {
		return unasked("verify token", ClassUnknown, "the platform cannot be asked about a ticket")
	}
	return o.verify(o.client, ctx, token)
}

func (o opened) Quota(ctx context.Context, token secret.Token) (Quota, error) {
	if !o.Metered {
		return Quota{}, unasked("ask quota", ClassUnknown, "the platform does not tell what it counted of these calls")
	}
	return o.client.Quota(ctx, token, o.meter)
}

// unasked is the failure of a call that was not made.
func unasked(op string, class Class, why string) error {
	return &Error{Op: op, Class: class, Message: why, Issued: NotIssued}
}
