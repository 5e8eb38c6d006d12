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
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxtokend/daemon/secret"
)

// API names one of the two endpoints that issue tokens. Their tokens do not
// touch each other.
type API string

const (
	// Stable is POST /cgi-bin/stable_token: it returns the same token until five minutes of its life are left.
	Stable API = "stable"
	// Classic is GET /cgi-bin/token: every call replaces the token before it.
	Classic API = "classic"
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
	DialContext dialer
	// RootCAs are trusted to name WeChat. nil are the system's.
	RootCAs *x509.CertPool
	// Clock, if not nil, is told with each answer of WeChat, an errcode included, how far its clock is ahead of this
	// host's: give or take half a second, as its Date header counts whole ones, and half of the call's time. Many
	// goroutines may call it at once.
	Clock func(ahead time.Duration)
}

// Client calls WeChat. It keeps no connection and no state between calls and
// may be used by many goroutines.
type Client struct {
	base  *url.URL
	proxy *url.URL
	dial  dialer
	tls   *tls.Config
	// calls holds one for each call that is being made. It is nil without a limit.
	clock func(ahead time.Duration)
}

// New checks the addresses and connects to nothing. Its errors name the
// option, never its value: both may hold a password.
func New(o Options) (*Client, error) {
	base, err := address("base_url", o.BaseURL, "http", "https")
	if err != nil {
		return nil, err
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("base_url: only scheme, host, port and path are allowed")
	}
	c := &Client{
		base:  base,
		dial:  o.DialContext,
		clock: o.Clock,
		// WeChat warns callers with less than TLS 1.2 and names no minimum of its own.
		tls: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
	}
	if c.dial == nil {
		c.dial = (&net.Dialer{}).DialContext
	}
	if o.Proxy != "" {
		c.proxy, err = address("proxy", o.Proxy, "http", "https", "socks5", "socks5h")
	}
	return c, err
}

// Request says which token to draw.
type Request struct {
	API    API
	AppID  string
	Secret secret.Secret
	// ForceRefresh, of the stable API alone, wants a new token even if the old one is good. WeChat allows 20 a day,
	// 30 s apart.
	ForceRefresh bool
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

// Mint asks WeChat for a token, once. ctx must carry a deadline; it covers the
// body too. The error is always an *Error.
//
// If the process dies in here, WeChat may have issued a token that nobody
// knows. That is why the caller records its intent before the call.
func (c *Client) Mint(ctx context.Context, r Request) (Grant, error) {
	text := r.Secret.Reveal()
	var req *http.Request
	switch r.API {
	case Classic:
		req = c.request(http.MethodGet, "/cgi-bin/token", url.Values{
			"grant_type": {"client_credential"}, "appid": {r.AppID}, "secret": {text},
		}, nil)
	case Stable:
		// WeChat takes JSON here and nothing else: a form is answered with 41002.
		req = c.request(http.MethodPost, "/cgi-bin/stable_token", nil, map[string]any{
			"grant_type": "client_credential", "appid": r.AppID, "secret": text, "force_refresh": r.ForceRefresh,
		})
	default:
		return Grant{}, &Error{Op: opMint, Class: ClassConfig, Issued: NotIssued, Message: "api must be stable or classic"}
	}
	a, failure := c.exchange(ctx, req, text)
	var grant Grant
	if failure == nil {
		grant, failure = a.grant()
		c.tellTime(a, failure)
	}
	if failure == nil {
		return grant, nil
	}
	failure.Op = opMint
	if failure.Issued == MaybeIssued && failure.Code == 0 {
		failure.Message += "; WeChat may have issued a token"
	}
	return Grant{}, failure
}

// Verify asks WeChat whether it accepts a token, by the cheapest call that
// needs one (GET /cgi-bin/get_api_domain_ip, about 1000 a day). nil means
// accepted. An *Error with Refused() means the token is dead; every other
// *Error says nothing about it. ctx must carry a deadline.
func (c *Client) Verify(ctx context.Context, t secret.Token) error {
	text := t.Reveal()
	query := url.Values{"access_token": {text}}
	a, failure := c.exchange(ctx, c.request(http.MethodGet, "/cgi-bin/get_api_domain_ip", query, nil), text)
	if failure == nil {
		failure = a.verdict()
		c.tellTime(a, failure)
	}
	if failure == nil {
		return nil
	}
	failure.Op = opVerify
	if failure.Refused() {
		// The table's class is the one of the token endpoints, where 40001 speaks of the AppSecret.
		failure.Class = ClassUnknown
	}
	return failure
}

// tellTime passes on what WeChat's clock said. An answer that is not WeChat's
// shows somebody else's clock.
func (c *Client) tellTime(a answer, failure *Error) {
	date := a.date()
	if c.clock == nil || date.IsZero() || failure != nil && failure.Code == 0 {
		return
	}
	c.clock(date.Add(time.Second / 2).Sub(a.at))
}

// request builds a call by hand: http.NewRequest would parse the URL, and its
// error quotes what it cannot parse.
func (c *Client) request(method, path string, query url.Values, body map[string]any) *http.Request {
	target := *c.base
	target.Path = strings.TrimSuffix(target.Path, "/") + path
	target.RawPath = ""
	target.RawQuery = query.Encode()
	r := &http.Request{
		Method: method,
		URL:    &target,
		Host:   target.Host,
		// Without identity, what stands between may compress, and 64 KiB of gzip can be 64 MiB of text.
		Header: http.Header{
			"User-Agent": {"wxtokend"}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"},
		},
	}
	if body != nil {
		// Strings and booleans cannot fail.
		text, _ := json.Marshal(body)
		r.Header.Set("Content-Type", "application/json")
		r.Body = io.NopCloser(bytes.NewReader(text))
		// Without it the body would be chunked, which WeChat's front end may refuse.
		r.ContentLength = int64(len(text))
	}
	return r
}
