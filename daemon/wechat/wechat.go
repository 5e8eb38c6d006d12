// Package wechat is the client of the token and ticket endpoints of WeChat and
// of WeCom, and the table of their return codes.
//
// A mint cannot be undone: a classic one starts the last five minutes of the
// token before it, and every one counts against a daily quota. So a call here
// is made at most once (a fresh connection, no redirect, no retry), it is not
// made at all when its time is already over, and an error says whether the
// request may have left.
//
// The AppSecret is part of the URL of a classic mint, the token of a
// verification and of a ticket. No error of this package contains a URL, any text of an
// answer that is not an errcode, or any text of an error whose content a
// server chooses.
package wechat

import (
	"context"
	"crypto/x509"
	"net"
	"net/url"
	"time"

	"wxtokend/daemon/secret"
)

const (
	opMint   = "mint token"
	opTicket = "mint ticket"
	opVerify = "verify token"
	opQuota  = "ask quota"

	// Both platforms have it.
	pathDomainIP = "/cgi-bin/get_api_domain_ip"
)

// Options are the ways to WeChat. Only BaseURL is required.
type Options struct {
	// BaseURL is scheme://host[:port], http or https. A path is a prefix of every call.
	BaseURL string
	// WeComURL is the same for WeCom, whose own is https://qyapi.weixin.qq.com. "" is BaseURL.
	WeComURL string
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
	options            Options
	base, wecom, proxy *url.URL
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
	c := &Client{options: o, base: base, wecom: base}
	if o.WeComURL != "" {
		if c.wecom, err = address("wecom_base_url", o.WeComURL); err != nil {
			return nil, err
		}
	}
	if o.Proxy != "" {
		c.proxy, err = address("proxy", o.Proxy)
	}
	return c, err
}

// Grant is a validated answer of a token or ticket endpoint.
type Grant struct {
	// Token, which may be a ticket, has 1 to 512 printable ASCII characters.
	Token secret.Token
	// ExpiresIn is in whole milliseconds, from 1 ms to 30 days, and counts from an instant before WeChat answered.
	ExpiresIn time.Duration
	// ServerTime is WeChat's Date header, zero if there was none.
	ServerTime time.Time
}

// ClassicToken asks GET /cgi-bin/token, once. Every call replaces the token
// before it.
func (c *Client) ClassicToken(ctx context.Context, appID string, appSecret secret.Secret) (Grant, error) {
	return c.draw(ctx, call{op: opMint, hide: appSecret.Reveal(), request: get(c.base, "/cgi-bin/token", url.Values{
		"grant_type": {"client_credential"}, "appid": {appID}, "secret": {appSecret.Reveal()},
	})}, answer.grant)
}

// StableToken asks POST /cgi-bin/stable_token, once. It gives the same token
// until five minutes of its life are left; force wants a new one even so. WeChat
// allows 20 of those a day, 30 s apart. Its tokens and the classic ones do not
// touch each other.
func (c *Client) StableToken(ctx context.Context, appID string, appSecret secret.Secret, force bool) (Grant, error) {
	// WeChat takes JSON here and nothing else: a form is answered with 41002.
	request := post(c.base, "/cgi-bin/stable_token", nil, map[string]any{
		"grant_type": "client_credential", "appid": appID, "secret": appSecret.Reveal(), "force_refresh": force,
	})
	return c.draw(ctx, call{op: opMint, hide: appSecret.Reveal(), request: request}, answer.grant)
}

// Verify asks WeChat whether it accepts a token, by the cheapest call that
// needs one (GET /cgi-bin/get_api_domain_ip, about 1000 a day). nil means
// accepted. An *Error with Refused() means the token is dead; every other
// *Error says nothing about it.
func (c *Client) Verify(ctx context.Context, t secret.Token) error {
	request := get(c.base, pathDomainIP, carrying(t))
	return c.ask(ctx, call{op: opVerify, hide: t.Reveal(), request: request}, answer.verdict)
}
