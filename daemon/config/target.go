package config

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/layout"
)

// Target is one more place where readers look for the token of a credential: the
// keys of an SDK by the name of its Layout, a Key in Redis, or a File. Format and
// UTCOffset are as those of the credential, of a layout its own. Prefix, Mini and
// SecretInKey are for layouts, the last for a Key as well, Mode is that of a file in octal digits.
type Target struct {
	Layout      string `yaml:"layout,omitempty"`
	Prefix      string `yaml:"prefix,omitempty" is:"visible"`
	Mini        bool   `yaml:"mini,omitempty" is:"true false"`
	SecretInKey bool   `yaml:"secret_in_key,omitempty" is:"true false"`
	Key         string `yaml:"key,omitempty" is:"visible"`
	File        string `yaml:"file,omitempty"`
	Format      string `yaml:"format,omitempty" is:"format"`
	UTCOffset   string `yaml:"utc_offset,omitempty" is:"utc offset"`
	Mode        string `yaml:"mode,omitempty" is:"mode"`
}

// inherit fills what is unset of a target of c.
func (t *Target) inherit(c Credential) {
	if t.Layout == "" {
		t.Format, t.UTCOffset = cmp.Or(t.Format, c.Format), cmp.Or(t.UTCOffset, c.UTCOffset)
	}
	if t.File != "" {
		t.Mode = cmp.Or(t.Mode, "0600")
	}
}

func (t Target) layout() layout.Target {
	file := t.File
	if file != "" {
		// One place has one name.
		file = filepath.Clean(file)
	}
	return layout.Target{
		Format: layout.Format(t.Format), UTCOffset: t.UTCOffset, Layout: t.Layout, Key: t.Key, File: file,
		Prefix: t.Prefix, Mini: t.Mini, SecretInKey: t.SecretInKey,
	}
}

// MarshalYAML shows a key without the AppSecret that it may hold.
func (t Target) MarshalYAML() (any, error) {
	type shown Target
	t.Key = t.layout().ShownKey()
	return shown(t), nil
}

// Places are where the token of c is written for a target, one for each key or
// file. It reads the AppSecret if a key is made of it, or could be. What is wrong
// with the target is a *layout.Refusal.
func (c Credential) Places(ctx context.Context, t Target) (all []credential.Target, err error) {
	of, account := t.layout(), c.Account()
	subject := layout.Subject{
		Credential: c.Key, Kind: c.Kind, API: c.API, Account: account.ID, AgentID: account.AgentID,
	}
	if of.NeedsSecret(c.Kind) && account.HasSecret() {
		if subject.Secret, err = account.ReadSecret(ctx); err != nil && t.Layout != "" {
			return nil, err
		}
	}
	mirrors, err := of.Mirrors(subject)
	// It was checked with the option.
	mode, _ := strconv.ParseUint(t.Mode, 8, 16)
	for _, m := range mirrors {
		all = append(all, credential.Target{Mirror: m, Mode: fs.FileMode(mode)})
	}
	return all, err
}

// AllPlaces are those of all targets.
func (c Credential) AllPlaces(ctx context.Context) (all []credential.Target, err error) {
	for _, t := range c.Targets {
		places, err := c.Places(ctx, t)
		if err != nil {
			return nil, err
		}
		all = append(all, places...)
	}
	return all, nil
}

func formats() (names []string) {
	for _, format := range layout.Formats() {
		names = append(names, string(format))
	}
	return names
}

// checkMode takes what the owner can read, and nobody else write.
func checkMode(text string) error {
	if !regexp.MustCompile(`^0[46][04][04]$`).MatchString(text) {
		return errors.New(`must be four octal digits such as "0640": the owner can read, and nobody else write`)
	}
	return nil
}
