package credential

import (
	"context"
	"fmt"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechat"
)

// Kind is one kind of credential at its platform. Both calls are made at most
// once, need a deadline, and fail with an *Error alone.
type Kind interface {
	// Draw asks for a token. It cannot be undone: if the process dies in here, there may be a token that nobody knows.
	Draw(ctx context.Context, in Inputs) (Grant, error)

	// Verify asks whether the platform accepts a token. nil says that it does, an error with Refused() that the token
	// is dead, and every other error says nothing about the token. It is one question, and the package keeper knows
	// the rest: whose turn it is to ask, when, and what several answers mean together.
	Verify(ctx context.Context, token secret.Token) error
}

// Inputs are what a draw needs. A kind that needs more, such as the token of a
// parent, adds a field for it here.
type Inputs struct {
	// Account is the appid.
	Account string
	Secret  secret.Secret
	// Force wants a new token even if the old one is good. It has no effect where Traits.ForcedPerDay is 0.
	Force bool
}

// Platform is WeChat by one way there. Many goroutines may use it.
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

func (o opened) Draw(ctx context.Context, in Inputs) (Grant, error) { return o.draw(ctx, o.client, in) }

func (o opened) Verify(ctx context.Context, token secret.Token) error {
	return o.verify(o.client, ctx, token)
}
