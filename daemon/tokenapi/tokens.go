package tokenapi

import (
	"context"
	"time"

	"wxtokend/daemon/secret"
)

// Tokens is the daemon as this package sees it.
type Tokens interface {
	// Find returns what readers of the key get now; false while they get nothing
	// that the platform accepts, with what was Refused. It waits for nobody.
	Find(key string) (Token, bool)

	// Report says that the platform refused the token of that fingerprint. It may wait for Redis.
	Report(ctx context.Context, key, fingerprint string) error
}

// Token is what readers of a key get.
type Token struct {
	Identity
	Value secret.Token
	// Until is when the platform may cease to accept it, by this host's monotonic clock.
	Until time.Time
	// Refused is the fingerprint of one that the platform is known to refuse, Forced says
	// that this one ended the one before it, which leaked.
	Refused string
	Forced  bool
}

// Identity says what a credential is, as apps name it.
type Identity struct {
	Kind string
	// Account is the appid or corpid; a ticket has that of its parent.
	Account string
	// From is the key of the token that a ticket comes from, "" of what is no ticket.
	From string
}

// isTicket says by which name an answer by key has it.
func (i Identity) isTicket() bool { return i.From != "" }

// find is Find for a credential as a consumer was promised it, with what is left
// of it: while another account takes over the key, its token is nobody's yet. In
// its last second it is none, as a client that is told of 0 seconds may take
// them for no end at all.
func (a *API) find(c Credential) (t Token, left time.Duration, ok bool) {
	t, ok = a.options.Tokens.Find(c.Key)
	left = time.Until(t.Until)
	if !ok || t.Identity != c.Identity || left < time.Second {
		return Token{}, 0, false
	}
	a.parents.see(c.Key, t)
	return t, left, true
}

// report tells that the platform refused a token. The same is told once at a
// time; whether it can be told is no matter of who gets the token.
func (a *API) report(ctx context.Context, key string, t Token) {
	if _, already := a.reporting.LoadOrStore(key, true); already {
		return
	}
	defer a.reporting.Delete(key)
	if err := a.options.Tokens.Report(ctx, key, t.Value.Fingerprint()); err != nil {
		a.options.Log.Warn("could not take a report of a refused token", "key", key, "error", err)
	}
}
