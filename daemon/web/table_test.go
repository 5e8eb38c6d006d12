package web_test

import (
	"errors"
	"strings"
	"testing"

	"wxtokend/daemon/web"
)

func table(t *testing.T, s web.Status) string {
	t.Helper()
	var out strings.Builder
	if err := web.PrintTable(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPrintTable(t *testing.T) {
	golden(t, "table.txt", table(t, sample().status))
}

func TestPrintTableOfNothing(t *testing.T) {
	got := table(t, web.Status{Overview: web.Overview{Version: "1.2.3", Instance: "web-1"}})
	if want := "wxtokend 1.2.3 on web-1, no observation of Redis yet\n\n" +
		"KEY  APPID  API  STATE  EXPIRES  NEXT REFRESH  FAILURES  TOKEN\n"; got != want {
		t.Errorf("got %q", got)
	}
}

// What a server sent ends on somebody's terminal.
func TestPrintTableOfHostileText(t *testing.T) {
	const hostile = "a\tb\n\x1b[31mc\u202e"
	c := credential(hostile, hostile)
	c.AppID, c.API, c.Fingerprint = hostile, hostile, new(hostile)
	c.LastError = &web.LastError{Class: hostile, Message: hostile}
	c.Notes, c.Cure = []string{hostile}, hostile
	about := web.Overview{Version: hostile, Instance: hostile, Notes: []string{hostile}}
	got := table(t, web.Status{Overview: about, Credentials: []web.Credential{c}})
	if strings.ContainsAny(got, "\t\x1b\u202e") {
		t.Errorf("control characters in %q", got)
	}
	// Title, blank, note, blank, header, row, blank, error, cure, note.
	if lines := strings.Count(got, "\n"); lines != 10 {
		t.Errorf("%d lines in %q", lines, got)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestPrintTableReportsWriteErrors(t *testing.T) {
	if err := web.PrintTable(fullDisk{}, sample().status); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}
