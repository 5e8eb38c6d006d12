package layout_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/layout"
)

// update rewrites the tables in the documents: go test ./daemon/layout -run Docs -update.
var update = flag.Bool("update", false, "rewrite the tables of docs/layouts.md and docs/layouts.zh-CN.md")

// words are what the tables say in one language.
type words struct {
	plain, prefixed, formats, mini, early, required string
}

// TestDocsSayWhatTheTableSays holds the tables of docs/layouts*.md equal to what is written: a heading and a table for
// each layout, and one for the free formats.
func TestDocsSayWhatTheTableSays(t *testing.T) {
	for file, w := range map[string]words{
		"../../docs/layouts.md": {"| kind | key | what lies there |\n| --- | --- | --- |\n",
			"| kind | key | prefix | what lies there |\n| --- | --- | --- | --- |\n",
			"| format | a token | a ticket |\n| --- | --- | --- |\n",
			", `mini: true`", ", ends 10 s before the token", "the app's own"},
		"../../docs/layouts.zh-CN.md": {"| kind | 键 | 内容 |\n| --- | --- | --- |\n",
			"| kind | 键 | 前缀 | 内容 |\n| --- | --- | --- | --- |\n",
			"| format | token | ticket |\n| --- | --- | --- |\n",
			"，`mini: true`", "，比 token 早 10 秒到期", "应用自己的"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := string(text)
		for heading, table := range tables(w) {
			section := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(heading) + `\n(?:[^|#\n].*\n|\n)*((?:\|.*\n)+)`)
			if found := section.FindStringSubmatchIndex(want); found == nil {
				t.Errorf("%s has no section %q with a table", file, heading)
			} else {
				want = want[:found[2]] + table + want[found[3]:]
			}
		}
		if want == string(text) {
			continue
		}
		if !*update {
			t.Errorf("%s is not what the table says: go test ./daemon/layout -run Docs -update", file)
		} else if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tables returns each table by the heading of its section.
func tables(w words) map[string]string {
	all := map[string]string{"## Formats": w.formats}
	for _, format := range layout.Formats() {
		token, ticket := example("official_account", format), example("jsapi_ticket", format)
		all["## Formats"] += fmt.Sprintf("| `%s` | `%s` | `%s` |\n", format, token, ticket)
	}
	rows := layout.Table()
	hasPrefix := map[string]bool{}
	for _, r := range rows {
		hasPrefix[r.Layout] = hasPrefix[r.Layout] || strings.Contains(r.Key, "{prefix")
	}
	for _, r := range rows {
		heading := fmt.Sprintf("## %s (%s)", r.Layout, r.Read)
		if all[heading] == "" && hasPrefix[r.Layout] {
			all[heading] = w.prefixed
		} else if all[heading] == "" {
			all[heading] = w.plain
		}
		all[heading] += w.line(r, hasPrefix[r.Layout])
	}
	return all
}

// example is a free target.
func example(kind string, format layout.Format) string {
	target := layout.Target{Key: "K", Format: format, UTCOffset: "+0800"}
	mirrors, err := target.Mirrors(subject(kind))
	if err != nil {
		panic(err)
	}
	return written(mirrors[0].Entry("TOKEN", 2*time.Hour, ends, ends.Add(-time.Hour)))
}

func (w words) line(r layout.Row, hasPrefix bool) string {
	key, prefix := w.key(r.Key)
	cells := []string{"`" + r.Kind + "`", "`" + key + "`", "`" + r.Example() + "`"}
	if r.Mini {
		cells[0] += w.mini
	}
	if r.Early != 0 {
		cells[2] += w.early
	}
	if hasPrefix {
		cells = slices.Insert(cells, 2, prefix)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// key returns a key as people write it, and what its prefix is without an option.
func (w words) key(key string) (shown, prefix string) {
	key = strings.NewReplacer("{_agentid}", "[_{agentid}]", "{:agentid}", "[:{agentid}]",
		`{"appid"}`, `"{appid}"`, `{"corpid"}`, `"{corpid}"`, `{"secret"}`, `"{secret}"`).Replace(key)
	place := regexp.MustCompile(`\{prefix([:_-]*)(\|?)([^}]*)\}`).FindStringSubmatch(key)
	if place == nil {
		return key, ""
	}
	shown = "{prefix}"
	if place[1] != "" {
		shown = "[{prefix}:]"
	}
	switch {
	case place[2] == "":
		prefix = w.required
	case place[3] != "":
		prefix = "`" + place[3] + "`"
	}
	return strings.Replace(key, place[0], shown, 1), prefix
}
