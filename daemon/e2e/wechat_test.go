package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// simulator is WeChat in a process of its own, and the oracle of every test.
type simulator struct {
	*process
	t      testing.TB
	url    string
	client http.Client
}

// startWeChat takes accounts, and how long tokens live at this WeChat.
// overlap is both how long a superseded token is accepted and how early the
// stable endpoint renews.
func startWeChat(t testing.TB, life, overlap time.Duration, accounts ...account) *simulator {
	t.Helper()
	args := []string{binary, "simulate", "--listen", "127.0.0.1:0", "--life", life.String(), "--overlap", overlap.String()}
	for _, a := range accounts {
		args = append(args, "--app", a.appid+":"+a.secret)
	}
	s := &simulator{t: t, process: spawn(t, "simulator", nil, args...)}
	// A stopped simulator must not stop the tests for ever. Loopback may lose a
	// packet on a busy machine too, and sends it again after a second or three.
	s.client = http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	t.Cleanup(s.client.CloseIdleConnections)
	eventually(t, 20*time.Second, "the simulator says where it listens", func() error {
		if s.url = regexp.MustCompile(`http://[0-9.]+:[0-9]+`).FindString(s.out.String()); s.url == "" {
			return fmt.Errorf("it printed %q", s.out.String())
		}
		return nil
	})
	return s
}

// ask sends a request to the simulator's own interface.
func (s *simulator) ask(method, path, body string, into any) error {
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	return json.Unmarshal(text, into)
}

func (s *simulator) must(method, path, body string, into any) {
	s.t.Helper()
	// Only a test that stops the simulator meets a timeout here, and it waits for that itself.
	eventually(s.t, 20*time.Second, "the simulator answers", func() error { return s.ask(method, path, body, into) })
}

// accepts is the only oracle that counts.
func (s *simulator) accepts(appid, token string) (bool, error) {
	var answer struct{ Accepted bool }
	err := s.ask("GET", "/sim/accepts?appid="+appid+"&token="+url.QueryEscape(token), "", &answer)
	return answer.Accepted, err
}

// issue is a token that WeChat gave, by its fingerprint.
type issue struct {
	AppID, Token string
	At           time.Time
}

// issues are all of an account, oldest first.
func (s *simulator) issues(appid string) []issue {
	s.t.Helper()
	var all []issue
	s.must("GET", "/sim/issued", "", &all)
	return slices.DeleteFunc(all, func(i issue) bool { return i.AppID != appid })
}

// issued are the fingerprints of all tokens of an account, oldest first.
func (s *simulator) issued(appid string) (prints []string) {
	s.t.Helper()
	for _, i := range s.issues(appid) {
		prints = append(prints, strings.TrimPrefix(i.Token, "token:"))
	}
	return prints
}

// calls is how often the account's token was asked for, in vain or not.
func (s *simulator) calls(appid string) int {
	s.t.Helper()
	var apps []struct {
		AppID string
		Calls map[string]int
	}
	s.must("GET", "/sim/apps", "", &apps)
	for _, a := range apps {
		if a.AppID == appid {
			return a.Calls["/cgi-bin/token"] + a.Calls["/cgi-bin/stable_token"]
		}
	}
	s.t.Fatalf("no app %s", appid)
	return 0
}

// fault is one of docs/simulator.md, as JSON without the appid.
func (s *simulator) fault(a account, fields string) {
	s.t.Helper()
	var answer struct{ ID int }
	if err := s.ask("POST", "/sim/faults", fmt.Sprintf(`{"appid":%q,%s}`, a.appid, fields), &answer); err != nil {
		s.t.Fatal(err)
	}
}

// draw is somebody else who draws a token of the account.
func (s *simulator) draw(a account) string {
	s.t.Helper()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := s.ask("POST", "/sim/draw", fmt.Sprintf(`{"appid":%q,"channel":%q}`, a.appid, a.api), &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer.Token
}
