package config

// options is the table of everything that can be configured, bound to c. The
// file, the environment, Dump and the test of config.yaml all read this table,
// so an option cannot exist for one of them and be unknown to another.
func (c *Config) options() []option {
	return []option{
		section("log",
			level("level", &c.Log.Level),
			text("format", &c.Log.Format, oneOf("auto", "text", "json")),
		),
		section("http",
			text("listen", &c.HTTP.Listen, CheckListen),
			text("token_file", &c.HTTP.TokenFile),
		),
		c.Redis.section(),
		section("wechat",
			text("base_url", &c.WeChat.BaseURL, checkBaseURL),
			duration("timeout", &c.WeChat.Timeout),
			hiddenURL("proxy", &c.WeChat.Proxy, checkProxy),
			boolean("allow_http", &c.WeChat.AllowHTTP),
		),
		section("refresh",
			duration("poll", &c.Refresh.Poll),
			duration("lease", &c.Refresh.Lease),
			duration("backoff_min", &c.Refresh.BackoffMin),
			duration("backoff_max", &c.Refresh.BackoffMax),
			duration("verify_every", &c.Refresh.VerifyEvery),
		),
		list("credentials", &c.Credentials, blankCredential, (*Credential).section),
	}
}

func (r *Redis) section() option {
	return section("redis",
		hiddenURL("url", &r.URL, checkRedisURL),
		optional("sentinel", &r.Sentinel, func(s *Sentinel) []option {
			return []option{
				text("master", &s.Master),
				addresses("addrs", &s.Addrs),
				text("username", &s.Username),
				hidden("password", &s.Password),
				text("password_file", &s.PasswordFile),
			}
		}),
		addresses("cluster", &r.Cluster),
		text("username", &r.Username),
		hidden("password", &r.Password),
		text("password_file", &r.PasswordFile),
		optional("tls", &r.TLS, func(t *TLS) []option {
			return []option{
				text("ca_file", &t.CAFile),
				text("cert_file", &t.CertFile),
				text("key_file", &t.KeyFile),
				text("server_name", &t.ServerName),
			}
		}),
		duration("timeout", &r.Timeout),
	)
}

func (c *Credential) section() option {
	return section("",
		text("key", &c.Key, checkKey),
		text("appid", &c.AppID),
		hidden("secret", &c.Secret),
		text("secret_file", &c.SecretFile),
		text("api", &c.API, oneOf("stable", "classic")),
		duration("ahead", &c.Ahead),
		number("daily_limit", &c.DailyLimit),
		boolean("mint", &c.Mint),
		text("format", &c.Format, oneOf("json", "raw")),
		text("utc_offset", &c.UTCOffset, checkUTCOffset),
		duration("lease", &c.Lease),
		duration("backoff_min", &c.BackoffMin),
		duration("backoff_max", &c.BackoffMax),
		duration("verify_every", &c.VerifyEvery),
	)
}
