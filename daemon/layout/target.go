package layout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// Subject is the credential whose token a target shows.
type Subject struct {
	// Credential is what it is called, the same for no other: its key in Redis.
	Credential string
	Kind, API  string
	// Account is the appid or the corpid, of a ticket that of its parent.
	Account string
	AgentID string
	// Secret is the AppSecret, of a ticket that of its parent. It is needed where Target.NeedsSecret says so.
	Secret secret.Secret
}

// Refusal is why a target cannot be. Its text is one line.
type Refusal struct {
	// Place is the option of the target that is wrong.
	Place string
	// Reason and Cure say what is wrong, and what to do.
	Reason, Cure string
}

func (r *Refusal) Error() string { return r.Place + ": " + r.Reason + ": " + r.Cure }

// Layouts returns the names of all layouts, sorted.
func Layouts() []string { return layoutsWith(func(row) bool { return true }) }

// layoutsWith returns the names of the layouts that have such a row, sorted.
func layoutsWith(is func(row) bool) (names []string) {
	for _, l := range table() {
		if slices.ContainsFunc(l.rows, is) {
			names = append(names, l.name)
		}
	}
	slices.Sort(names)
	return names
}

// NeedsSecret tells whether a key of the target is made of the AppSecret, for a credential of that kind, or a place of
// its own could be: an AppSecret and a hash of it are as long as the shortest token.
func (t Target) NeedsSecret(kind string) bool {
	if t.Layout == "" {
		return HoldsToken(t.Key) || HoldsToken(t.File)
	}
	s, known := layoutOf(t.Layout)
	return known && slices.ContainsFunc(s.keysOf(kind, t.Mini), row.hasSecret)
}

// Draws is how long before the end of a token the SDK of a layout draws its own, at the earliest.
func (t Target) Draws() time.Duration {
	l, _ := layoutOf(t.Layout)
	return l.draws
}

// Mirrors returns where the token of a credential is written for this target, one for each key. The error is a
// *Refusal.
func (t Target) Mirrors(s Subject) ([]Mirror, error) {
	if t.Layout == "" {
		return t.free(s)
	}
	l, known := layoutOf(t.Layout)
	if !known {
		return nil, &Refusal{"layout", fmt.Sprintf("there is no layout %q", t.Layout),
			"choose one of " + strings.Join(Layouts(), ", ")}
	}
	rows := l.keysOf(s.Kind, t.Mini)
	if refused := t.refuse(l, rows, s); refused != nil {
		return nil, refused
	}
	var mirrors []Mirror
	for _, r := range rows {
		mirrors = append(mirrors, Mirror{
			Key: keyOf(r.key, t.Prefix, s), Reader: l.name, Form: r.form,
			holds: r.holds, early: r.early, shared: r.shared, whose: s.identity(),
		})
	}
	return mirrors, nil
}

func (s Subject) identity() string {
	return strings.Join([]string{s.Credential, s.Kind, s.API, s.Account, s.AgentID}, "\x00")
}

func layoutOf(name string) (sdk, bool) {
	all := table()
	i := slices.IndexFunc(all, func(s sdk) bool { return s.name == name })
	if i < 0 {
		return sdk{}, false
	}
	return all[i], true
}

// keysOf returns the rows of a kind.
func (l sdk) keysOf(kind string, mini bool) []row {
	var rows []row
	for _, r := range l.rows {
		if r.kind == kind && r.mini == mini {
			rows = append(rows, r)
		}
	}
	return rows
}

// hasSecret tells whether the key is made of the AppSecret, showsSecret whether anybody can read it there.
func (r row) hasSecret() bool {
	return strings.Contains(r.key, "{secret") || strings.Contains(r.key, `{"secret"}`)
}
func (r row) showsSecret() bool {
	return strings.Contains(r.key, "{secret}") && !strings.Contains(r.key, "md5(")
}
