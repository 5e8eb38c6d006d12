package credential_test

import (
	"slices"
	"testing"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
)

// Kinds and the table name the same kinds, and all that is said of each agrees.
func TestKinds(t *testing.T) {
	for _, form := range credential.Kinds() {
		for _, api := range form.APIs {
			traits, known := credential.TraitsOf(form.Kind, api)
			if !known || traits.Parent != form.Parent || traits.Ahead <= 0 || traits.Ahead >= life || traits.DailyLimit <= 0 {
				t.Errorf("%+v, api %q: %+v", form, api, traits)
			}
		}
		if _, known := credential.TraitsOf(form.Kind, "other"); known {
			t.Errorf("%s has an api %q", form.Kind, "other")
		}
		parent := slices.IndexFunc(credential.Kinds(), func(f credential.Form) bool { return f.Kind == form.Parent })
		if form.Parent != "" && (parent < 0 || credential.Kinds()[parent].AtWeCom != form.AtWeCom) {
			t.Errorf("%+v: no such parent at its platform", form)
		}
	}
}

// Whoever has no agentid names the corp alone.
func TestAccountOfWeCom(t *testing.T) {
	house(t, nil, func(f family) {
		var all []secret.Token
		for _, account := range []string{corpID, agent} {
			grant, err := f.kinds[credential.WeCom].Draw(f.within(), credential.Inputs{Account: account, Secret: appSecret})
			if err != nil {
				f.Error(err)
			}
			all = append(all, grant.Token)
		}
		if all[0] != all[1] {
			f.Errorf("one secret gave %v", all)
		}
	})
}
