package config

import (
	"fmt"
	"net/url"
	"slices"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// validate checks what no option can check alone: choices, relations, files.
func (l *loader) validate() {
	l.validateRedis()
	c := &l.cfg
	if base, err := url.Parse(c.WeChat.BaseURL); err == nil && base.Scheme == "http" {
		l.require(c.WeChat.AllowHTTP || isLoopback(base.Hostname()), "wechat.base_url",
			"plain http would send the AppSecret readable: use https, or set allow_http: true")
	}
	_, err := c.HTTP.ReadToken(l.ctx)
	l.requireFile(err, "http.token_file")

	l.relations("refresh", c.Refresh)
	l.require(len(c.Credentials) > 0, "credentials", "none is configured: add one to %s, or set WXTOKEND_APPID and WXTOKEND_SECRET_FILE", l.file)
	owner := map[string]int{}
	for i, credential := range c.Credentials {
		path := fmt.Sprintf("credentials[%d]", i)
		l.validateCredential(path, credential)
		l.validateKeys(path, credential, i, owner)
		l.relations(path, Refresh{c.Refresh.Poll, credential.Lease, credential.BackoffMin, credential.BackoffMax, credential.VerifyEvery})
	}
}

// validateRedis wants one way to the server and one source for each secret.
func (l *loader) validateRedis() {
	r := l.cfg.Redis
	ways := 0
	for _, set := range []bool{r.URL != "", r.Sentinel != nil, len(r.Cluster) > 0} {
		if set {
			ways++
		}
	}
	l.require(ways <= 1, "redis", "url, sentinel and cluster exclude each other: keep one")
	l.require(len(r.Cluster) > 0 || !l.isSet("redis.cluster"), "redis.cluster", "must name at least one node")
	l.either("redis", "password", r.Password, r.PasswordFile)
	_, err := r.ReadPassword(l.ctx)
	l.requireFile(err, "redis.password_file")
	if s := r.Sentinel; s != nil {
		l.require(s.Master != "", "redis.sentinel.master", "missing: set it to the name under which the sentinels know the master")
		l.require(len(s.Addrs) > 0, "redis.sentinel.addrs", "must name at least one sentinel")
		l.either("redis.sentinel", "password", s.Password, s.PasswordFile)
		_, err := s.ReadPassword(l.ctx)
		l.requireFile(err, "redis.sentinel.password_file")
	}
	if u, err := url.Parse(r.URL.Reveal()); err == nil && u.User != nil {
		_, password := u.User.Password()
		l.require(!password || r.Password == "" && r.PasswordFile == "", "redis.url", "holds a password, and so does an option of its own: keep one")
		l.require(u.User.Username() == "" || r.Username == "", "redis.url", "holds a user name, and so does the option username: keep one")
	}
	if t := r.TLS; t != nil {
		l.require((t.CertFile == "") == (t.KeyFile == ""), "redis.tls", "cert_file and key_file need each other")
	}
}

// validateCredential wants an account, and its secret if it shall be used.
func (l *loader) validateCredential(path string, c Credential) {
	l.require(c.AppID != "", path+".appid", "missing: set it to the AppID of the account")
	if c.Mint {
		l.require(c.Secret != "" || c.SecretFile != "", path+".secret",
			"missing: set secret_file (or secret), or mint: false for a replica that never calls WeChat")
	}
	l.either(path, "secret", c.Secret, c.SecretFile)
	if c.SecretFile != "" {
		_, err := c.ReadSecret(l.ctx)
		l.requireFile(err, path+".secret_file")
	}
}

// validateKeys refuses two credentials that would write one Redis key, be it
// the key of one and a side key of the other.
func (l *loader) validateKeys(path string, c Credential, i int, owner map[string]int) {
	keys, err := store.NewKeys(c.Key)
	if err != nil {
		return // the option has complained already
	}
	clash := -1
	for _, key := range []string{keys.Value, keys.State, keys.Lease, keys.Rejected} {
		if other, taken := owner[key]; taken {
			clash = other
			continue
		}
		owner[key] = i
	}
	l.require(clash < 0, path+".key", "shares a Redis key with credentials[%d]: give each credential a key of its own", clash)
}

// relations checks the times r of the section at path: refresh or a credential.
// The lease covers one refresh to its end: begin, mint and commit.
func (l *loader) relations(path string, r Refresh) {
	option := func(name string) string {
		if own := join(path, name); l.isSet(own) {
			return own
		}
		return "refresh." + name
	}
	mint, redis := l.cfg.WeChat.Timeout, l.cfg.Redis.Timeout
	l.relation(r.Lease >= mint+2*redis, []string{option("lease"), "wechat.timeout", "redis.timeout"},
		"lease %v must be at least wechat.timeout + 2 × redis.timeout = %v", r.Lease, mint+2*redis)
	l.relation(r.Poll <= r.Lease, []string{option("lease"), "refresh.poll"}, "poll %v must be at most lease %v", r.Poll, r.Lease)
	l.relation(r.BackoffMin <= r.BackoffMax, []string{option("backoff_min"), option("backoff_max")},
		"backoff_min %v must be at most backoff_max %v", r.BackoffMin, r.BackoffMax)
}

// relation is require for several options: it blames the first one that was
// set, and is silent if any of them is broken. So a credential that inherits a
// wrong time is not blamed for it once more.
func (l *loader) relation(ok bool, paths []string, format string, args ...any) {
	blamed := slices.IndexFunc(paths, l.isSet)
	if ok || blamed < 0 || slices.ContainsFunc(paths, l.isBroken) {
		return
	}
	l.fail(paths[blamed], format, args...)
}

// either refuses a secret that is written both as text and as the name of a file.
func (l *loader) either(path, name string, text secret.Secret, file string) {
	l.require(text == "" || file == "", path+"."+name+"_file", "%s and %s_file exclude each other: keep one", name, name)
}

// requireFile reports what reading a file of a secret found. It is read here
// only to be missed at the start and not at the first refresh.
func (l *loader) requireFile(err error, path string) {
	if err != nil {
		l.require(false, path, "%s", err)
	}
}
