package web

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"wxtokend/daemon/keeper"
)

// One answer holds so many credentials, unless ?limit= says otherwise.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxPage      = 1_000_000
)

// allStates has the worst ones first.
var allStates = []keeper.State{
	keeper.Rejected, keeper.Expired, keeper.Missing, keeper.Unknown, keeper.Due, keeper.Fresh,
}

// query says which credentials somebody wants to see: the same words choose
// them for /status and for the page.
type query struct {
	// ?state=expired&state=missing or ?state=expired,missing; empty is all.
	states []keeper.State
	// ?key= is part of a key; "" is all.
	key string
	// ?page= counts from 1, and ?limit= is the credentials on each.
	number, limit int
}

// parseQuery reads the words above, and no others: a proxy may add its own.
func parseQuery(raw string) (q query, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, fmt.Errorf("query: %w", err)
	}
	q.key = values.Get("key")
	for text := range strings.FieldsFuncSeq(strings.Join(values["state"], ","), func(r rune) bool { return r == ',' }) {
		if !slices.Contains(allStates, keeper.State(text)) {
			return q, fmt.Errorf("state: %q is none, must be one of %s", printable(text, nameLimit), allStates)
		}
		q.states = append(q.states, keeper.State(text))
	}
	q.states = slices.Compact(slices.Sorted(slices.Values(q.states)))
	if q.number, err = number(values, "page", 1, maxPage); err != nil {
		return q, err
	}
	q.limit, err = number(values, "limit", defaultLimit, maxLimit)
	return q, err
}

func number(values url.Values, name string, otherwise, most int) (int, error) {
	text := cmp.Or(values.Get(name), strconv.Itoa(otherwise))
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s: %q is not a number from 1 to %d", name, printable(text, nameLimit), most)
	}
	return n, nil
}

// matches says whether b is wanted, on whatever page.
func (q query) matches(b Brief) bool {
	return strings.Contains(b.Key, q.key) && (len(q.states) == 0 || slices.Contains(q.states, b.State))
}

// pages is how many it takes to show so many matches.
func (q query) pages(matches int) int { return max(1, (matches+q.limit-1)/q.limit) }

// page is the part of all matches that this page shows.
func (q query) page(matches []Entry) []Entry {
	from := min((q.number-1)*q.limit, len(matches))
	return matches[from:min(from+q.limit, len(matches))]
}

// of is the query of the first page of these states; none are all.
func (q query) of(states ...keeper.State) string {
	q.states = states
	return q.at(1)
}

// at is the query of a page as a relative reference, such as ?state=due&page=2:
// what follows the path, wherever a proxy put that.
func (q query) at(number int) string {
	values := url.Values{}
	for _, state := range q.states {
		values.Add("state", string(state))
	}
	if q.key != "" {
		values.Set("key", q.key)
	}
	if number > 1 {
		values.Set("page", strconv.Itoa(number))
	}
	if q.limit != defaultLimit {
		values.Set("limit", strconv.Itoa(q.limit))
	}
	return "?" + values.Encode()
}
