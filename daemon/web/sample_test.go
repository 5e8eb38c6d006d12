package web_test

import (
	"errors"
	"iter"
	"strings"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/web"
)

var now = time.Date(2026, 1, 1, 19, 4, 5, 678_000_000, time.UTC)

func at(d time.Duration) *time.Time { return new(now.Add(d)) }

// source is a daemon that says what the test wants.
type source struct {
	status web.Status
	live   error
}

func (s source) Overview() web.Overview { return s.status.Overview }

func (s source) Live() error { return s.live }

func (s source) Credentials() iter.Seq[web.Entry] {
	return func(yield func(web.Entry) bool) {
		for _, c := range s.status.Credentials {
			if !yield(entry(c)) {
				return
			}
		}
	}
}

func (s source) Credential(key string) (web.Entry, bool) {
	for _, c := range s.status.Credentials {
		if c.Key == key {
			return entry(c), true
		}
	}
	return nil, false
}

// entry is a credential that the test wants, as a source hands it out.
type entry web.Credential

func (e entry) Brief() web.Brief {
	return web.Brief{Key: e.Key, Brief: keeper.Brief{State: e.State, Ready: e.Unready == "", Failures: e.Failures,
		Notes: len(e.Notes)}}
}

func (e entry) Credential() web.Credential { return web.Credential(e) }

// unready is a daemon whose credentials are not ready for these reasons, and
// ready where there is none.
func unready(reasons ...string) source {
	var s source
	for i, reason := range reasons {
		c := credential(string(rune('a'+i%26))+strings.Repeat("x", i/26), keeper.Fresh)
		if reason != "" {
			c.State, c.Unready = keeper.Missing, reason
		}
		s.status.Credentials = append(s.status.Credentials, c)
	}
	return s
}

func credential(key string, state keeper.State) web.Credential {
	return web.Credential{Key: key, AppID: "wx0123456789abcdef", Kind: "official_account", API: "stable", State: state}
}

// alive is a credential with a token of two hours that expires in left.
func alive(key string, state keeper.State, left time.Duration) web.Credential {
	c := credential(key, state)
	c.ExpiresAt, c.ExpiresInSeconds = at(left), new(left.Seconds())
	c.DueAt, c.RefreshedAt = at(left-270*time.Second), at(left-2*time.Hour)
	c.Life, c.Fingerprint = 2*time.Hour, new("1a2b3c4d")
	return c
}

// sample has a credential in every state.
func sample() source {
	failing := alive("WXAccessToken:shop", keeper.Fresh, 21*time.Minute+8*time.Second)
	failing.API, failing.DueAt, failing.Failures = "classic", at(4*time.Minute+10*time.Second), 3
	failing.LastError = &web.LastError{
		Class: "ip", Code: new(40164), At: at(-50 * time.Second),
		Message: "wechat 40164: invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
	}
	failing.Cure = "Add 203.0.113.7 to the IP whitelist: 微信公众平台 → 设置与开发 → 基本配置 → " +
		"IP白名单. It takes effect within minutes; the daemon tries again by itself."
	expired := alive("WXAccessToken:campaign", keeper.Expired, -3*time.Minute-12*time.Second)
	expired.Failures, expired.DueAt = 41, at(4*time.Minute)
	expired.LastError = &web.LastError{
		Class: "transport", At: at(-62 * time.Second), Message: "mint token: dial tcp 101.226.129.166:443: i/o timeout",
	}
	rejected := alive("WXAccessToken:mini", keeper.Rejected, time.Hour+3*time.Minute)
	rejected.DueAt = at(0)
	rejected.Notes = []string{"two appids write this key: wx0123456789abcdef and wxfedcba9876543210"}
	missing := credential("WXAccessToken:new", keeper.Missing)
	missing.DueAt = at(-time.Second)
	expired.Unready, rejected.Unready = "the token expired 3m12s ago", "WeChat refuses the stored token"
	far := credential("WXAccessToken:far", keeper.Unknown)
	missing.Unready, far.Unready = "no token is stored", "no observation for 47s"
	about := web.Overview{Version: "1.2.3", Instance: "web-1", Time: at(0), Notes: []string{
		"the configuration has changed in options that need a restart: http.listen",
	}}
	return source{status: web.Status{Overview: about, Credentials: []web.Credential{
		fresh("WXAccessToken", time.Hour+52*time.Minute+7*time.Second),
		alive("WXAccessToken:news", keeper.Due, 4*time.Minute+29*time.Second),
		failing, expired, rejected, missing, far,
	}}}
}

func fresh(key string, left time.Duration) web.Credential { return alive(key, keeper.Fresh, left) }

var errStuck = errors.New("no tick has ended for 14s")
