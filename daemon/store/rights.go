package store

import "strings"

// Commands are all commands that the daemon sends to Redis, by itself or from
// its scripts, in small letters. None of them is dangerous in the sense of
// Redis' categories.
func Commands() []string {
	return strings.Fields("eval evalsha select time get strlen getrange set pexpire pttl hgetall hset")
}

// Rights is what a user of Redis needs for the credentials with these keys, as
// rules of ACL SETUSER. Without keys it holds KEY in their place.
func Rights(keys ...Keys) string {
	if len(keys) == 0 {
		keys = []Keys{{Value: "KEY", State: "{KEY}:state"}}
	}
	var rules []string
	for _, k := range keys {
		rules = append(rules, "~"+k.Value, "~"+strings.TrimSuffix(k.State, ":state")+":*")
	}
	for _, command := range Commands() {
		rules = append(rules, "+"+command)
	}
	return strings.Join(rules, " ")
}
