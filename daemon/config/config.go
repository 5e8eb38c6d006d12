// Package config reads what an operator wrote: defaults, then a YAML file,
// then the environment. It is strict, so that a typing mistake stops the start
// and not the first refresh hours later, and it reports all mistakes at once.
// No message contains a secret or the source text around a mistake.
package config

import (
	"log/slog"
	"time"

	"wxtokend/daemon/secret"
)

// Config is the effective configuration: every default filled in, every
// relation checked, every file of a secret readable when it was loaded.
type Config struct {
	Log         Log
	HTTP        HTTP
	Redis       Redis
	WeChat      WeChat
	Refresh     Refresh
	Credentials []Credential // at least one after Load

	secretIn string // the configuration file if a secret is written in it, for FileModeWarnings
}

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level
	Format string // auto (text on a terminal, JSON otherwise), text or json
}

// HTTP is the daemon's own listener.
type HTTP struct {
	Listen    string // host:port; an empty host listens on every address
	TokenFile string // bearer token for requests that change something; "" = such requests are refused
}

// Redis says where Redis is. Exactly one of URL, Sentinel and Cluster is set.
type Redis struct {
	URL          secret.Secret // redis, rediss, unix or embedded; may carry a password
	Sentinel     *Sentinel
	Cluster      []string // host:port of some nodes
	Username     string
	Password     secret.Secret
	PasswordFile string
	TLS          *TLS
	DB           int           // the database behind Sentinel; a URL names its own, a Cluster has only 0
	Timeout      time.Duration // of one operation
}

// Sentinel finds the master; the user here is that of the sentinels, not of Redis.
type Sentinel struct {
	Master       string
	Addrs        []string // host:port
	Username     string
	Password     secret.Secret
	PasswordFile string
}

// TLS names files in PEM. Empty: the roots of the system, no client certificate.
type TLS struct {
	CAFile, CertFile, KeyFile, ServerName string
}

// WeChat says how to reach WeChat.
type WeChat struct {
	BaseURL   string        // without a trailing slash
	Timeout   time.Duration // of one mint, body included
	Proxy     secret.Secret // "" = none; may carry a password
	AllowHTTP bool          // plain http beyond loopback: the AppSecret travels readable
}

// Refresh holds the times that all credentials share. Poll is global, the rest
// is what a credential inherits.
type Refresh struct {
	Poll, Lease, BackoffMin, BackoffMax, VerifyEvery time.Duration
}

// Credential is one thing to keep fresh under one Redis key.
type Credential struct {
	Key, AppID string
	Secret     secret.Secret
	SecretFile string
	API        string        // stable or classic
	Ahead      time.Duration // how long before the expiry a refresh is due
	DailyLimit int           // calls to WeChat in one day
	Mint       bool          // false: observe, report, restore, but never call WeChat
	Format     string        // json or raw
	UTCOffset  string        // +hhmm or -hhmm, of the date in format json

	Lease, BackoffMin, BackoffMax, VerifyEvery time.Duration
}

// Default is the configuration of an empty file. It names no credential, so it
// is complete for everything but a refresh.
func Default() Config {
	return Config{
		Log:    Log{Level: slog.LevelInfo, Format: "auto"},
		HTTP:   HTTP{Listen: ":9477"},
		Redis:  Redis{URL: "redis://127.0.0.1:6379/0", Timeout: 2 * time.Second},
		WeChat: WeChat{BaseURL: "https://api.weixin.qq.com", Timeout: 5 * time.Second},
		Refresh: Refresh{
			Poll:        2 * time.Second,
			Lease:       30 * time.Second,
			BackoffMin:  time.Second,
			BackoffMax:  5 * time.Minute,
			VerifyEvery: 5 * time.Minute,
		},
	}
}

// DefaultCredential is a credential of that api (stable or classic) with
// everything set but the account: AppID and its secret.
func DefaultCredential(api string, r Refresh) Credential {
	c := blankCredential()
	c.API = api
	c.inherit(r)
	return c
}

func blankCredential() Credential {
	return Credential{Key: "WXAccessToken", API: "stable", Mint: true, Format: "json", UTCOffset: "+0800"}
}

// inherit fills what is unset. Zero is no legal value of any of these options,
// so it can stand for "not set".
func (c *Credential) inherit(r Refresh) {
	// stable_token returns the same token until five minutes are left, so to
	// ask earlier is useless; it allows 500,000 calls a day. The classic
	// endpoint replaces the token with each call and allows 2,000.
	ahead, limit := 4*time.Minute+30*time.Second, 10_000
	if c.API == "classic" {
		ahead, limit = 30*time.Minute, 1_000
	}
	setDefault(&c.Ahead, ahead)
	setDefault(&c.DailyLimit, limit)
	setDefault(&c.Lease, r.Lease)
	setDefault(&c.BackoffMin, r.BackoffMin)
	setDefault(&c.BackoffMax, r.BackoffMax)
	setDefault(&c.VerifyEvery, r.VerifyEvery)
}

func setDefault[T comparable](p *T, value T) {
	var unset T
	if *p == unset {
		*p = value
	}
}
