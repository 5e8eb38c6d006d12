package layout

import (
	"strings"
	"time"
)

// Row is a row of the table, for tests and documents.
type Row struct {
	Layout, Read, Kind string
	Mini               bool
	Key, Form, Holds   string
	Early              int
	Shared             bool
}

// Table returns all rows.
func Table() []Row {
	var all []Row
	for _, l := range table() {
		for _, r := range l.rows {
			all = append(all, Row{
				l.name, l.read, r.kind, r.mini, r.key, string(r.form), r.holds, int(r.early.Seconds()), r.shared,
			})
		}
	}
	return all
}

// PHPJSON is phpJSON, to be compared with PHP's.
func PHPJSON(text string) string { return phpJSON(text) }

// Example is what lies there for TOKEN, which ends at 1479300000.
func (r Row) Example() string {
	ends := time.Unix(1479300000, 0)
	value, fields := Mirror{Form: Format(r.Form), holds: r.Holds}.Entry("TOKEN", 2*time.Hour, ends, ends).Reveal()
	for i := 0; i < len(fields); i += 2 {
		value = strings.TrimSpace(value + " " + fields[i] + "=" + fields[i+1])
	}
	return value
}
