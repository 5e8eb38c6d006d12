package check

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

// warning is what works, but perhaps not as somebody meant it, with its cure.
type warning struct{ subject, saw, cure string }

// Warner tells the log of a daemon of them, at the start and after each reload.
type Warner struct {
	log     *slog.Logger
	environ []string

	mu sync.Mutex
	// Those of the configuration before.
	told map[warning]bool
}

// NewWarner returns one. Environ is that of the process, as of os.Environ.
func NewWarner(log *slog.Logger, environ []string) *Warner {
	return &Warner{log: log, environ: environ}
}

// Warn writes what is new about c, twenty lines at most.
func (w *Warner) Warn(ctx context.Context, c config.Config) {
	const most = 20
	all := warnings(c, w.environ)
	for _, credential := range c.Credentials {
		text, err := credential.ReadSecret(ctx)
		if w := notAnAppSecret(credential, text); err == nil && w.saw != "" {
			all = append(all, w)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := slices.DeleteFunc(slices.Clone(all), func(one warning) bool { return w.told[one] })
	for _, one := range fresh[:min(most, len(fresh))] {
		w.log.Warn(one.saw, "subject", one.subject, "cure", one.cure)
	}
	if more := len(fresh) - most; more > 0 {
		w.log.Warn("there are more warnings about the configuration", "more", more, "cure", "wxtokend check lists them")
	}
	w.told = map[warning]bool{}
	for _, one := range all {
		w.told[one] = true
	}
}

// What the secrets of each look like.
var (
	ofWeChat = regexp.MustCompile(`^[0-9a-f]{32}$`)
	ofWeCom  = regexp.MustCompile(`^[\w-]{40,}$`)
)

// notAnAppSecret warns of what does not look like one. It is the zero warning for
// what does.
func notAnAppSecret(c config.Credential, text secret.Secret) warning {
	form := ofWeChat
	what, cure := "32 hex digits as WeChat's AppSecrets are",
		"compare it with the developer page of the account: look for capital letters, spaces, quotes or a cut end"
	if c.Form().AtWeCom {
		form = ofWeCom
		what, cure = "43 letters and digits as the secrets of WeCom are",
			"compare it with the page of the app in the console of WeCom: look for spaces, quotes or a cut end"
	}
	if c.Form().Parent != "" || form.MatchString(text.Reveal()) {
		return warning{}
	}
	return warning{"secret " + c.Key, fmt.Sprintf("from %s: not %s, but %d byte(s)", source(c), what, len(text)), cure}
}

func source(c config.Credential) string {
	if c.SecretFile == "" {
		return "option secret"
	}
	return c.SecretFile
}

// ofService knows the variables that Kubernetes makes for a Service named
// wxtokend or wxtokend-something. A port that somebody wrote has no scheme.
var ofService = regexp.MustCompile(`^WXTOKEND_(\w+_)?(SERVICE_HOST=|SERVICE_PORT(_\w+)?=|PORT=\w+://|PORT_\d+_\w+=)`)

// warnings lists what is legal and seldom meant.
func warnings(c config.Config, environ []string) (all []warning) {
	known := config.Variables()
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if value != "" && strings.HasPrefix(name, "WXTOKEND_") && !slices.Contains(known, name) &&
			!ofService.MatchString(entry) {
			all = append(all, warning{"environment", fmt.Sprintf("the variable %.80q sets nothing", name),
				"remove it; the variables that exist stand in brackets in config.yaml"})
		}
	}
	return slices.Concat(all, passedBy(c, environ), tooLate(c), tooManyQuestions(c))
}

// passedBy are the proxies of the environment that curl would take to an address
// that is asked here without.
func passedBy(c config.Config, environ []string) (all []warning) {
	set := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		set[name] = value
	}
	for _, address := range asked(c) {
		// It is a URL, as config.Load has checked.
		u, _ := url.Parse(address)
		names := []string{u.Scheme + "_proxy", strings.ToUpper(u.Scheme) + "_PROXY", "all_proxy", "ALL_PROXY"}
		first := slices.IndexFunc(names, func(name string) bool { return set[name] != "" })
		direct := config.IsLoopback(u.Hostname()) || noProxy(cmp.Or(set["no_proxy"], set["NO_PROXY"]), u.Hostname())
		if first >= 0 && c.WeChat.Proxy == "" && !direct {
			saw := "the variable " + names[first] + " is set and wechat.proxy is not: " + address + " is asked directly"
			all = append(all, warning{"proxy", saw, "set wechat.proxy if it is to be reached through it, as curl would; " +
				"otherwise unset the variable, or name the host in NO_PROXY"})
		}
	}
	return all
}

// noProxy says that a list of domains, as NO_PROXY has them, names the host.
func noProxy(list, host string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }),
		func(domain string) bool {
			domain = strings.ToLower(strings.TrimPrefix(domain, "."))
			return domain == "*" || strings.HasSuffix("."+strings.ToLower(host), "."+domain)
		})
}

// asked are the addresses that tokens are drawn from.
func asked(c config.Config) (all []string) {
	for _, one := range c.Credentials {
		if address := c.WeChat.AddressFor(one); one.Mint && !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	return all
}

// tooLate wants a token to be replaced before a reader draws one of its own.
func tooLate(c config.Config) (all []warning) {
	for _, one := range c.Credentials {
		for _, t := range one.Targets {
			if draws := (layout.Target{Layout: t.Layout}).Draws(); one.Ahead <= draws {
				saw := fmt.Sprintf("%v: %s draws its own up to %v before the end", one.Ahead, t.Layout, draws)
				all = append(all, warning{"ahead " + one.Key, saw, fmt.Sprintf("set it to more than %v", draws)})
			}
		}
	}
	return all
}

// tooManyQuestions wants the questions of a day to be fewer than WeChat answers:
// about a thousand, of which two dozen an hour are kept for doubtful events. It
// is no error: the daemon lives with what WeChat answers no more.
func tooManyQuestions(c config.Config) (all []warning) {
	const day, answered, doubtful = 24 * time.Hour, 1000, 24 * 24
	least := (day / (answered - doubtful)).Round(time.Second)
	told := map[time.Duration]bool{}
	for _, one := range c.Credentials {
		// A simulator answers as often as it is asked.
		base, _ := url.Parse(c.WeChat.AddressFor(one))
		asks := one.Mint && one.Traits().Verifiable && !config.IsLoopback(base.Hostname())
		if every := one.VerifyEvery; asks && every < least && !told[every] {
			told[every] = true
			saw := fmt.Sprintf("%v: up to %d questions a day and %d more after doubtful events, of which WeChat answers "+
				"about %d: then a dead token is noticed hours later", every, day/every, doubtful, answered)
			all = append(all, warning{"verify_every " + one.Key, saw, fmt.Sprintf("set it to %v or more", least)})
		}
	}
	return all
}
