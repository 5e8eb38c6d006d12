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
// milliseconds and some hundred bytes per credential.
const (
	clientTimeout = 5 * time.Second
	statusLimit   = 8 << 20
	probeLimit    = 64 << 10
)

// ListenURL is the base URL under which a daemon with this http.listen can be
// reached from its own host.
func ListenURL(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "http://" + listen
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	base := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	return base.String()
}

// FetchStatus asks the daemon at baseURL for its status, once, within 5 s.
func FetchStatus(ctx context.Context, baseURL string) (Status, error) {
	code, body, err := ask(ctx, http.MethodGet, baseURL, "/status", nil, statusLimit)
	if err != nil {
		return Status{}, err
	}
	if code != http.StatusOK {
		return Status{}, fmt.Errorf("%s/status answered %d %s: is this wxtokend?", baseURL, code, http.StatusText(code))
	}
	var s Status
	if err := json.Unmarshal(body, &s); err != nil {
		return Status{}, fmt.Errorf("%s/status is not a status of wxtokend: %w: is this wxtokend?", baseURL, err)
	}
	if s.Version == "" || s.Instance == "" { // any JSON object would do until here
		return Status{}, fmt.Errorf("%s/status is not a status of wxtokend: it names no version and instance: is this wxtokend?", baseURL)
	}
	return s, nil
}

// Probe asks one of the probe endpoints, such as /readyz: nil on 200 and "ok",
// else an error with the reasons that the daemon gave. Whatever else listens
// there may answer 200 to everything.
func Probe(ctx context.Context, baseURL, path string) error {
	code, body, err := ask(ctx, http.MethodGet, baseURL, path, nil, probeLimit)
	if err != nil {
		return err
	}
	if code == http.StatusOK {
		if strings.TrimSpace(string(body)) == probeOK {
			return nil
		}
		return fmt.Errorf("%s%s answered 200 OK, but not %q: is this wxtokend?", baseURL, path, probeOK)
	}
	reasons := oneLine(strings.ReplaceAll(strings.TrimSpace(string(body)), "\n", "; "))
	return fmt.Errorf("%s%s answered %d %s: %s", baseURL, path, code, http.StatusText(code), reasons)
}

// Refresh asks the daemon at baseURL for a refresh of key, once, within 5 s,
// and returns what it said. bearer is the token of its http.token_file.
func Refresh(ctx context.Context, baseURL, key string, force bool, bearer secret.Secret) (message string, err error) {
	authorise := func(req *http.Request) {
		req.Header.Set("Authorization", "Bearer "+bearer.Reveal())
		if force {
			req.Body = io.NopCloser(strings.NewReader(`{"force":true}`))
		}
	}
	code, body, err := ask(ctx, http.MethodPost, baseURL, "/refresh/"+url.PathEscape(key), authorise, probeLimit)
	if err != nil {
		return "", err
	}
	var answer struct{ Message, Error string }
	_ = json.Unmarshal(body, &answer) // whoever answers something else is quoted
	message = oneLine(cmp.Or(answer.Message, answer.Error, strings.TrimSpace(string(body))))
	if code == http.StatusAccepted {
		return message, nil
	}
	return "", fmt.Errorf("%s refused the refresh: %d %s: %s", baseURL, code, http.StatusText(code), message)
}

// ask makes one request without proxies and redirects: the answer of anybody
// but the daemon at baseURL would be about somebody else.
func ask(ctx context.Context, method, baseURL, path string, prepare func(*http.Request), limit int64) (code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, baseURL+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("ask daemon: %w", err)
	}
	if prepare != nil {
		prepare(req)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, unreachable(baseURL, err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return 0, nil, fmt.Errorf("read %s%s: %w", baseURL, path, err)
	}
	if int64(len(body)) > limit {
		return 0, nil, fmt.Errorf("read %s%s: more than %d bytes", baseURL, path, limit)
	}
	return resp.StatusCode, body, nil
}

// unreachable keeps the last cause of err and adds what to look at: the layers
// between say dial, tcp and connect, which the address says already.
func unreachable(baseURL string, err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = errno
	} else if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the daemon at %s gives no answer within %s: %w", baseURL, clientTimeout, err)
	}
	return fmt.Errorf("no daemon answers at %s: %w; is it running, is http.listen the same?", baseURL, err)
}
