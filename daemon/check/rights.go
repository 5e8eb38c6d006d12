package check

import (
	"context"
	_ "embed"
	"strings"

	"wxtokend/daemon/config"
	"wxtokend/daemon/store"
)

//go:embed trial.lua
var trial string

// needed are the rights that the user of Redis needs for one credential.
func needed(c config.Credential) string { return store.RightsOf(c.Mint, keysOf(c)) }

// rights says whether the daemon may do its work on the keys of one credential.
// With mint: false it is enough that it may look. Where observed, the error of the
// real observation, is nil, the user of Redis may read and write exactly these
// keys, as Redis grants a script all of its keys or none. What is left are the
// commands: trial.lua tries each.
//
// That is closer to the truth than ACL DRYRUN, which a user with the rights
// that the daemon needs may not run, or than keys of our own, which a narrow
// pattern does not cover.
func (p *probe) rights(ctx context.Context, c config.Credential, observed error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.Redis.Timeout)
	defer cancel()
	keys, subject, err := keysOf(c), "rights "+c.Key, observed
	var refusals []string
	if err == nil {
		// Not by its hash: the observation has shown that EVALSHA is allowed, but
		// after a restart of Redis the daemon needs EVAL too.
		four := []string{keys.Value, keys.State, keys.Lease, keys.Rejected}
		refusals, err = p.redis.Eval(ctx, trial, four).StringSlice()
	}
	if err != nil {
		t := store.ExplainFor(needed(c), err)
		p.fail(subject, t.Cure, "the daemon's scripts do not run: %s", t.What)
		return
	}
	var troubles []store.Trouble
	commands := map[store.Trouble][]string{}
	watches := false
	for i := 0; i+1 < len(refusals); i += 2 {
		refusal := answer(refusals[i+1])
		if !c.Mint && store.Writes(strings.ToLower(refusals[i])) && store.Forbidden(refusal) {
			watches = true
			continue
		}
		t := store.ExplainFor(needed(c), refusal)
		// What no table knows is what the trial provokes.
		if !t.Known {
			continue
		}
		if commands[t] == nil {
			troubles = append(troubles, t)
		}
		commands[t] = append(commands[t], refusals[i])
	}
	for _, t := range troubles {
		p.fail(subject, t.Cure, "%s (%s)", t.What, strings.Join(commands[t], ", "))
	}
	switch {
	case len(troubles) > 0:
	case watches:
		p.ok(subject, "the daemon's scripts may read its four keys (tried without writing); it repairs nothing, "+
			"as its user may not write")
	default:
		p.ok(subject, "the daemon's scripts may read and write its four keys (tried without writing)")
	}
}

// answer is an error that Redis answered to a command inside a script.
type answer string

// Error implements error.
func (a answer) Error() string { return string(a) }

// RedisError implements redis.Error.
func (answer) RedisError() {}
