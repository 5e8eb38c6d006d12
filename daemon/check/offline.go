package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
)

// offline is what can be seen without asking anybody.
func offline(ctx context.Context, r *report, c config.Config, environ []string) {
	r.ok("configuration", "%d credential(s), no contradictions", len(c.Credentials))
	for _, w := range slices.Concat(warnings(c, environ), fileModes(c)) {
		r.warning(w)
	}
	drawn := map[string]string{}
	for _, credential := range c.Credentials {
		appSecret(ctx, r, credential)
		slack(r, c, credential)
		rival(r, drawn, credential)
	}
}

// fileModes finds the files of secrets that everybody on this host may read.
// Who is in the group was decided by somebody, and a Secret of Kubernetes has
// its mode from the manifest: nobody outside of the pod sees its files.
func fileModes(c config.Config) (all []warning) {
	for _, path := range c.SecretFiles() {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o007 == 0 || inKubernetes(path) {
			continue
		}
		saw := fmt.Sprintf("%s holds a secret and has mode %04o: everybody on this host may use it", path, info.Mode().Perm())
		all = append(all, warning{"file mode", saw, "chmod o= " + path})
	}
	return all
}

// inKubernetes knows the volumes of Secrets: their files are links to
// ..data/NAME, and ..data is one to a directory ..YEAR_MONTH_DAY and so on.
func inKubernetes(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	return err == nil && strings.Contains(target, string(filepath.Separator)+"..2")
}

// appSecret looks at the AppSecret without showing it. The fingerprint lets two
// hosts be compared; it is shown only of what can be no guessable password.
func appSecret(ctx context.Context, r *report, c config.Credential) {
	subject := "secret " + c.Key
	if !c.Mint && c.Secret == "" && c.SecretFile == "" {
		r.skip(subject, "mint: false needs none")
		return
	}
	text, err := c.ReadSecret(ctx)
	switch {
	case err != nil:
		r.fail(subject, "put the AppSecret into that file, readable for the user that the daemon runs as", "%v", err)
	case !isAppSecret(text):
		r.warning(notAnAppSecret(c, text))
	default:
		r.ok(subject, "from %s: 32 hex digits, fingerprint %s", source(c), text.Fingerprint())
	}
}

// slack is how long WeChat may be away around a refresh before readers notice.
// After a daemon died in a refresh, the next one has to wait for its lease, see
// that it is over, and ask WeChat: ahead has to cover that.
func slack(r *report, c config.Config, one config.Credential) {
	needed := one.Lease + c.Refresh.Poll + c.WeChat.Timeout
	traits, _ := credential.TraitsOf(credential.OfficialAccount, one.API)
	// Whoever asks earlier gets the old token again.
	window := traits.RenewWindow
	ahead, cure, why := one.Ahead, fmt.Sprintf("set ahead well above %v", needed), ""
	if window > 0 {
		if ahead > window {
			ahead, why = window, fmt.Sprintf(", of which stable can use %v", window)
		}
		if needed >= window {
			cure = fmt.Sprintf("make lease and poll shorter: with wechat.timeout they have to stay well below %v, "+
				"before which stable gives no new token", window)
		} else {
			cure += fmt.Sprintf("; more than %v is of no use to stable", window)
		}
	}
	if spare := ahead - needed; one.Mint && spare <= 0 {
		r.warn("slack "+one.Key, cure,
			"%v: ahead %v%s − (lease %v + poll %v + wechat.timeout %v): "+
				"a daemon that dies in a refresh leaves its readers without a token",
			spare.Round(time.Millisecond), one.Ahead, why, one.Lease, c.Refresh.Poll, c.WeChat.Timeout)
	}
}

// rival finds two credentials that draw from the classic channel of one
// account: each token of one starts the last five minutes of the other's. Two
// on the stable channel get the same token and live in peace.
func rival(r *report, drawn map[string]string, c config.Credential) {
	traits, _ := credential.TraitsOf(credential.OfficialAccount, c.API)
	if !c.Mint || !traits.Replaces {
		return
	}
	if other, taken := drawn[c.AppID]; taken {
		r.fail("appid "+c.AppID, "use api: stable for both, or keep one and let all applications read its key",
			"%s and %s both draw classic tokens for it, and replace each other's without end", other, c.Key)
	}
	drawn[c.AppID] = c.Key
}
