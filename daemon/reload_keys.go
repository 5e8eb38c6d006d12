package daemon

import (
	"fmt"
	"strings"

	"wxtokend/daemon/config"
)

// maxNamed bounds the keys that a line of the log names of each sort.
const maxNamed = 10

// keysThatDiffer names what a line of the log counts: the keys that came, those
// that changed and those that went.
func keysThatDiffer(before, after []config.Credential) (attributes []any) {
	old := map[string]config.Credential{}
	for _, c := range before {
		old[c.Key] = c
	}
	var added, changed, removed []string
	for _, c := range after {
		was, known := old[c.Key]
		switch {
		case !known:
			added = append(added, c.Key)
		case !was.Equal(c):
			changed = append(changed, c.Key)
		}
		delete(old, c.Key)
	}
	for _, c := range before {
		if _, gone := old[c.Key]; gone {
			removed = append(removed, c.Key)
		}
	}
	attributes = append(attributes, listed("added_keys", added)...)
	attributes = append(attributes, listed("changed_keys", changed)...)
	return append(attributes, listed("removed_keys", removed)...)
}

func listed(sort string, keys []string) []any {
	if len(keys) == 0 {
		return nil
	}
	text := strings.Join(keys[:min(maxNamed, len(keys))], ", ")
	if more := len(keys) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return []any{sort, text}
}
