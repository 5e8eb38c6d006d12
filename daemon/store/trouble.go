package store

import (
	"embed"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Trouble is a failed operation of Redis in our own words, for people. The
// words of the server are not repeated: some of them repeat a password.
type Trouble struct {
	// What happened, said of Redis: "it refuses …".
	What string
	// What a person can do about it.
	Cure string
	// False: both are no more than a hint where to look.
	Known bool
}

//go:embed replies.txt failures.txt
var troubles embed.FS

// Explain says what went wrong when an operation on credentials with these keys
// gave err. It keeps answers of Redis and failures to get one apart: the name
// of a host or a key in the one must not be taken for a word of the other.
func Explain(err error, keys ...Keys) Trouble { return ExplainFor(Rights(keys...), err) }

// ExplainFor is Explain for a user who needs only these rights, which are rules
// of ACL SETUSER.
func ExplainFor(rights string, err error) Trouble {
	var reply redis.Error
	if !errors.As(err, &reply) || strings.Contains(err.Error(), "all sentinels specified") {
		unknown := Trouble{What: "it cannot be reached", Cure: "check the section redis of the configuration"}
		return find("failures.txt", err.Error(), unknown)
	}
	text := reply.Error()
	t := find("replies.txt", text, Trouble{What: "it answers with an error", Cure: "look into Redis' log"})
	needed := commandsIn(rights)
	t.What = strings.Replace(t.What, "{command}", named(text, needed), 1)
	t.Cure = strings.NewReplacer("{rights}", rights, "{commands}", strings.Join(needed, ", ")).Replace(t.Cure)
	return t
}

// find looks text up in a file of paragraphs. Older servers and scripts wrap
// the words in others.
func find(file, text string, unknown Trouble) Trouble {
	content, _ := troubles.ReadFile(file)
	for paragraph := range strings.SplitSeq(string(content), "\n\n") {
		lines := strings.Split(strings.TrimSuffix(paragraph, "\n"), "\n")
		for words := range strings.SplitSeq(lines[0], " | ") {
			if len(lines) == 3 && strings.Contains(text, words) {
				return Trouble{What: lines[1], Cure: lines[2], Known: true}
			}
		}
	}
	return unknown
}

// commandsIn are those that rules of ACL SETUSER allow, in capital letters.
func commandsIn(rights string) (all []string) {
	for rule := range strings.FieldsSeq(rights) {
		if command, allowed := strings.CutPrefix(rule, "+"); allowed {
			all = append(all, strings.ToUpper(command))
		}
	}
	return all
}

// named is the command that Redis says it does not take, if it is one of those
// needed: whatever else stands there may be a secret.
func named(text string, needed []string) string {
	isQuote := func(r rune) bool { return strings.ContainsRune(" '`,:\"", r) }
	words := strings.FieldsFunc(strings.ToUpper(text), isQuote)
	for i, word := range words[:max(len(words)-1, 0)] {
		if word == "COMMAND" && slices.Contains(needed, words[i+1]) {
			return ": " + words[i+1]
		}
	}
	return ""
}
