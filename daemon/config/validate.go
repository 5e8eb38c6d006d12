package config

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"

	"wxtokend/daemon/lock"
	"wxtokend/daemon/secret"
)

// validate checks what no option can check alone: choices, relations, files.
func (l *loader) validate() {
	l.validateRedis()
	c := &l.cfg
	l.validateAddress("wechat.base_url", c.WeChat.BaseURL)
	l.validateAddress("wechat.wecom_base_url", c.WeChat.WeComBaseURL)
	if _, err := c.HTTP.ReadToken(l.ctx); err != nil {
		l.failSecret("http.token_file", err)
	}
	l.require(c.HTTP.ProbesListen == "" || c.HTTP.ProbesListen != c.HTTP.Listen || strings.HasSuffix(c.HTTP.Listen, ":0"),
		"http.probes_listen", "is the same as listen: give the probes a port of their own, such as \":9478\"")
	l.validateConsumers(l.validateLock())
	l.relations("refresh", c.Refresh)
	l.require(len(c.Credentials) > 0, "credentials", "none is configured: add one to %s, "+
		"or set WXTOKEND_APPID and WXTOKEND_SECRET_FILE", l.file)
	l.validateCredentials()
}

func (l *loader) validateAddress(option, address string) {
	if base, err := url.Parse(address); err == nil && base.Scheme == "http" {
		l.require(l.cfg.WeChat.AllowHTTP || IsLoopback(base.Hostname()), option,
			"plain http would send the AppSecret readable: use https, or set allow_http: true")
	}
}

// validateRedis wants one way to the server and one source for each secret.
func (l *loader) validateRedis() {
	r := l.cfg.Redis
	others := r.Sentinel != nil || len(r.Cluster) > 0
	l.require(!others || r.URL == "" && (r.Sentinel == nil || len(r.Cluster) == 0), "redis",
		"url, sentinel and cluster exclude each other: keep one")
	l.require(len(r.Cluster) > 0 || !l.isSet("redis.cluster"), "redis.cluster", "must name at least one node")
	l.require(r.Sentinel != nil || !l.isSet("redis.db"), "redis.db",
		"is for sentinel: a url ends in its own database, as in redis://127.0.0.1:6379/1, and a cluster has only 0")
	l.validateSecret("redis", "password", r.Password, r.PasswordFile)
	if s := r.Sentinel; s != nil {
		l.require(s.Master != "", "redis.sentinel.master",
			"missing: set it to the name under which the sentinels know the master")
		l.require(len(s.Addrs) > 0, "redis.sentinel.addrs", "must name at least one sentinel")
		l.validateSecret("redis.sentinel", "password", s.Password, s.PasswordFile)
	}
	if u, err := url.Parse(r.URL.Reveal()); err == nil {
		l.require(u.Scheme != "embedded" || IsLoopback(u.Hostname()), "redis.url", "embedded Redis has no password, "+
			"so it must listen on a loopback address: embedded://127.0.0.1:6379")
		l.require(!r.URL.HasPassword() || r.Password == "" && r.PasswordFile == "", "redis.url",
			"holds a password, and so does an option of its own: keep one")
		l.require(u.User.Username() == "" || r.Username == "", "redis.url",
			"holds a user name, and so does the option username: keep one")
		l.require(r.TLS == nil || others || u.Scheme == "rediss", "redis.tls",
			"is not used with %s://, where everything travels readable: write rediss:// in redis.url, or remove tls", u.Scheme)
	}
	if t := r.TLS; t != nil && (t.CertFile == "") != (t.KeyFile == "") {
		l.fail("redis.tls", "cert_file and key_file need each other")
		return
	}
	// What is wrong with the files of TLS is told before the first connection.
	_, err := r.Options(l.ctx)
	if inPath, ok := errors.AsType[*fs.PathError](err); ok {
		option, _, _ := strings.Cut(err.Error(), ": ")
		l.fail(option, "%s: %s", shown(inPath.Path), inPath.Err)
	}
}

// validateLock reads the files, so that what is wrong with them is told before
// somebody is let in or kept out. It returns nil without any, and if they are wrong.
func (l *loader) validateLock() *lock.Lock {
	h := l.cfg.HTTP
	if h.WebConfigFile == "" {
		return nil
	}
	l.require(h.ProbesListen != "", "http.web_config_file", "needs probes_listen: whoever probes has no password and no "+
		"certificate, so give the probes an address of their own, such as \":9478\"")
	locked, err := lock.Open(l.ctx, h.WebConfigFile)
	if err != nil {
		l.fail("http.web_config_file", "%s: %s", shown(h.WebConfigFile), err)
		return nil
	}
	l.cfg.lockedBy = locked.SecretFiles()
	return locked
}

// relations checks the times r of the section at path: refresh or a credential.
// The lease covers one refresh to its end: begin, mint and commit.
func (l *loader) relations(path string, r Refresh) {
	least := l.cfg.WeChat.Timeout + 2*l.cfg.Redis.Timeout
	lease := path + ".lease"
	l.relation(r.Lease >= least, path, []string{lease, "wechat.timeout", "redis.timeout"},
		"lease %v must be at least wechat.timeout + 2 × redis.timeout = %v", r.Lease, least)
	l.relation(r.Poll <= r.Lease, path, []string{lease, "refresh.poll"},
		"poll %v must be at most lease %v", r.Poll, r.Lease)
	l.relation(r.BackoffMin <= r.BackoffMax, path, []string{path + ".backoff_min", path + ".backoff_max"},
		"backoff_min %v must be at most backoff_max %v", r.BackoffMin, r.BackoffMax)
}

// relation blames the first of the options that was set; the defaults alone
// are right. A credential that inherits a wrong time has set none of its own.
func (l *loader) relation(ok bool, path string, options []string, format string, args ...any) {
	set := func(option string) bool {
		return l.isSet(option) && (path == "refresh" || strings.HasPrefix(option, path))
	}
	if blamed := slices.IndexFunc(options, set); !ok && blamed >= 0 {
		l.fail(options[blamed], format, args...)
	}
}

// validateSecret wants one source for the secret name of the section at path.
// Its file is read to be missed at the start and not at the first refresh.
func (l *loader) validateSecret(path, name string, text secret.Secret, file string) {
	option := path + "." + name + "_file"
	if text != "" && file != "" {
		l.fail(option, "%s and %[1]s_file exclude each other: keep one", name)
	} else if _, err := fromFile(l.ctx, file, text); err != nil {
		l.failSecret(option, err)
	}
}

func (l *loader) failSecret(option string, err error) {
	l.fail(option, "%s: it must be a file that user id %d can read, with nothing but the secret in it", err, os.Getuid())
}
