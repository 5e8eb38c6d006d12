package tokenapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"wxtokend/metrics"
)

// Consumer is an app that may read some keys.
type Consumer struct {
	Name string
	// Sum is the SHA-256 of its secret.
	Sum [sha256.Size]byte
	// Keys are those that it may read; the first is what the handler of 2016 serves.
	Keys []Credential
	// Origins are those of the pages that it may have signed, as OriginOf gives them.
	Origins []string
}

// Credential is a configured credential.
type Credential struct {
	Key string
	Identity
}

// consumer is a Consumer with an index of what it may read.
type consumer struct {
	Consumer
	byKey map[string]Credential
	// The first of its keys of that kind and account.
	byAccount map[Identity]Credential
}

// consumers are those of one configuration.
type consumers struct {
	all []*consumer
	// The tickets that any of them may read, each once.
	tickets []Credential
}

func newConsumers(all []Consumer) *consumers {
	set := &consumers{}
	for _, c := range all {
		one := &consumer{c, map[string]Credential{}, map[Identity]Credential{}}
		for _, key := range c.Keys {
			one.byKey[key.Key] = key
			account := Identity{Kind: key.Kind, Account: key.Account}
			if _, taken := one.byAccount[account]; !taken {
				one.byAccount[account] = key
			}
			if key.isTicket() && !slices.Contains(set.tickets, key) {
				set.tickets = append(set.tickets, key)
			}
		}
		set.all = append(set.all, one)
	}
	return set
}

// who finds whose secret it is, nil if nobody's. All are compared, so that the
// time it takes says nothing.
func (s *consumers) who(secret string) *consumer {
	sum := sha256.Sum256([]byte(secret))
	found := 0
	for i, c := range s.all {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], c.Sum[:]), i+1, found)
	}
	if found == 0 {
		return nil
	}
	return s.all[found-1]
}

// admit recognises who asks. Its result is "" if somebody does, and otherwise
// why not.
func (a *API) admit(q *request, secret string) metrics.APIResult {
	c := q.set.who(secret)
	var right *[sha256.Size]byte
	if c != nil {
		right = &c.Sum
	}
	switch {
	case !a.heard(q, right):
		return metrics.APILimited
	case c == nil:
		return metrics.APIUnauthorized
	}
	q.by = c
	return ""
}

// heard says whether the address may still try; right is the sum of the secret
// that it showed, nil of a wrong one.
func (a *API) heard(q *request, right *[sha256.Size]byte) bool {
	address := hostOf(q.RemoteAddr)
	heard, last := a.guesses.judge(networkOf(address), right)
	if last {
		a.options.Log.Warn("the token API refuses an address that showed too many wrong secrets: "+
			"find out which app there has an old or a mistyped one", "address", address.String())
	}
	return heard
}

// bearer is the secret in the header, "" if there is none. The scheme may be
// written in any case, with any number of spaces behind it.
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimLeft(secret, " ")
}
