package store

import (
	"fmt"
	"strings"
)

// Keys are the Redis keys of one credential, all in one Cluster slot.
type Keys struct {
	// What readers read.
	Value string
	// Hash: the token with its bookkeeping.
	State string
	// The right to mint, for the time of one refresh.
	Lease string
	// A reader writes the token here that WeChat refused.
	Rejected string
}

// NewKeys derives the side keys of key. A key without braces becomes the hash
// tag of its side keys; a key with one non-empty {tag} brings its own. Any
// other brace would put value and state into different slots, where no script
// can write both, and is an error.
func NewKeys(key string) (Keys, error) {
	if key == "" {
		return Keys{}, fmt.Errorf("the key is empty")
	}
	prefix := "{" + key + "}"
	if strings.ContainsAny(key, "{}") {
		before, rest, _ := strings.Cut(key, "{")
		tag, after, closed := strings.Cut(rest, "}")
		if !closed || tag == "" || strings.ContainsAny(before+tag+after, "{}") {
			return Keys{}, fmt.Errorf("braces in a key must be one non-empty {tag}, as Redis Cluster places keys by it")
		}
		prefix = key
	}
	return Keys{Value: key, State: prefix + ":state", Lease: prefix + ":lease", Rejected: prefix + ":rejected"}, nil
}

// List is all of them.
func (k Keys) List() []string { return []string{k.Value, k.State, k.Lease, k.Rejected} }
