package config

import (
	"fmt"
	"slices"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/store"
)

func (l *loader) validateCredentials() {
	c := &l.cfg
	owner := map[string]int{}
	for i, own := range c.Credentials {
		path := fmt.Sprintf("credentials[%d]", i)
		l.validateKind(path, own)
		l.validateSecret(path, "secret", own.Secret, own.SecretFile)
		l.validateKeys(path, own.Key, i, owner)
		l.relations(path, Refresh{c.Refresh.Poll, own.Lease, own.BackoffMin, own.BackoffMax, own.VerifyEvery})
	}
}

// validateKind wants of a credential what its kind needs, and nothing that would
// have no effect.
func (l *loader) validateKind(path string, own Credential) {
	form := own.Form()
	l.refuse(path, form)
	if form.Parent != "" {
		l.validateParent(path, own, form)
	} else {
		l.require(form.AtWeCom || own.AppID != "", path+".appid", "missing: set it to the AppID of the account")
		l.require(!form.AtWeCom || own.CorpID != "", path+".corpid", "missing: set it to the CorpID of the company")
		l.require(!own.Mint || own.Account().HasSecret(), path+".secret",
			"missing: set secret_file (or secret), or mint: false for a replica that never calls WeChat")
	}
	l.require(own.Rotate == "" || own.Traits().Forces(), path+".rotate",
		"has no effect on the kind %s, of which a draw gives the same again: remove it", own.Kind)
	l.require(slices.Contains(form.APIs, own.API), path+".api", "has no effect on the kind %s, which has only one: remove it", own.Kind)
	l.require(len(credential.Owner(own.Kind, own.Account().Name())) <= store.LongestAppID, path,
		"appid, or corpid and agentid, must be at most %d bytes long, the name of a ticket's kind included", store.LongestAppID)
}

// validateParent wants the credential whose token a ticket is drawn with.
func (l *loader) validateParent(path string, own Credential, form credential.Form) {
	parent := slices.IndexFunc(l.cfg.Credentials, func(c Credential) bool { return c.Key == own.From })
	switch {
	case own.From == "":
		l.fail(path+".from", "missing: a %s is drawn with the token of another credential, whose key stands here", own.Kind)
	case parent < 0:
		l.fail(path+".from", "no credential has this key: add the %s that the %s is drawn with", form.Parent, own.Kind)
	case l.cfg.Credentials[parent].Kind != form.Parent:
		l.fail(path+".from", "the credential with this key is of kind %s, and a %s is drawn with the token of kind %s",
			l.cfg.Credentials[parent].Kind, own.Kind, form.Parent)
	}
}

// refuse says which options have no effect on a kind.
func (l *loader) refuse(path string, form credential.Form) {
	useless, why := []string{"corpid", "agentid", "from"}, "which is drawn with appid and secret"
	switch {
	case form.Parent != "":
		useless, why = []string{"appid", "corpid", "agentid", "secret", "secret_file"}, "which has those of from"
	case form.AtWeCom:
		useless, why = []string{"appid", "from"}, "which is drawn with corpid and secret"
	}
	for _, option := range useless {
		option = path + "." + option
		l.require(!l.isSet(option), option, "has no effect on the kind %s, %s: remove it", form.Kind, why)
	}
}

// validateKeys refuses two credentials that would write one Redis key, be it
// the key of one and a side key of the other.
func (l *loader) validateKeys(path, key string, i int, owner map[string]int) {
	// That it can be a key was checked with the option.
	keys, _ := store.NewKeys(key)
	for _, key := range []string{keys.Value, keys.State, keys.Lease, keys.Rejected} {
		if other, taken := owner[key]; taken {
			l.fail(path+".key", "shares a Redis key with credentials[%d]: give each credential a key of its own", other)
			return
		}
		owner[key] = i
	}
}
