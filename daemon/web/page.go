package web

import (
	// page.css and page.svg
	_ "embed"
	"strings"
	"time"

	"wxtokend/daemon/keeper"
)

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.1100 generate -f page.templ

//go:embed page.css
var pageCSS string

// pageSVG has a symbol for each state.
//
//go:embed page.svg
var pageSVG string

// iconSVG begins the icon of the browser's tab.
const iconSVG = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"

// So many credentials are shown as cards, which tell all that is known. Of more
// than a few, only the first ones in trouble are, and the rest are rows of a table.
const (
	few      = 12
	fewOfAll = 6
)

// view is everything that the page shows.
type view struct {
	Overview
	Query query
	// Verdict is what the page says first. It looks like a state, and the browser's
	// tab has its Shape.
	Verdict, Shape string
	Look           keeper.State
	// Reasons are why not alive, then how many are not ready. Which ones and why, the
	// cards tell, and of a single credential all of it.
	Reasons []string
	// Total counts all credentials, Trouble those of them that a person should look at.
	Total, Trouble int
	// ByState counts those with the Query's key, whatever state it asks for, and
	// Found those that it matches.
	ByState     map[keeper.State]int
	Found       int
	Cards, Rows []card
}

// newView asks each credential for its brief once, and those that are shown for
// the rest. Those in trouble come first.
func newView(src Source, dead []string, q query) view {
	v := view{Overview: src.Overview().printable(), Query: q, Reasons: dead, ByState: map[keeper.State]int{}}
	unready, byTrouble := 0, map[bool][]Entry{}
	for e := range src.Credentials() {
		b := e.Brief()
		v.Total++
		if b.trouble() {
			v.Trouble++
		}
		if !b.Ready {
			unready++
		}
		if strings.Contains(b.Key, q.key) {
			v.ByState[b.State]++
		}
		if q.matches(b) {
			byTrouble[b.trouble()] = append(byTrouble[b.trouble()], e)
		}
	}
	if unready > 0 && v.Total > 1 {
		v.Reasons = append(v.Reasons, howMany(unready, v.Total))
	}
	v.Verdict, v.Look, v.Shape = "Ready", keeper.Fresh, "%3Ccircle fill='%231f9d57' cx='8' cy='8' r='7'/%3E"
	if len(v.Reasons) > 0 || unready > 0 {
		v.Verdict, v.Look, v.Shape = "Not ready", keeper.Expired, "%3Cpath fill='%23d1383d' d='M8 1 15.5 15H.5z'/%3E"
	}
	v.show(append(byTrouble[true], byTrouble[false]...))
	return v
}

// show fills this page of the entries found: cards first.
func (v *view) show(found []Entry) {
	v.Found = len(found)
	for i, e := range v.Query.page(found) {
		c := newCard(e.Credential().printable(), v.Time)
		if v.Found <= few || i < fewOfAll && c.brief().trouble() {
			v.Cards = append(v.Cards, c)
		} else {
			v.Rows = append(v.Rows, c)
		}
	}
}

// many says that there is more than one look can take in: the list can be
// filtered then, and is not renewed while somebody types.
func (v view) many() bool { return v.Total > few }

// period is how often the page is renewed, in seconds.
func (v view) period() string {
	if v.many() {
		return "30"
	}
	return "5"
}

// exact is at to the second, "" if it is not known.
func exact(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}
