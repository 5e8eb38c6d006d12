package web

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// PrintTable writes s for a terminal: one line per credential, first those that
// a person should look at, then one per error, cure and note. Those are no
// columns, because they are long and often Chinese, whose characters are two
// columns wide.
func PrintTable(w io.Writer, s Status) error {
	var out, remarks bytes.Buffer
	fmt.Fprintf(&out, "wxtokend %s on %s, %s\n\n", printable(s.Version, nameLimit), printable(s.Instance, nameLimit),
		cmp.Or(exact(s.Time), "no observation of Redis yet"))
	for _, note := range s.Notes {
		fmt.Fprintf(&out, "%s\n\n", printable(note, textLimit))
	}
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tAPPID\tAPI\tSTATE\tEXPIRES\tNEXT REFRESH\tFAILURES\tTOKEN")
	for _, trouble := range []bool{true, false} {
		for _, c := range s.Credentials {
			if c.brief().trouble() == trouble {
				printRow(table, &remarks, c.printable(), s.Time)
			}
		}
	}
	// A bytes.Buffer takes everything.
	_ = table.Flush()
	if remarks.Len() > 0 {
		fmt.Fprintf(&out, "\n%s", &remarks)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("print status: %w", err)
	}
	return nil
}

func printRow(table, remarks io.Writer, c Credential, now *time.Time) {
	cells := []string{c.Key, c.AppID, cmp.Or(c.API, c.Kind), string(c.State), relative(c.ExpiresAt, now),
		dueWords(c.DueAt, now),
		strconv.Itoa(c.Failures), c.token()}
	for i, text := range cells {
		cells[i] = cmp.Or(printable(text, nameLimit), "-")
	}
	fmt.Fprintln(table, strings.Join(cells, "\t"))
	for _, r := range c.remarks(now) {
		fmt.Fprintf(remarks, "%s: %s: %s\n", cells[0], r.Title, r.Text)
	}
}

// remark is something that a person should read about a credential.
type remark struct{ Title, Text string }

func (c Credential) remarks(now *time.Time) (all []remark) {
	if e := c.LastError; e != nil {
		title := e.Class
		if e.Code != nil {
			title += " " + strconv.Itoa(*e.Code)
		}
		if when := relative(e.At, now); when != "" {
			title += ", " + when
		}
		text := e.Message
		if c.Cure != "" {
			// The message names the cure between the meaning and WeChat's own words.
			text = strings.Replace(text, "; "+c.Cure, "", 1)
		}
		all = append(all, remark{title, text})
	}
	if c.Cure != "" {
		all = append(all, remark{"what to do", c.Cure})
	}
	for _, note := range c.Notes {
		all = append(all, remark{"note", note})
	}
	return all
}
