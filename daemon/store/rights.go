package store

import (
	"slices"
	"strings"
)

// Of the commands that a credential needs, by the daemon itself or from its scripts,
// those of a look, and those that change something. None of them is dangerous in
// the sense of Redis' categories. Readers are told by one more, see TellingRights.
const (
	reading = "eval evalsha select time get strlen getrange pttl hgetall"
	writing = "set pexpire hset"
)

// Commands are all that a credential needs, in small letters.
func Commands() []string { return strings.Fields(reading + " " + writing) }

// Writes says that a command of the daemon, in small letters, changes something.
func Writes(command string) bool { return slices.Contains(strings.Fields(writing), command) }

// Rights is what a user of Redis needs for the credentials with these keys, as
// rules of ACL SETUSER. Without keys it holds KEY in their place.
func Rights(keys ...Keys) string { return rules(Commands(), keys) }

// ReadOnlyRights is what the user of a replica with mint: false needs at least:
// it looks, and repairs nothing.
func ReadOnlyRights(keys ...Keys) string { return rules(strings.Fields(reading), keys) }

// RightsOf are those that the user of a replica needs: all of them, or only those
// to look where it never mints.
func RightsOf(mint bool, keys ...Keys) string {
	if mint {
		return Rights(keys...)
	}
	return ReadOnlyRights(keys...)
}

// WithMirrors are rights with those on mirrors of these names beside them: they
// need the same commands.
func WithMirrors(rights string, names ...string) string {
	for _, name := range slices.Backward(names) {
		rights = "~" + name + " " + rights
	}
	return rights
}

func rules(commands []string, keys []Keys) string {
	if len(keys) == 0 {
		keys = []Keys{{Value: "KEY", State: "{KEY}:state"}}
	}
	var rules []string
	for _, k := range keys {
		rules = append(rules, "~"+k.Value, "~"+strings.TrimSuffix(k.State, ":state")+":*")
	}
	for _, command := range commands {
		rules = append(rules, "+"+command)
	}
	return strings.Join(rules, " ")
}

// Forbidden says that Redis refused an operation because its user lacks a right.
func Forbidden(err error) bool {
	return err != nil && strings.HasPrefix(Explain(err).What, "NOPERM")
}
