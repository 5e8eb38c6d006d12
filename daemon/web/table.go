package web

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// PrintTable writes s for a terminal: one line per credential, then one per
// error, cure and note. Those are no columns, because they are long and often
// Chinese, whose characters are two columns wide.
func PrintTable(w io.Writer, s Status) error {
	var out bytes.Buffer
	at := "no observation of Redis yet"
	if s.Time != nil {
		at = s.Time.UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(&out, "wxtokend %s on %s, %s\n\n", oneLine(s.Version), oneLine(s.Instance), at)
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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", oneLine(c.Key), oneLine(c.AppID), oneLine(c.API),
			oneLine(string(c.State)), cmp.Or(relative(c.ExpiresAt, s.Time), "-"),
			cmp.Or(dueWords(c.DueAt, s.Time), "-"), c.Failures, oneLine(token))
	}
	_ = table.Flush() // a bytes.Buffer takes everything
}

func printRemarks(out *bytes.Buffer, s Status) {
	heading := "\n" // one blank line before the first remark
	for _, c := range s.Credentials {
		for _, remark := range remarks(c, s.Time) {
			fmt.Fprintf(out, "%s%s: %s\n", heading, oneLine(c.Key), oneLine(remark))
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
