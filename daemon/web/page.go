package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // page.css
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.1100 generate -f page.templ

//go:embed page.css
var pageCSS string

// policy forbids every script, which the page does not have: whatever a key or
// an errmsg holds, nothing of it runs.
func policy() string {
	hash := sha256.Sum256([]byte(pageCSS))
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src data:; "+
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(hash[:]))
}

// servePage renders into memory first: a failure must not leave half a page
// with the status 200.
func servePage(w http.ResponseWriter, r *http.Request, src Source, live func() error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var body bytes.Buffer
	if err := page(newView(src, dead(live), q)).Render(context.Background(), &body); err != nil {
		http.Error(w, "render page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes())
}

// So many credentials are shown as cards, which tell all that is known. Of more
// than a few, only the first ones in trouble are, and the rest are rows of a table.
const (
	few      = 12
	fewOfAll = 6
)

// view is everything that the page shows.
type view struct {
	Version, Instance string
	Now               moment
	Reasons           []string // why not alive, then why not ready
	Total, Trouble    int      // all credentials, and those of them that a person should look at
	Tabs              []tab    // none if there are few credentials
	Query             query
	Cards             []card
	Rows              []card
	Found             int    // how many Query matches
	Previous, Next    string // the queries of the pages beside this one, "" for none
}

// tab shows the credentials in one state, and how many those are.
type tab struct {
	Label, Query string
	Count        int
	Chosen       bool
}

// newView asks each credential for its brief once, and those that are shown for
// the rest. Those in trouble come first.
func newView(src Source, dead []string, q query) view {
	about := src.Overview()
	v := view{
		Version: printable(about.Version, nameLimit), Instance: printable(about.Instance, nameLimit),
		Query: q, Reasons: dead, Now: newMoment("", about.Time, ""),
	}
	var bad, good, unready []Entry
	counts := map[State]int{}
	for e := range src.Credentials() {
		b := e.Brief()
		v.Total++
		if b.trouble() {
			v.Trouble++
		}
		if !b.Ready {
			unready = append(unready, e)
		}
		if strings.Contains(b.Key, q.key) {
			counts[b.State]++
		}
		switch {
		case !q.matches(b):
		case b.trouble():
			bad = append(bad, e)
		default:
			good = append(good, e)
		}
	}
	v.addReasons(unready)
	v.addTabs(counts)
	v.show(append(bad, good...), about.Time)
	return v
}

// addReasons says why not ready. Of many credentials the list does, which begins
// with them.
func (v *view) addReasons(unready []Entry) {
	if v.many() && len(unready) > 0 {
		v.Reasons = append(v.Reasons, howMany(len(unready), v.Total))
		return
	}
	for _, e := range unready {
		c := e.Credential()
		v.Reasons = append(v.Reasons, withoutCure(reason(c), c.Cure)) // the card tells it
	}
}

func (v *view) addTabs(counts map[State]int) {
	if !v.many() {
		return
	}
	all := tab{
		Label: "all", Query: query{key: v.Query.key, page: 1, limit: v.Query.limit}.String(),
		Chosen: len(v.Query.states) == 0,
	}
	v.Tabs = append(v.Tabs, all)
	for _, state := range states {
		v.Tabs[0].Count += counts[state]
		if chosen := slices.Contains(v.Query.states, state); chosen || counts[state] > 0 {
			q := query{states: []State{state}, key: v.Query.key, page: 1, limit: v.Query.limit}
			v.Tabs = append(v.Tabs, tab{string(state), q.String(), counts[state], chosen})
		}
	}
}

// show fills this page of the entries found: cards first.
func (v *view) show(found []Entry, now *time.Time) {
	v.Found = len(found)
	from := min(v.Query.from(), v.Found)
	shown := found[from:min(from+v.Query.limit, v.Found)]
	for i, e := range shown {
		c := newCard(e.Credential().printable(), now)
		if len(shown) <= few || c.Trouble && i < fewOfAll {
			v.Cards = append(v.Cards, c)
		} else {
			v.Rows = append(v.Rows, c)
		}
	}
	if next := v.Query.next(v.Found); next != nil {
		v.Next = *next
	}
	if q := v.Query; q.page > 1 {
		q.page = min(q.page-1, max(1, (v.Found+q.limit-1)/q.limit))
		v.Previous = q.String()
	}
}

// many says that there is more than one look can take in: the list can be
// filtered then, and is not renewed while somebody types.
func (v view) many() bool { return v.Total > few }

func (v view) counted() string {
	if v.Total == 1 {
		return "1 credential"
	}
	return strconv.Itoa(v.Total) + " credentials"
}

// place says where in the list this page stands.
func (v view) place() string {
	pages := (v.Found + v.Query.limit - 1) / v.Query.limit
	return fmt.Sprintf("Page %d of %d", v.Query.page, max(1, pages))
}

func (v view) seconds() string {
	if v.many() {
		return "30"
	}
	return "5"
}
