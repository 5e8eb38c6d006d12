package web

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
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
	s.Credentials = troubleFirst(s.Credentials)
	var out bytes.Buffer
	at := "no observation of Redis yet"
	if s.Time != nil {
		at = s.Time.UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(&out, "wxtokend %s on %s, %s\n\n", printable(s.Version, nameLimit), printable(s.Instance, nameLimit), at)
	if len(s.Credentials) == 0 {
		out.WriteString("no credentials\n")
	}
	printRows(&out, s)
	printRemarks(&out, s)
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("print status: %w", err)
	}
	return nil
}

func troubleFirst(all []Credential) []Credential {
	return slices.SortedStableFunc(slices.Values(all), func(a, b Credential) int {
		switch {
		case a.trouble() == b.trouble():
			return 0
		case a.trouble():
			return -1
		}
		return 1
	})
}

func printRows(out *bytes.Buffer, s Status) {
	if len(s.Credentials) == 0 {
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tAPPID\tAPI\tSTATE\tEXPIRES\tNEXT REFRESH\tFAILURES\tTOKEN")
	for _, c := range s.Credentials {
		token := "-"
		if c.Fingerprint != nil {
			token = *c.Fingerprint
		}
		cells := []string{c.Key, c.AppID, c.API, string(c.State), cmp.Or(relative(c.ExpiresAt, s.Time), "-"),
			cmp.Or(dueWords(c.DueAt, s.Time), "-"), strconv.Itoa(c.Failures), token}
		for i, text := range cells {
			cells[i] = printable(text, nameLimit)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	_ = table.Flush() // a bytes.Buffer takes everything
}

func printRemarks(out *bytes.Buffer, s Status) {
	heading := "\n" // one blank line before the first remark
	for _, c := range s.Credentials {
		for _, remark := range remarks(c, s.Time) {
			fmt.Fprintf(out, "%s%s: %s\n", heading, printable(c.Key, nameLimit), printable(remark, textLimit))
			heading = ""
		}
	}
}

// remarks are what a person should read about c, as on the page.
func remarks(c Credential, now *time.Time) (lines []string) {
	if e := c.LastError; e != nil {
		class := e.Class
		if e.Code != nil {
			class += " " + strconv.Itoa(*e.Code)
		}
		if when := relative(e.At, now); when != "" {
			class += ", " + when
		}
		lines = append(lines, class+": "+withoutCure(e.Message, c.Cure))
	}
	if c.Cure != "" {
		lines = append(lines, "what to do: "+c.Cure)
	}
	for _, note := range c.Notes {
		lines = append(lines, "note: "+note)
	}
	return lines
}
