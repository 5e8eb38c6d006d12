package check

import (
	"strconv"
	"strings"
)

// parseInfo reads the "name:value" lines of INFO.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			info[name] = value
		}
	}
	return info
}

// version: before 5.0 a script may not write after it has asked for the time.
func version(r *report, text string) {
	number, _, _ := strings.Cut(text, ".")
	major, err := strconv.Atoi(number)
	switch {
	case err != nil:
		r.skip("redis version", "the server does not say")
	case major < 5:
		r.fail("redis version", "upgrade to Redis 5.0 or newer", "%d.x is too old", major)
	default:
		r.ok("redis version", "%.20s", printable(text))
	}
}

func role(r *report, text string) {
	switch text {
	case "master":
		r.ok("redis role", "master")
	case "":
		r.skip("redis role", "the server does not say")
	default:
		r.fail("redis role", "set redis.url to the master, or use redis.sentinel, which follows it",
			"a replica: what is written here is refused or lost")
	}
}

// memory: CONFIG GET is often forbidden, INFO says the same. Persistence is
// not looked at, as the daemon does not need it.
func memory(r *report, info map[string]string) {
	limit, err := strconv.ParseFloat(info["maxmemory"], 64)
	used, _ := strconv.ParseFloat(info["used_memory"], 64)
	policy := printable(info["maxmemory_policy"])
	switch {
	case err != nil:
		r.skip("redis memory", "the server does not say")
	case limit == 0:
		r.ok("redis memory", "no limit, nothing is evicted")
	// volatile-* as well: the token's key has a time to live.
	case policy != "noeviction":
		r.warn("redis memory", "set maxmemory-policy noeviction, or give the tokens a Redis of their own",
			"policy %s may evict the token when memory is full, now at %.0f %%", policy, 100*used/limit)
	case used > 0.9*limit:
		r.warn("redis memory", "raise maxmemory, or delete what is not needed: at 100 % the next refresh fails",
			"%.0f %% of maxmemory are in use", 100*used/limit)
	default:
		r.ok("redis memory", "%.0f %% of maxmemory are in use, noeviction", 100*used/limit)
	}
}

// printable keeps a server's text from steering the terminal.
func printable(text string) string { return strings.Trim(strconv.Quote(text), `"`) }
