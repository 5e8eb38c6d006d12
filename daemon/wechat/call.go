package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// call is one question, which is asked once.
type call struct {
	op string
	// hide is what no message may repeat: the secret or the token in the request.
	hide string
	// wecom says that it goes to WeCom.
	wecom   bool
	request *http.Request
}

// ask makes a call and has its answer judged.
func (c *Client) ask(ctx context.Context, k call, judge func(answer) *Error) error {
	a, failure := c.exchange(ctx, k.request)
	a.hide = k.hide
	if failure == nil {
		failure = judge(a)
	}
	// An answer that is not WeChat's shows somebody else's clock.
	answered := failure == nil || failure.Code != 0
	if date := a.date(); answered && !date.IsZero() && c.options.Clock != nil {
		c.options.Clock(date.Add(time.Second / 2).Sub(a.at))
	}
	if failure == nil {
		return nil
	}
	failure.meant(k)
	return failure
}

// draw asks for a token or a ticket. If the process dies in here, there may be
// one that nobody knows. That is why the caller records its intent before the call.
func (c *Client) draw(ctx context.Context, k call, judge func(answer) (Grant, *Error)) (grant Grant, err error) {
	err = c.ask(ctx, k, func(a answer) (failure *Error) {
		grant, failure = judge(a)
		return failure
	})
	return grant, err
}

// carrying is the query of a call that carries a token.
func carrying(t secret.Token) url.Values { return url.Values{"access_token": {t.Reveal()}} }

// get builds a request by hand: http.NewRequest would parse the URL, and its
// error quotes what it cannot parse.
func get(base *url.URL, path string, query url.Values) *http.Request {
	target := *base
	target.Path = strings.TrimSuffix(target.Path, "/") + path
	target.RawQuery = query.Encode()
	return &http.Request{Method: http.MethodGet, URL: &target, Header: http.Header{
		// Without identity, what stands between may compress, and 64 KiB of gzip can be 64 MiB of text.
		"User-Agent": {"wxtokend"}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"},
	}}
}

// post builds a request with a body of JSON. Its length is told: a chunked body
// may be refused by WeChat's front end.
func post(base *url.URL, path string, query url.Values, fields map[string]any) *http.Request {
	// Strings and booleans cannot fail.
	body, _ := json.Marshal(fields)
	r := get(base, path, query)
	r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}
