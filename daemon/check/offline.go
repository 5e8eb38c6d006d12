package check

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"wxtokend/daemon/config"
)

// offline is what can be seen without asking anybody.
func offline(ctx context.Context, r *report, c config.Config) {
	r.ok("configuration", "%d credential(s), no contradictions", len(c.Credentials))
	for _, warning := range c.FileModeWarnings() {
		saw, cure := warning, ""
		if i := strings.LastIndex(warning, ": "); i >= 0 {
			saw, cure = warning[:i], warning[i+2:]+" (a mount that its group may read on purpose is fine)"
		}
		r.warn("file mode", cure, "%s", saw)
	}
	drawn := map[string]string{}
	for _, credential := range c.Credentials {
		appSecret(ctx, r, credential)
		slack(r, c, credential)
		rival(r, drawn, credential)
	}
}

// appSecret looks at the AppSecret without showing it. The fingerprint lets two
// hosts be compared; it is shown only of what can be no guessable password.
func appSecret(ctx context.Context, r *report, c config.Credential) {
	subject := "secret " + c.Key
	if !c.Mint && c.Secret == "" && c.SecretFile == "" {
		r.skip(subject, "mint: false needs none")
		return
	}
	from := c.SecretFile
	if from == "" {
		from = "option secret"
	}
	text, err := c.ReadSecret(ctx)
	switch {
	case err != nil:
		r.fail(subject, "put the AppSecret into that file, readable for the user that the daemon runs as", "%v", err)
	case !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(text.Reveal()):
		r.warn(subject, "compare it with the developer page of the account: look for spaces, quotes, a second line or a cut end",
			"from %s: not 32 hex digits as WeChat's AppSecrets are, but %d byte(s)", from, len(text.Reveal()))
	default:
		r.ok(subject, "from %s: 32 hex digits, fingerprint %s", from, text.Fingerprint())
	}
}

// window is how long before the expiry the stable endpoint begins to give a new
// token: whoever asks earlier gets the old one again.
const window = 5 * time.Minute

// slack is how long WeChat may be away around a refresh before readers notice.
// After a daemon died in a refresh, the next one has to wait for its lease, see
// that it is over, and ask WeChat: ahead has to cover that.
func slack(r *report, c config.Config, credential config.Credential) {
	needed := credential.Lease + c.Refresh.Poll + c.WeChat.Timeout
	ahead, cure, why := credential.Ahead, fmt.Sprintf("set ahead well above %v", needed), ""
	if credential.API == "stable" {
		if ahead > window {
			ahead, why = window, fmt.Sprintf(", of which stable can use %v", window)
		}
		if needed >= window {
			cure = fmt.Sprintf("make lease and poll shorter: with wechat.timeout they have to stay well below %v, before which stable gives no new token", window)
		} else {
			cure += fmt.Sprintf("; more than %v is of no use to stable", window)
		}
	}
	if spare := ahead - needed; credential.Mint && spare <= 0 {
		r.warn("slack "+credential.Key, cure,
			"%v: ahead %v%s − (lease %v + poll %v + wechat.timeout %v): a daemon that dies in a refresh leaves its readers without a token",
			spare.Round(time.Millisecond), credential.Ahead, why, credential.Lease, c.Refresh.Poll, c.WeChat.Timeout)
	}
}

// rival finds two credentials that draw from the classic channel of one
// account: each token of one starts the last five minutes of the other's. Two
// on the stable channel get the same token and live in peace.
func rival(r *report, drawn map[string]string, c config.Credential) {
	if !c.Mint || c.API != "classic" {
		return
	}
	if other, taken := drawn[c.AppID]; taken {
		r.fail("appid "+c.AppID, "use api: stable for both, or keep one and let all applications read its key",
			"%s and %s both draw classic tokens for it, and replace each other's without end", other, c.Key)
	}
	drawn[c.AppID] = c.Key
}
