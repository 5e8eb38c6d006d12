package config

import (
	"cmp"
	"context"
	"reflect"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
)

// Credential is one thing to keep fresh under one Redis key. What says whose it
// is depends on its Kind: AppID, or CorpID and perhaps AgentID, with a secret, or
// From, the key of the credential whose token each draw needs. Ahead is how long
// before the expiry a refresh is due, DailyLimit counts calls to WeChat, Rotate
// is a cron expression that package credential reads,
// UTCOffset is that of the date in format json: +hhmm or -hhmm. Without Mint it
// is observed, reported and restored, but WeChat is never asked for a token.
type Credential struct {
	Key         string        `yaml:"key" env:"WXTOKEND_KEY" is:"key"`
	Kind        string        `yaml:"kind" is:"kind"`
	AppID       string        `yaml:"appid,omitempty" env:"WXTOKEND_APPID" is:"visible"`
	CorpID      string        `yaml:"corpid,omitempty" is:"account"`
	AgentID     string        `yaml:"agentid,omitempty" is:"account"`
	From        string        `yaml:"from,omitempty" is:"key"`
	Secret      secret.Secret `yaml:"secret,omitempty" env:"WXTOKEND_SECRET"`
	SecretFile  string        `yaml:"secret_file,omitempty" env:"WXTOKEND_SECRET_FILE"`
	API         string        `yaml:"api,omitempty" env:"WXTOKEND_API" is:"stable classic"`
	Ahead       time.Duration `yaml:"ahead,omitempty" is:"duration"`
	DailyLimit  int           `yaml:"daily_limit,omitempty" is:"count"`
	Rotate      string        `yaml:"rotate,omitempty" is:"rotation"`
	Mint        bool          `yaml:"mint" env:"WXTOKEND_MINT" is:"true false"`
	Format      string        `yaml:"format" is:"json raw"`
	UTCOffset   string        `yaml:"utc_offset" is:"utc offset"`
	Lease       time.Duration `yaml:"lease,omitempty" is:"lease"`
	BackoffMin  time.Duration `yaml:"backoff_min,omitempty" is:"backoff"`
	BackoffMax  time.Duration `yaml:"backoff_max,omitempty" is:"backoff"`
	VerifyEvery time.Duration `yaml:"verify_every,omitempty" is:"verify"`
	Targets     []Target      `yaml:"targets,omitempty"`

	// Of the credential that From names.
	parent Account
}

// Account is whose credential it is.
type Account struct {
	// ID is the appid or the corpid, AgentID the number of an agent of WeCom, "" for none.
	ID, AgentID string

	secret     secret.Secret
	secretFile string
}

// Name is what people call the account: its appid, or CORPID/AGENTID.
func (a Account) Name() string {
	if a.AgentID == "" {
		return a.ID
	}
	return a.ID + "/" + a.AgentID
}

// HasSecret says that the AppSecret is configured.
func (a Account) HasSecret() bool { return a.secret != "" || a.secretFile != "" }

// ReadSecret returns the AppSecret, read anew on each call.
func (a Account) ReadSecret(ctx context.Context) (secret.Secret, error) {
	return fromFile(ctx, a.secretFile, a.secret)
}

// Account is that of the credential, of a ticket that of its parent, once Adopt has told it.
func (c Credential) Account() Account {
	if c.Form().Parent != "" {
		return c.parent
	}
	return Account{cmp.Or(c.AppID, c.CorpID), c.AgentID, c.Secret, c.SecretFile}
}

// AddressFor is the base URL of the platform that c comes from.
func (w WeChat) AddressFor(c Credential) string {
	if c.Form().AtWeCom {
		return w.WeComBaseURL
	}
	return w.BaseURL
}

// Form is what a credential of this kind is told.
func (c Credential) Form() credential.Form {
	form, _ := credential.FormOf(c.Kind)
	return form
}

// Traits are what its tokens are like.
func (c Credential) Traits() credential.Traits {
	traits, _ := credential.TraitsOf(c.Kind, c.API)
	return traits
}

// Equal says that both are configured alike, the account of a parent included.
func (c Credential) Equal(other Credential) bool { return reflect.DeepEqual(c, other) }

// Adopt tells each credential the account of the one that it is drawn from.
func Adopt(all []Credential) {
	accounts := make(map[string]Account, len(all))
	for _, c := range all {
		if c.Form().Parent == "" {
			accounts[c.Key] = c.Account()
		}
	}
	for i := range all {
		all[i].parent = accounts[all[i].From]
	}
}

// DefaultCredential is a credential of an official account, by that api (stable
// or classic), with everything set but the account: AppID and its secret.
func DefaultCredential(api string, r Refresh) Credential {
	c := blankCredential()
	c.API = api
	c.inherit(r)
	return c
}

func blankCredential() Credential {
	return Credential{
		Key: "WXAccessToken", Kind: credential.OfficialAccount, Mint: true, Format: "json", UTCOffset: "+0800",
	}
}

// inherit fills what is unset. Zero is no legal value of any of these options,
// so it can stand for "not set".
func (c *Credential) inherit(r Refresh) {
	if apis := c.Form().APIs; len(apis) > 0 {
		c.API = cmp.Or(c.API, apis[0])
	}
	c.Ahead = cmp.Or(c.Ahead, c.Traits().Ahead)
	c.DailyLimit = cmp.Or(c.DailyLimit, c.Traits().DailyLimit)
	c.Lease = cmp.Or(c.Lease, r.Lease)
	c.BackoffMin = cmp.Or(c.BackoffMin, r.BackoffMin)
	c.BackoffMax = cmp.Or(c.BackoffMax, r.BackoffMax)
	c.VerifyEvery = cmp.Or(c.VerifyEvery, r.VerifyEvery)
	for i := range c.Targets {
		c.Targets[i].inherit(*c)
	}
}
