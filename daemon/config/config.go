// Package config reads what an operator wrote: defaults, then a YAML file,
// then the environment. It is strict, so that a typing mistake stops the start
// and not the first refresh hours later, and it reports all mistakes at once.
// No message contains a secret, a value or the source text around a mistake.
//
// The structs here are the table of all options: their tags name an option in
// the file (yaml), its variable (env) and what a single value must be (is).
package config

import (
	"time"

	"wxtokend/daemon/secret"
)

// Config is the effective configuration: every default filled in, every
// relation checked, every file of a secret readable when it was loaded.
type Config struct {
	Log     Log     `yaml:"log"`
	HTTP    HTTP    `yaml:"http"`
	Redis   Redis   `yaml:"redis"`
	WeChat  WeChat  `yaml:"wechat"`
	Refresh Refresh `yaml:"refresh"`
	Metrics Metrics `yaml:"metrics"`
	// There is at least one after Load.
	Credentials []Credential `yaml:"credentials"`

	// The configuration's files, once for each secret that is written there, for SecretFiles.
	secretIn []string
	digest   Digest
	// What was read, by its path, for Lost.
	traces map[string]trace
	// http.web_config_file and its key.
	lockedBy []string
}

// Log says what is logged, and how: text, json or auto, which is text on a
// terminal and JSON otherwise.
type Log struct {
	Level  string `yaml:"level" env:"WXTOKEND_LOG_LEVEL" is:"debug info warn error"`
	Format string `yaml:"format" env:"WXTOKEND_LOG_FORMAT" is:"auto text json"`
}

// HTTP is the daemon's own listener, host:port where an empty host is every
// address. Without a token file, requests that change something are refused.
// The web configuration file says who may look, in the format of package lock;
// with one, the probes are answered at ProbesListen as well, in plain HTTP.
type HTTP struct {
	Listen        string `yaml:"listen" env:"WXTOKEND_HTTP_LISTEN" is:"listen"`
	TokenFile     string `yaml:"token_file,omitempty"`
	WebConfigFile string `yaml:"web_config_file,omitempty"`
	ProbesListen  string `yaml:"probes_listen,omitempty" is:"listen"`
	// They switch the token API on.
	Consumers []Consumer `yaml:"consumers,omitempty"`
}

// Consumer is an app that may read some keys over HTTP. SecretSHA256 is that of
// its secret, in 64 hex digits. JSSDKOrigins are those of the pages that it may
// have signed for wx.config, such as https://shop.example.com.
type Consumer struct {
	Name         string   `yaml:"name" is:"consumer name"`
	SecretSHA256 string   `yaml:"secret_sha256" is:"sha256"`
	Keys         []string `yaml:"keys" is:"key"`
	JSSDKOrigins []string `yaml:"jssdk_origins,omitempty" is:"origin"`
}

// Redis says where Redis is. Exactly one of URL, Sentinel and Cluster is set;
// the URL may carry a password. DB is the database behind Sentinel: a URL names
// its own, and a Cluster has only one. Timeout is that of one operation.
type Redis struct {
	URL          secret.URL    `yaml:"url,omitempty" env:"WXTOKEND_REDIS_URL" is:"redis url"`
	Sentinel     *Sentinel     `yaml:"sentinel,omitempty"`
	Cluster      []string      `yaml:"cluster,omitempty" is:"address"`
	DB           int           `yaml:"db,omitempty" is:"database"`
	Username     string        `yaml:"username,omitempty" env:"WXTOKEND_REDIS_USERNAME"`
	Password     secret.Secret `yaml:"password,omitempty"`
	PasswordFile string        `yaml:"password_file,omitempty" env:"WXTOKEND_REDIS_PASSWORD_FILE"`
	TLS          *TLS          `yaml:"tls,omitempty"`
	Timeout      time.Duration `yaml:"timeout" is:"duration"`
}

// Sentinel finds the master; the user here is that of the sentinels, not of Redis.
type Sentinel struct {
	Master       string        `yaml:"master"`
	Addrs        []string      `yaml:"addrs" is:"address"`
	Username     string        `yaml:"username,omitempty"`
	Password     secret.Secret `yaml:"password,omitempty"`
	PasswordFile string        `yaml:"password_file,omitempty"`
}

// TLS names files in PEM. Empty: the roots of the system, no client certificate.
type TLS struct {
	CAFile     string `yaml:"ca_file,omitempty"`
	CertFile   string `yaml:"cert_file,omitempty"`
	KeyFile    string `yaml:"key_file,omitempty"`
	ServerName string `yaml:"server_name,omitempty"`
}

// WeChat says how to reach WeChat, and WeCom. The base URLs have no trailing
// slash, Timeout is that of one mint with its body, Proxy may carry a password,
// AllowHTTP lets the AppSecret travel readable beyond loopback.
type WeChat struct {
	BaseURL      string        `yaml:"base_url" env:"WXTOKEND_WECHAT_BASE_URL" is:"base url"`
	WeComBaseURL string        `yaml:"wecom_base_url" is:"base url"`
	Timeout      time.Duration `yaml:"timeout" is:"duration"`
	Proxy        secret.URL    `yaml:"proxy,omitempty" env:"WXTOKEND_WECHAT_PROXY" is:"proxy url"`
	AllowHTTP    bool          `yaml:"allow_http" is:"true false"`
}

// Refresh holds the times that all credentials share. Poll is global, the rest
// is what a credential inherits.
type Refresh struct {
	Poll        time.Duration `yaml:"poll" is:"duration"`
	Lease       time.Duration `yaml:"lease" is:"lease"`
	BackoffMin  time.Duration `yaml:"backoff_min" is:"backoff"`
	BackoffMax  time.Duration `yaml:"backoff_max" is:"backoff"`
	VerifyEvery time.Duration `yaml:"verify_every" is:"verify"`
}

// Metrics says whether each credential has series of its own: always, never, or
// auto, which is up to 200 credentials. Beyond that the same series are sums.
type Metrics struct {
	PerKey string `yaml:"per_key" is:"auto always never"`
}

// Default is the configuration of an empty file. It names no credential, so it
// is complete for everything but a refresh.
func Default() Config {
	return Config{
		Log:   Log{Level: "info", Format: "auto"},
		HTTP:  HTTP{Listen: ":9477"},
		Redis: Redis{URL: "redis://127.0.0.1:6379/0", Timeout: 2 * time.Second},
		WeChat: WeChat{
			BaseURL: "https://api.weixin.qq.com", WeComBaseURL: "https://qyapi.weixin.qq.com", Timeout: 5 * time.Second,
		},
		Refresh: Refresh{
			Poll: 2 * time.Second, Lease: 30 * time.Second,
			BackoffMin: time.Second, BackoffMax: 5 * time.Minute, VerifyEvery: 5 * time.Minute,
		},
		Metrics: Metrics{PerKey: "auto"},
	}
}
