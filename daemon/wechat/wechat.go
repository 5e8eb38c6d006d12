// Package wechat is the client of WeChat's token endpoints and the table of
// WeChat's return codes.
//
// A mint cannot be undone: a classic one starts the last five minutes of the
// token before it, and every one counts against a daily quota. So a call here
// is made at most once (a fresh connection, no redirect, no retry), it is not
// made at all when its time is already over, and an error says whether the
// request may have left.
//
// The AppSecret is part of the URL of a classic mint, the token of a
// verification. No error of this package contains a URL, any text of an
// answer that is not an errcode, or any text of an error whose content a
// server chooses.
package wechat

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

const (
	opMint   = "mint token"
	opVerify = "verify token"
)

// Options are the ways to WeChat. Only BaseURL is required.
type Options struct {
	// BaseURL is scheme://host[:port], http or https. A path is a prefix of every call.
	BaseURL string
	// Proxy is an http, https or socks5 URL. "" is a direct connection, whatever the environment says.
	Proxy string
	// DialContext makes the connections. nil is a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// RootCAs are trusted to name WeChat. nil are the system's.
	RootCAs *x509.CertPool
	// Clock, if not nil, is told with each answer of WeChat, an errcode included, how far its clock is ahead of this
	// host's: give or take half a second, as its Date header counts whole ones, and half of the call's time. Many
	// goroutines may call it at once.
	Clock func(ahead time.Duration)
}

// Client calls WeChat. It keeps no connection and no state between calls and
// may be used by many goroutines. Each call needs a ctx with a deadline, which
// covers the body too, and fails with an *Error alone.
type Client struct {
	options     Options
	base, proxy *url.URL
}

// New reads the addresses and connects to nothing. Its errors name the
// option, never its value: both may hold a password.
func New(o Options) (*Client, error) {
	base, err := address("base_url", o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.DialContext == nil {
		o.DialContext = (&net.Dialer{}).DialContext
	}
	c := &Client{options: o, base: base}
	if o.Proxy != "" {
		c.proxy, err = address("proxy", o.Proxy)
	}
	return c, err
}

// Grant is a validated answer of a token endpoint.
type Grant struct {
	// Token has 1 to 512 printable ASCII characters.
	Token secret.Token
	// ExpiresIn is in whole milliseconds, from 1 ms to 30 days, and counts from an instant before WeChat answered.
	ExpiresIn time.Duration
	// ServerTime is WeChat's Date header, zero if there was none.
	ServerTime time.Time
}

// ClassicToken asks GET /cgi-bin/token, once. Every call replaces the token
// before it.
func (c *Client) ClassicToken(ctx context.Context, appID string, appSecret secret.Secret) (Grant, error) {
	return c.mint(ctx, appSecret.Reveal(), c.get("/cgi-bin/token", url.Values{
		"grant_type": {"client_credential"}, "appid": {appID}, "secret": {appSecret.Reveal()},
	}))
}

// StableToken asks POST /cgi-bin/stable_token, once. It gives the same token
// until five minutes of its life are left; force wants a new one even so. WeChat
// allows 20 of those a day, 30 s apart. Its tokens and the classic ones do not
// touch each other.
func (c *Client) StableToken(ctx context.Context, appID string, appSecret secret.Secret, force bool) (Grant, error) {
	// WeChat takes JSON here and nothing else: a form is answered with 41002.
	return c.mint(ctx, appSecret.Reveal(), c.post("/cgi-bin/stable_token", map[string]any{
		"grant_type": "client_credential", "appid": appID, "secret": appSecret.Reveal(), "force_refresh": force,
	}))
}

// mint asks for a token, once. If the process dies in here, WeChat may have
// issued one that nobody knows. That is why the caller records its intent before
// the call.
func (c *Client) mint(ctx context.Context, hide string, r *http.Request) (grant Grant, err error) {
	err = c.ask(ctx, opMint, hide, r, func(a answer) (failure *Error) {
		grant, failure = a.grant()
		return failure
	})
	return grant, err
}

// Verify asks WeChat whether it accepts a token, by the cheapest call that
// needs one (GET /cgi-bin/get_api_domain_ip, about 1000 a day). nil means
// accepted. An *Error with Refused() means the token is dead; every other
// *Error says nothing about it.
func (c *Client) Verify(ctx context.Context, t secret.Token) error {
	query := url.Values{"access_token": {t.Reveal()}}
	return c.ask(ctx, opVerify, t.Reveal(), c.get("/cgi-bin/get_api_domain_ip", query), answer.verdict)
}

// ask makes one call and has its answer judged. No message may repeat hide.
func (c *Client) ask(ctx context.Context, op, hide string, r *http.Request, judge func(answer) *Error) error {
	a, failure := c.exchange(ctx, r)
	a.hide = hide
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
	failure.Op = op
	return failure
}

// get builds a call by hand: http.NewRequest would parse the URL, and its
// error quotes what it cannot parse.
func (c *Client) get(path string, query url.Values) *http.Request {
	target := *c.base
	target.Path = strings.TrimSuffix(target.Path, "/") + path
	target.RawQuery = query.Encode()
	return &http.Request{Method: http.MethodGet, URL: &target, Header: http.Header{
		// Without identity, what stands between may compress, and 64 KiB of gzip can be 64 MiB of text.
		"User-Agent": {"wxtokend"}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"},
	}}
}

// post builds a call with a body of JSON. Its length is told: a chunked body may
// be refused by WeChat's front end.
func (c *Client) post(path string, fields map[string]any) *http.Request {
	// Strings and booleans cannot fail.
	body, _ := json.Marshal(fields)
	r := c.get(path, nil)
	r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}
