package web

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// One answer holds so many credentials, unless ?limit= says otherwise.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// query says which credentials somebody wants to see: the same words choose
// them for /status and for the page.
type query struct {
	states []State // ?state=expired&state=missing or ?state=expired,missing; empty is all
	key    string  // ?key=: part of a key; "" is all
	page   int     // ?page=, from 1
	limit  int     // ?limit=: credentials on a page
}

// parseQuery reads the words above, and no others: a proxy may add its own.
func parseQuery(raw string) (query, error) {
	q := query{page: 1, limit: defaultLimit}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, fmt.Errorf("query: %w", err)
	}
	q.key = values.Get("key")
	for _, list := range values["state"] {
		for text := range strings.SplitSeq(list, ",") {
			state := State(text)
			if text != "" && !slices.Contains(states, state) {
				return q, fmt.Errorf("state: %q is none, must be one of %s", printable(text, nameLimit), join(states))
			}
			if text != "" && !slices.Contains(q.states, state) {
				q.states = append(q.states, state)
			}
		}
	}
	if q.page, err = number(values, "page", q.page, 1<<31-1); err != nil {
		return q, err
	}
	q.limit, err = number(values, "limit", q.limit, maxLimit)
	return q, err
}

func number(values url.Values, name string, otherwise, most int) (int, error) {
	text := values.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s: %q is not a number from 1 to %d", name, printable(text, nameLimit), most)
	}
	return n, nil
}

func join(list []State) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// matches says whether b is wanted, on whatever page.
func (q query) matches(b Brief) bool {
	return strings.Contains(b.Key, q.key) && (len(q.states) == 0 || slices.Contains(q.states, b.State))
}

// from is how many matches the pages before this one hold.
func (q query) from() int { return (q.page - 1) * q.limit }

// choose returns the entries of this page, and how many match on all of them.
func (q query) choose(entries iter.Seq[Entry]) (chosen []Entry, total int) {
	for e := range entries {
		if !q.matches(e.Brief()) {
			continue
		}
		if total >= q.from() && len(chosen) < q.limit {
			chosen = append(chosen, e)
		}
		total++
	}
	return chosen, total
}

// next is the query of the page after this one, nil if this is the last of total.
func (q query) next(total int) *string {
	if q.page*q.limit >= total {
		return nil
	}
	q.page++
	return new(q.String())
}

// String is q as a relative reference, such as ?state=due&page=2: what follows
// the path, wherever a proxy put that.
func (q query) String() string {
	values := url.Values{}
	if len(q.states) > 0 {
		values.Set("state", strings.ReplaceAll(join(q.states), " ", ""))
	}
	if q.key != "" {
		values.Set("key", q.key)
	}
	if q.page > 1 {
		values.Set("page", strconv.Itoa(q.page))
	}
	if q.limit != defaultLimit {
		values.Set("limit", strconv.Itoa(q.limit))
	}
	return "?" + values.Encode()
}
