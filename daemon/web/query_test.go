package web_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/web"
)

// crowd has n credentials: each 100th is expired, and each 100th after it due.
func crowd(n int) source {
	s := source{status: web.Status{Overview: web.Overview{Version: "1.2.3", Instance: "web-1", Time: at(0)}}}
	for i := range n {
		c := fresh(fmt.Sprintf("shop:%05d:token", i), time.Hour)
		switch i % 100 {
		case 50:
			c.State, c.Unready = keeper.Expired, "expired"
		case 51:
			c.State = keeper.Due
		}
		s.status.Credentials = append(s.status.Credentials, c)
	}
	return s
}

func statusOf(t *testing.T, src source, query string) (s web.Status, keys []string) {
	t.Helper()
	resp := ask(t, src, http.MethodGet, "/status"+query)
	if resp.StatusCode != 200 {
		t.Fatalf("%s: %d %s", query, resp.StatusCode, resp.body)
	}
	if err := json.Unmarshal([]byte(resp.body), &s); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Credentials {
		keys = append(keys, c.Key)
	}
	return s, keys
}

func TestStatusPagesAndFilters(t *testing.T) {
	src := crowd(1000)
	for _, tt := range []struct {
		query string
		shown int
		first string
		total int
		next  string
	}{
		{"", 100, "shop:00000:token", 1000, "?page=2"},
		{"?page=2", 100, "shop:00100:token", 1000, "?page=3"},
		{"?page=10", 100, "shop:00900:token", 1000, ""},
		{"?page=11", 0, "", 1000, ""},
		{"?page=1000000&limit=1000", 0, "", 1000, ""},
		{"?limit=1000", 1000, "shop:00000:token", 1000, ""},
		{"?limit=300&page=4", 100, "shop:00900:token", 1000, ""},
		{"?limit=7", 7, "shop:00000:token", 1000, "?limit=7&page=2"},
		{"?state=expired", 10, "shop:00050:token", 10, ""},
		{"?state=expired,due&limit=5", 5, "shop:00050:token", 20, "?limit=5&page=2&state=due&state=expired"},
		{"?state=due&state=expired", 20, "shop:00050:token", 20, ""},
		{"?state=missing", 0, "", 0, ""},
		{"?state=", 100, "shop:00000:token", 1000, "?page=2"},
		{"?key=99:", 10, "shop:00099:token", 10, ""},
		{"?key=shop:000&state=expired", 1, "shop:00050:token", 1, ""},
		{"?key=SHOP", 0, "", 0, ""},
		{"?unknown=1&page=", 100, "shop:00000:token", 1000, "?page=2"},
	} {
		s, keys := statusOf(t, src, tt.query)
		next := ""
		if s.Next != nil {
			next = *s.Next
		}
		if len(keys) != tt.shown || s.Total != tt.total || next != tt.next || tt.shown > 0 && keys[0] != tt.first {
			t.Errorf("%q: %d from %q, total %d, next %q", tt.query, len(keys), slices.Concat(keys, []string{""})[0], s.Total,
				next)
		}
	}
}

func TestBadQueries(t *testing.T) {
	for query, want := range map[string]string{
		"state=frsh":                 `state: "frsh" is none, must be one of [rejected expired missing unknown due fresh]`,
		"page=0":                     `page: "0" is not a number from 1 to 1000000`,
		"page=-1":                    `page: "-1"`,
		"page=1e3":                   `page: "1e3"`,
		"limit=1001":                 `limit: "1001" is not a number from 1 to 1000`,
		"limit=99999999999999999999": `limit: "9999`,
		"key=%zz":                    "query: invalid URL escape",
		"state=%3Cscript%3E%1b":      `state: "<script>\\x1b"`,
	} {
		for _, path := range []string{"/status?", "/?"} {
			resp := ask(t, crowd(1), http.MethodGet, path+query)
			if resp.StatusCode != 400 || !strings.HasPrefix(resp.body, want) ||
				resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("%s%s: %d %s", path, query, resp.StatusCode, resp.body)
			}
		}
	}
}

// Who follows next meets each credential once, whatever the filter.
func TestNextLeadsThroughAllPages(t *testing.T) {
	src := crowd(1000)
	src.status.Credentials[0].Key = "shop:a&b=c#d?e%f 公众号"
	for _, query := range []string{"?limit=7", "?limit=3&state=expired,due", "?limit=4&key=" + url.QueryEscape("shop:0"),
		"?key=" + url.QueryEscape("a&b=c#d?e%f 公众号")} {
		whole, _ := statusOf(t, src, query)
		var seen []string
		for next := &query; next != nil; {
			var s web.Status
			var keys []string
			s, keys = statusOf(t, src, *next)
			seen, next = append(seen, keys...), s.Next
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(seen))); len(seen) != whole.Total ||
			len(unique) != len(seen) || len(seen) == 0 {
			t.Errorf("%s: %d seen, %d of them different, total %d", query, len(seen), len(unique), whole.Total)
		}
	}
}

// The command line prints all of them, those in trouble first.
func TestClientFollowsPages(t *testing.T) {
	src := crowd(2345)
	base := listen(t, web.NewHandler(src, src.Live, prometheus.NewRegistry()))
	s, err := of(t, base).Status(t.Context())
	if err != nil || len(s.Credentials) != 2345 || s.Total != 2345 || s.Next != nil {
		t.Fatalf("%d credentials, %v", len(s.Credentials), err)
	}
	lines := strings.Split(table(t, s), "\n")
	const heading = 3
	for i, line := range lines[heading : heading+24] {
		if strings.Contains(line, "expired") != (i < 23) {
			t.Errorf("row %d: %s", i, line)
		}
	}
}

// A server whose pages have no end is not ours.
func TestClientStopsFollowing(t *testing.T) {
	for _, next := range []string{"?page=2", "http://192.0.2.1/", "/elsewhere"} {
		base := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"version": "1", "instance": "x", "next": next})
		}))
		if _, err := of(t, base).Status(t.Context()); err == nil ||
			err.Error() != base+"/status has no end: is this wxtokend?" {
			t.Errorf("%s: %v", next, err)
		}
	}
}

// counted is a source that counts how much it is asked.
type counted struct {
	source
	briefs, credentials *int
}

type countedEntry struct {
	web.Entry
	counted
}

func (c counted) Credentials() iter.Seq[web.Entry] {
	return func(yield func(web.Entry) bool) {
		c.source.Credentials()(func(e web.Entry) bool { return yield(countedEntry{e, c}) })
	}
}

func (e countedEntry) Brief() web.Brief {
	*e.briefs++
	return e.Entry.Brief()
}

func (e countedEntry) Credential() web.Credential {
	*e.credentials++
	return e.Entry.Credential()
}

// What a page does not show is not computed, and nothing is looked at twice.
func TestPagesCostWhatTheyShow(t *testing.T) {
	for path, most := range map[string]int{"/": 100, "/?page=7": 100, "/status": 100, "/status?state=expired&limit=20": 20,
		"/readyz": 10, "/readyz/shop:00001:token": 1} {
		src := counted{crowd(10_000), new(int), new(int)}
		h := web.NewHandler(src, src.Live, prometheus.NewRegistry())
		base := listen(t, h)
		resp, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if *src.briefs > 10_000 || *src.credentials > most {
			t.Errorf("%s: asked for %d briefs and %d credentials", path, *src.briefs, *src.credentials)
		}
	}
}
