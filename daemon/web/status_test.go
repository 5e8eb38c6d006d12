package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"wxtokend/daemon/web"
)

// golden compares got with the file testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant testdata/%s:\n%s", got, name, want)
	}
}

// The body of /status is a contract with programs of others: its fields, their
// order and form, and null for what is not known.
func TestStatusContract(t *testing.T) {
	src := sample()
	resp := ask(t, src, http.MethodGet, "/status")
	// The same fields in the same order.
	var readable bytes.Buffer
	if err := json.Indent(&readable, []byte(resp.body), "", "\t"); err != nil {
		t.Fatal(err)
	}
	golden(t, "status.json", readable.String())
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestStatusOfNothing(t *testing.T) {
	resp := ask(t, source{}, http.MethodGet, "/status")
	want := `{"version":"","instance":"","time":null,"notes":[],"credentials":[],"total":0,"next":null}` + "\n"
	if resp.body != want {
		t.Errorf("got %s", resp.body)
	}
}

func TestStatusSurvivesTheWire(t *testing.T) {
	body := strings.TrimSpace(ask(t, sample(), http.MethodGet, "/status").body)
	var once web.Status
	if err := json.Unmarshal([]byte(body), &once); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(once)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != body {
		t.Errorf("got %s\nwant %s", again, body)
	}
}
