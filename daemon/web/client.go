package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"wxtokend/daemon/secret"
)

// The command line talks to a daemon on the same host, mostly: an answer takes
// milliseconds, and a page of the status some hundred bytes per credential.
const (
	clientTimeout = 5 * time.Second
	answerLimit   = 8 << 20
	statusPages   = 1000
)

// Client asks one daemon over HTTP. The zero value is none.
type Client struct{ base *url.URL }

// NewClient returns a client of the daemon at baseURL, such as
// http://127.0.0.1:9477. A user and password in it are sent as basic
// authentication, for a proxy in between; no error repeats them.
func NewClient(baseURL string) (Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return Client{}, errors.New("must be http://HOST:PORT")
	}
	u.Path = cmp.Or(u.Path, "/")
	return Client{u}, nil
}

// String is the base URL without its password.
func (c Client) String() string { return strings.TrimSuffix(c.base.Redacted(), "/") }

// ListenURL is the base URL under which a daemon with this http.listen can be
// reached from its own host.
func ListenURL(listen string) string {
	// The configuration has checked it.
	host, port, _ := net.SplitHostPort(listen)
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}).String()
}

// Status asks the daemon for the status of all credentials, page after page and
// each within 5 s.
func (c Client) Status(ctx context.Context) (Status, error) {
	var all []Credential
	for page := range statusPages {
		s, err := c.statusPage(ctx, query{limit: maxLimit}.at(page+1))
		if err != nil {
			return Status{}, err
		}
		all = append(all, s.Credentials...)
		if s.Next == nil {
			s.Credentials = all
			return s, nil
		}
	}
	return Status{}, fmt.Errorf("%s/status has no end: is this wxtokend?", c)
}

func (c Client) statusPage(ctx context.Context, query string) (s Status, err error) {
	code, body, err := c.ask(ctx, "/status"+query, http.Request{})
	switch {
	case err != nil:
		return s, err
	case code != http.StatusOK:
		return s, fmt.Errorf("%s/status answered %d %s: is this wxtokend?", c, code, http.StatusText(code))
	}
	err = json.Unmarshal(body, &s)
	if err == nil && (s.Version == "" || s.Instance == "") {
		// Any JSON object would do until here.
		err = errors.New("it names no version and instance")
	}
	if err != nil {
		return s, fmt.Errorf("%s/status is not a status of wxtokend: %w: is this wxtokend?", c, err)
	}
	return s, nil
}

// Probe asks one of the probe endpoints, such as /readyz: nil on 200 and "ok",
// else an error with the reasons that the daemon gave. Whatever else listens
// there may answer 200 to everything.
func (c Client) Probe(ctx context.Context, path string) error {
	code, body, err := c.ask(ctx, path, http.Request{})
	text := strings.TrimSpace(string(body))
	switch {
	case err != nil:
		return err
	case code == http.StatusOK && text == probeOK:
		return nil
	case code == http.StatusOK:
		return fmt.Errorf("%s%s answered 200 OK, but not %q: is this wxtokend?", c, path, probeOK)
	}
	reasons := printable(strings.ReplaceAll(text, "\n", "; "), textLimit)
	return fmt.Errorf("%s%s answered %d %s: %s", c, path, code, http.StatusText(code), reasons)
}

// Refresh asks the daemon for a refresh of key, once, within 5 s, and returns
// what it said. bearer is the token of its http.token_file.
func (c Client) Refresh(ctx context.Context, key string, force bool, bearer secret.Secret) (message string, err error) {
	if c.base.User != nil {
		return "", errors.New("a refresh is authorised by http.token_file: " +
			"name the daemon by a URL without user and password")
	}
	req := http.Request{Method: http.MethodPost, Header: http.Header{"Authorization": {"Bearer " + bearer.Reveal()}}}
	if force {
		req.Body = io.NopCloser(strings.NewReader(`{"force":true}`))
	}
	code, body, err := c.ask(ctx, "/refresh/"+pathOf(key), req)
	if err != nil {
		return "", err
	}
	var answer struct{ Message, Error string }
	// Whoever answers something else is quoted.
	_ = json.Unmarshal(body, &answer)
	message = printable(cmp.Or(answer.Message, answer.Error, strings.TrimSpace(string(body))), textLimit)
	if code == http.StatusAccepted {
		return message, nil
	}
	return "", fmt.Errorf("%s refused the refresh: %d %s: %s", c, code, http.StatusText(code), message)
}

// pathOf is key as one segment of a path. A server may resolve a dot segment,
// and has to leave an escaped one alone.
func pathOf(key string) string { return strings.ReplaceAll(url.PathEscape(key), ".", "%2E") }

// ask sends req to a path below the base, which may have a query, without proxies
// and redirects: the answer of anybody but the daemon itself would be about
// somebody else.
func (c Client) ask(ctx context.Context, target string, req http.Request) (code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	path, query, _ := strings.Cut(target, "?")
	req.URL = c.base.JoinPath(path)
	req.URL.RawQuery = query
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return 0, nil, c.unreachable(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return 0, nil, fmt.Errorf("read %s%s: %w", c, path, err)
	}
	return resp.StatusCode, body, nil
}

// unreachable keeps the last cause of err and adds what to look at: the layers
// between say dial, tcp and connect, which the address says already.
func (c Client) unreachable(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = errno
	} else if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the daemon at %s gives no answer within %s: %w", c, clientTimeout, err)
	}
	return fmt.Errorf("no daemon answers at %s: %w; is it running, is http.listen the same?", c, err)
}
