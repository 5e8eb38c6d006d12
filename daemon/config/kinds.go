package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/layout"
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
	places := map[string]layout.Mirror{}
	for i, own := range c.Credentials {
		l.validateTargets(fmt.Sprintf("credentials[%d]", i), own, owner, places)
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
	l.require(slices.Contains(form.APIs, own.API), path+".api",
		"has no effect on the kind %s, which has only one: remove it", own.Kind)
	l.require(len(credential.Owner(own.Kind, own.Account().Name())) <= store.LongestAppID, path,
		"appid, or corpid and agentid, must be at most %d bytes long, the name of a ticket's kind included",
		store.LongestAppID)
}

// validateParent wants the credential whose token a ticket is drawn with.
func (l *loader) validateParent(path string, own Credential, form credential.Form) {
	parent := slices.IndexFunc(l.cfg.Credentials, func(c Credential) bool { return c.Key == own.From })
	switch {
	case own.From == "":
		l.fail(path+".from", "missing: a %s is drawn with the token of another credential, whose key stands here",
			own.Kind)
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
	for _, key := range keys.List() {
		if other, taken := owner[key]; taken {
			l.fail(path+".key", "shares a Redis key with credentials[%d]: give each credential a key of its own", other)
			return
		}
		owner[key] = i
	}
}

// validateTargets wants a place for each target that nothing else is written to:
// owner has the keys of the credentials, and taken what other targets write.
func (l *loader) validateTargets(path string, own Credential, owner map[string]int, taken map[string]layout.Mirror) {
	for i, t := range own.Targets {
		path := fmt.Sprintf("%s.targets[%d]", path, i)
		l.validateFile(path, t)
		all, err := own.Places(l.ctx, t)
		if refused, ok := errors.AsType[*layout.Refusal](err); ok {
			l.fail(path+"."+refused.Place, "%s: %s", refused.Reason, refused.Cure)
		} else if err != nil {
			l.failSecret(path, err)
		}
		for _, place := range all {
			name := cmp.Or(place.Key.Reveal(), place.File)
			if other, is := taken[name]; !is {
				taken[name] = place.Mirror
			} else if clash := layout.Clash(other, place.Mirror); clash != "" {
				l.fail(path, "%s", clash)
			}
			other, owned := owner[name]
			l.require(!owned, path, "%v is a key that credentials[%d] keeps itself: choose another", place, other)
		}
	}
}

// validateFile refuses a file that would be read as something else.
func (l *loader) validateFile(path string, t Target) {
	l.require(t.Mode == "" || t.File != "", path+".mode", "is that of a file: remove it, or write file")
	if t.File == "" {
		return
	}
	l.require(filepath.IsAbs(t.File) && !strings.HasSuffix(t.File, "/"), path+".file",
		"must be the absolute path of a file, such as /run/wx/token")
	isList := endsAsList(t.File) && sameFile(listsBeside(l.source.Path), filepath.Dir(t.File))
	l.require(!isList, path+".file", "would be read as a list of credentials: choose a place outside credentials.d")
	mine := append(l.cfg.SecretFiles(), slices.Collect(maps.Keys(l.cfg.traces))...)
	l.require(!slices.ContainsFunc(mine, func(other string) bool { return sameFile(other, t.File) }), path+".file",
		"is a file that wxtokend reads itself: choose another")
}

// sameFile compares names, and what they lead to.
func sameFile(a, b string) bool {
	absolute, err := filepath.Abs(a)
	if err == nil && absolute == filepath.Clean(b) {
		return true
	}
	one, err := os.Stat(a)
	other, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(one, other)
}
