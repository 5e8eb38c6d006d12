package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/credential"
	"wxtokend/daemon/lock"
)

// offline is what can be seen without asking anybody.
func offline(ctx context.Context, r *report, c config.Config, environ []string) {
	r.ok("configuration", "%d credential(s)%s, no contradictions", len(c.Credentials), kinds(c.Credentials))
	for _, w := range warnings(c, environ) {
		r.warn(w.subject, w.cure, "%s", w.saw)
	}
	for _, path := range c.SecretFiles() {
		fileMode(r, path)
	}
	certificate(ctx, r, c.HTTP.WebConfigFile)
	consumers(ctx, r, c)
	drawn := map[string]string{}
	for _, one := range c.Credentials {
		appSecret(ctx, r, one)
		files(r, one)
		if one.Mint {
			slack(r, c, one, one.Traits())
		}
		if one.Mint && one.Traits().Replaces {
			drawnTwice(r, drawn, one)
		}
	}
}

// kinds counts them, where there are others than official accounts.
func kinds(all []config.Credential) string {
	var parts []string
	for _, form := range credential.Kinds() {
		n := 0
		for _, c := range all {
			if c.Kind == form.Kind {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, form.Kind))
		}
	}
	if len(parts) == 1 && all[0].Kind == credential.OfficialAccount {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// files looks at the directories of the files that readers read.
func files(r *report, c config.Credential) {
	for _, t := range c.Targets {
		if t.File == "" {
			continue
		}
		dir := filepath.Dir(t.File)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			r.warn("target "+t.File, "make it, such that the user that the daemon runs as may write there",
				"%s is no directory", dir)
		}
	}
}

// fileMode warns of a secret that everybody on this host may read. Who is in
// the group was decided by somebody, and a Secret of Kubernetes has its mode from
// the manifest: nobody outside of the pod sees its files. They are links to
// ..data/NAME, and ..data is one to a directory ..YEAR_MONTH_DAY and so on.
func fileMode(r *report, path string) {
	info, err := os.Stat(path)
	target, _ := filepath.EvalSymlinks(path)
	if err == nil && info.Mode().Perm()&0o007 != 0 && !strings.Contains(target, "/..2") {
		r.warn("file mode", "chmod o= "+path,
			"%s holds a secret and has mode %04o: everybody on this host may use it", path, info.Mode().Perm())
	}
}

// certificate looks at how long that of http.listen still lives.
func certificate(ctx context.Context, r *report, path string) {
	if path == "" {
		return
	}
	const soon = 7 * 24 * time.Hour
	l, err := lock.Open(ctx, path)
	if err != nil || l.Ends().IsZero() {
		return
	}
	const subject, cure = "certificate", "renew it: a new one is used within 10 s, without a restart"
	ends, left := l.Ends().UTC().Format(time.RFC3339), time.Until(l.Ends())
	switch {
	case left <= 0:
		r.fail(subject, cure, "that of %s has expired at %s", path, ends)
	case left < soon:
		r.warn(subject, cure, "that of %s expires at %s, in less than a week", path, ends)
	default:
		r.ok(subject, "that of %s lives until %s", path, ends)
	}
}

// appSecret looks at the AppSecret without showing it. The fingerprint lets two
// hosts be compared; it is shown only of what can be no guessable password.
func appSecret(ctx context.Context, r *report, c config.Credential) {
	subject := "secret " + c.Key
	switch {
	case c.Traits().Parent != "":
		r.skip(subject, "it is drawn with the token of %s", c.From)
		return
	case !c.Mint && !c.Account().HasSecret():
		r.skip(subject, "mint: false needs none")
		return
	}
	text, err := c.ReadSecret(ctx)
	if err != nil {
		r.fail(subject, "put the AppSecret into that file, readable for the user that the daemon runs as", "%v", err)
	} else if w := notAnAppSecret(c, text); w.saw != "" {
		r.warn(w.subject, w.cure, "%s", w.saw)
	} else {
		form := "32 hex digits"
		if c.Form().AtWeCom {
			form = fmt.Sprintf("%d characters", len(text))
		}
		r.ok(subject, "from %s: %s, fingerprint %s", source(c), form, text.Fingerprint())
	}
}

// slack is how long WeChat may be away around a refresh before readers notice.
// After a daemon died in a refresh, the next one has to wait for its lease, see
// that it is over, and ask WeChat: ahead has to cover that.
func slack(r *report, c config.Config, one config.Credential, traits credential.Traits) {
	needed := one.Lease + c.Refresh.Poll + c.WeChat.Timeout
	usable, cure := one.Ahead, fmt.Sprintf("set ahead well above %v, or make lease and poll shorter", needed)
	// Whoever asks earlier gets the old token again.
	if window := traits.RenewWindow; window > 0 {
		usable = min(usable, window)
		cure += fmt.Sprintf("; more than %v of ahead is of no use to %s", window, one.API)
	}
	if usable <= needed {
		r.warn("slack "+one.Key, cure, "%v: ahead %v − (lease %v + poll %v + wechat.timeout %v): "+
			"a daemon that dies in a refresh leaves its readers without a token",
			usable-needed, usable, one.Lease, c.Refresh.Poll, c.WeChat.Timeout)
	}
}

// drawnTwice finds two credentials that draw from the classic channel of one
// account: each token of one starts the last five minutes of the other's. Two
// on the stable channel get the same token and live in peace.
func drawnTwice(r *report, drawn map[string]string, c config.Credential) {
	if other, taken := drawn[c.AppID]; taken {
		r.fail("appid "+c.AppID, "use api: stable for both, or keep one and let all applications read its key",
			"%s and %s both draw classic tokens for it, and replace each other's without end", other, c.Key)
	}
	drawn[c.AppID] = c.Key
}
