package web_test

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"os"
	"testing"
	"time"

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
	var readable bytes.Buffer // the same fields in the same order
	if err := json.Indent(&readable, []byte(resp.body), "", "\t"); err != nil {
		t.Fatal(err)
	}
	golden(t, "status.json", readable.String())
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if src.status.Credentials[0].ExpiresAt.Nanosecond() != now.Nanosecond() {
		t.Error("encoding changed the times of the source")
	}
}

func TestStatusOfNothing(t *testing.T) {
	resp := ask(t, source{}, http.MethodGet, "/status")
	want := `{"version":"","instance":"","time":null,"credentials":[],"total":0,"next":null}` + "\n"
	if resp.body != want {
		t.Errorf("got %s", resp.body)
	}
}

func TestStatusSurvivesTheWire(t *testing.T) {
	body, err := json.Marshal(sample().status)
	if err != nil {
		t.Fatal(err)
	}
	var once web.Status
	if err := json.Unmarshal(body, &once); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(once)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(body) {
		t.Errorf("got %s\nwant %s", again, body)
	}
}

// A token must never seem to live longer than it does.
func TestStatusRoundsDown(t *testing.T) {
	c := credential("k", web.Fresh)
	c.ExpiresAt, c.ExpiresInSeconds = new(time.Unix(100, 999_999_999)), new(-0.0001)
	body, err := json.Marshal(web.Status{Credentials: []web.Credential{c}})
	if err != nil {
		t.Fatal(err)
	}
	var got web.Status
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if at := got.Credentials[0].ExpiresAt; at.UnixNano() != 100_999_000_000 {
		t.Errorf("expires_at %v", at)
	}
	if left := *got.Credentials[0].ExpiresInSeconds; left != -0.001 {
		t.Errorf("expires_in_seconds %v", left)
	}
}

func TestStatusThatCannotBeEncoded(t *testing.T) {
	src := sample()
	src.status.Credentials[0].ExpiresInSeconds = new(math.NaN())
	if resp := ask(t, src, http.MethodGet, "/status"); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("%d %s", resp.StatusCode, resp.body)
	}
}
