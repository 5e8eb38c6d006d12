package check

import (
	"context"
	_ "embed"
	"slices"
	"strings"

	"wxtokend/daemon/store"
)

//go:embed trial.lua
var trial string

// rights says whether the daemon may do its work on the keys of one credential.
// observed is the error of the real observation. Where it is nil, the user of
// Redis may read and write exactly these keys, as Redis grants a script all of
// its keys or none. What is left are the commands: trial.lua tries each.
//
// That is closer to the truth than ACL DRYRUN, which a user with the rights
// that the daemon needs may not run, or than keys of our own, which a narrow
// pattern does not cover.
func (p *probe) rights(ctx context.Context, slot store.Slot, observed error) {
	subject := "rights " + slot.Keys.Value
	err := observed
	var refusals []any
	if err == nil {
		// Not by its hash: observe has shown that EVALSHA is allowed, but
		// after a restart of Redis the daemon needs EVAL too.
		err = p.within(ctx, func(ctx context.Context) (err error) {
			keys := []string{slot.Keys.Value, slot.Keys.State, slot.Keys.Lease, slot.Keys.Rejected}
			refusals, err = p.redis.Eval(ctx, trial, keys).Slice()
			return err
		})
	}
	if err != nil {
		t := p.explain(err)
		p.report.fail(subject, t.Cure, "the daemon's scripts do not run: %s", t.What)
		return
	}
	if p.refusals(subject, refusals) == 0 {
		p.report.ok(subject, "the daemon's scripts may read and write its four keys (tried without writing)")
	}
}

// refusals reports what trial.lua brought back, once for each reason. Errors
// that no table knows are those that the trial provokes.
func (p *probe) refusals(subject string, list []any) int {
	var order []store.Trouble
	commands := map[store.Trouble][]string{}
	for _, element := range list {
		pair, _ := element.([]any)
		if len(pair) != 2 {
			continue
		}
		command, _ := pair[0].(string)
		text, _ := pair[1].(string)
		if t := p.explain(answer(text)); t.Known {
			if !slices.Contains(order, t) {
				order = append(order, t)
			}
			commands[t] = append(commands[t], command)
		}
	}
	for _, t := range order {
		p.report.fail(subject, t.Cure, "%s (%s)", t.What, strings.Join(commands[t], ", "))
	}
	return len(order)
}

// answer is an error that Redis answered to a command inside a script.
type answer string

// Error implements error.
func (a answer) Error() string { return string(a) }

// RedisError implements redis.Error.
func (answer) RedisError() {}
